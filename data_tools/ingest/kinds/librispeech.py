"""LibriSpeech: ``dev-clean/84/121123/84-121123-0000.flac`` beside ``84-121123.trans.txt``."""

from __future__ import annotations

import re
from pathlib import Path

from data_tools.ingest.entries import Entry, Kind, Wanted, find_audio, read_text, speech_label
from kws.errors import DataError
from kws.manifest import split_of

_TRANSCRIPTS = "*.trans.txt"
_SPEAKERS = "SPEAKERS.TXT"
_SUBSET = re.compile(r"(train|dev|test)-\w+(-\w+)?")
_GENDERS = {"M": "male", "F": "female"}
_LICENCE = "CC BY 4.0"
# From the folder of a chapter over speaker and subset to that of the list of speakers.
_LEVELS = 5


def _matches(source: Path) -> bool:
    return source.is_dir() and next(source.rglob(_TRANSCRIPTS), None) is not None


def _entries(source: Path, wanted: Wanted) -> list[Entry]:
    genders = _genders(source)
    found = []
    for transcripts in sorted(source.rglob(_TRANSCRIPTS)):
        said = dict(line.split(" ", 1) for line in read_text(transcripts).splitlines() if " " in line)
        for path in find_audio(transcripts.parent):
            found.append(_entry(path, said.get(path.stem, ""), genders, wanted))
    if not found:
        raise DataError(f"{source}: holds no recordings beside files {_TRANSCRIPTS}")
    return found


def _entry(path: Path, transcript: str, genders: dict[str, str], wanted: Wanted) -> Entry:
    speaker = path.stem.partition("-")[0]
    subset = next((part for part in reversed(path.resolve().parts) if _SUBSET.fullmatch(part)), "")
    label = speech_label(transcript, wanted.word)
    columns = {
        "label": label,
        "speaker": f"ls_{speaker}",
        "split": split_of(subset.partition("-")[0]),
        "session": "-".join(path.stem.split("-")[:2]),
        "lang": "en",
        "gender": genders.get(speaker, ""),
        "transcript": transcript,
        "source": f"LibriSpeech {subset}".strip(),
        "licence": _LICENCE,
    }
    return Entry(path, "/".join(filter(None, (label, subset, path.stem))), columns)


def _genders(source: Path) -> dict[str, str]:
    places = [source.resolve(), *source.resolve().parents][:_LEVELS]
    path = next((place / _SPEAKERS for place in places if (place / _SPEAKERS).is_file()), None)
    if path is None:
        return {}
    lines = (line.split("|") for line in read_text(path).splitlines() if not line.startswith(";"))
    return {cells[0].strip(): _GENDERS.get(cells[1].strip(), "") for cells in lines if len(cells) > 1}


LIBRISPEECH = Kind("LibriSpeech: readers, chapters and transcripts", _matches, _entries)
