"""The one rule that turns scores into events: live, in evaluation and in the choice of a threshold."""

from kws.decision.policy import Decider, smooth, step_time_s
from kws.decision.sweep import sweep

__all__ = ["Decider", "smooth", "step_time_s", "sweep"]
