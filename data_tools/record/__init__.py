"""Recordings of a word: takes found by voice activity, judged, and written one by one.

Nothing here knows of sound devices: whoever opens one hands its blocks in (see ``kws/cli/record.py``).
"""

from __future__ import annotations

from data_tools.record.detector import Stretch, TakeDetector
from data_tools.record.judge import Rejection, judge
from data_tools.record.keys import open_keys
from data_tools.record.names import folder_name
from data_tools.record.room_tone import RoomTone
from data_tools.record.settings import TakeConfig
from data_tools.record.store import Store
from data_tools.record.take import Take
from data_tools.record.takes import TakeRecorder
from data_tools.record.vad import SileroVad, Vad
from data_tools.record.work import Event, Origin, Work, drive

__all__ = [
    "Event",
    "Origin",
    "Rejection",
    "RoomTone",
    "SileroVad",
    "Store",
    "Stretch",
    "Take",
    "TakeConfig",
    "TakeDetector",
    "TakeRecorder",
    "Vad",
    "Work",
    "drive",
    "folder_name",
    "judge",
    "open_keys",
]
