"""Layouts of data sets. A new one is one file and one line in `KINDS`."""

from __future__ import annotations

from pathlib import Path

from data_tools.ingest.entries import Kind
from data_tools.ingest.kinds.audacity import AUDACITY
from data_tools.ingest.kinds.common_voice import COMMON_VOICE
from data_tools.ingest.kinds.folders import FOLDERS
from data_tools.ingest.kinds.librispeech import LIBRISPEECH
from data_tools.ingest.kinds.precise import PRECISE
from data_tools.ingest.kinds.speech_commands import SPEECH_COMMANDS
from kws.errors import DataError
from kws.manifest import MANIFEST

_FOLDERS = "folders"

KINDS: dict[str, Kind] = {
    "speech-commands": SPEECH_COMMANDS,
    "precise": PRECISE,
    "common-voice": COMMON_VOICE,
    "librispeech": LIBRISPEECH,
    "audacity": AUDACITY,
    _FOLDERS: FOLDERS,
}
"""By name, in the order in which they are tried."""


def detect_kind(source: Path) -> str:
    """Return the name of the kind that a source looks like; a manifest of its own says more than any layout.

    Raises
    ------
    DataError
        If there is no such source, or it looks like none.
    """
    if not source.exists():
        raise DataError(f"{source}: no such file or folder")
    if (source / MANIFEST).is_file():
        return _FOLDERS
    for name, kind in KINDS.items():
        if kind.matches(source):
            return name
    raise DataError(f"{source}: is no data set that is known; accepted are {', '.join(KINDS)}")
