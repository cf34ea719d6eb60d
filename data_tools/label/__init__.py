"""Where keywords are in recordings: a page to label them, label files, label tracks and clips for an evaluation."""

from data_tools.label.listing import Place, list_places
from data_tools.label.proposals import Guess, Proposer
from data_tools.label.session import Session
from data_tools.label.store import read_labels, save_labels
from kws.labels import Labels, Region

__all__ = ["Guess", "Labels", "Place", "Proposer", "Region", "Session", "list_places", "read_labels", "save_labels"]
