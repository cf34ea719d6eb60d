"""Clips of a phrase, of what sounds like it, and of other speech, by speech synthesis."""

from data_tools.speak.make import Outcome, Summary, claim_folder, make_clips
from data_tools.speak.plan import CONFUSABLES, POSITIVES, SENTENCES, Counts, Job, Plan

__all__ = [
    "CONFUSABLES",
    "POSITIVES",
    "SENTENCES",
    "Counts",
    "Job",
    "Outcome",
    "Plan",
    "Summary",
    "claim_folder",
    "make_clips",
]
