"""The folder that mining fills: clips with labels, what is done already, and the manifest over all of it."""

from __future__ import annotations

import contextlib
import hashlib
import json
import re
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from kws.audio import pcm16_sha1, to_pcm16, write_audio
from kws.config import SAMPLE_RATE_HZ
from kws.errors import DataError
from kws.evaluate.mining.ear import Find
from kws.evaluate.mining.settings import MiningSettings
from kws.files import write_json, write_text
from kws.labels import SUFFIX, Labels, Region
from kws.manifest import MANIFEST, Manifest, Row, inherited, write_manifest

FALSE_ACCEPTS, NEAR_MISSES, MISSES = "false-accepts", "near-misses", "misses"
"""Subfolders of the clips: what fired, what nearly did, and words that did not."""

NEGATIVE = "negative"
_STATE = ".mining"
_SETTINGS, _RESULTS = "settings.json", "results.jsonl"
# Of a proposal that would be nothing.
_LEAST_S = 0.02


@dataclass(frozen=True)
class Result:
    """What one recording, or one session at the microphone, came to.

    Parameters
    ----------
    source : str
        The recording, as it was given.
    state : str
        Size and time of its file; another one is heard again.
    audio_s : float
    n_events : int
        How often the model fired; of recordings without the word, at what is no word that is known to be there.
    n_words, n_hits : int
        Words that are known to be there, and those that it fired at.
    rows : list of mapping
        Of the manifest, one a clip.
    """

    source: str
    state: str
    audio_s: float = 0.0
    n_events: int = 0
    n_words: int = 0
    n_hits: int = 0
    rows: tuple[Row, ...] = ()


class MinedFolder:
    """Writes clips and results; several processes may write clips to one folder.

    Parameters
    ----------
    out : Path
    settings : MiningSettings
    """

    def __init__(self, out: Path, settings: MiningSettings) -> None:
        self._out = out
        self._settings = settings
        self._state = out / _STATE
        self._results: dict[str, Result] = {}
        self._is_begun = False

    def claim(self) -> None:
        """Make the folder, or find that what it holds was mined in the same way.

        Raises
        ------
        DataError
            If it was mined with another model or other settings, or cannot be written.
        """
        mine = self._settings.to_json()
        place = self._state / _SETTINGS
        if not place.is_file():
            self._state.mkdir(parents=True, exist_ok=True)
            write_json(place, mine)
            return
        theirs = _read_json(place)
        differing = [name for name in mine if not isinstance(theirs, dict) or theirs.get(name) != mine[name]]
        if differing:
            raise DataError(
                f"{self._out}: was mined with another {', '.join(differing)}; accepted is another folder, or the same "
                "model and settings"
            )
        self._results = _read_results(self._state / _RESULTS)

    def find_result(self, source: Path) -> Result | None:
        """Return the result of a recording that was heard before and is as it was, else None."""
        result = self._results.get(str(source.resolve()))
        return result if result is not None and result.state == state_of(source) else None

    def keep_result(self, key: str, result: Result) -> None:
        """Note a result; its clips must be there. Only one process of a folder does this."""
        self._results[key] = result
        line = json.dumps({"key": key, **vars(result)}, ensure_ascii=False)
        try:
            # What follows a line that was cut off begins a line of its own.
            with (self._state / _RESULTS).open("a", encoding="utf-8") as file:
                file.write(f"{line}\n" if self._is_begun else f"\n{line}\n")
            self._is_begun = True
        except OSError as error:
            raise DataError(f"{self._state / _RESULTS}: cannot be written ({error.strerror})") from None

    def keep(self, find: Find, source: str, key: str, known: Row) -> Row:
        """Write the clip of a find with its labels, and return its row of the manifest."""
        kind = FALSE_ACCEPTS if find.is_event else NEAR_MISSES
        region = find.keyword, *find.region_s, find.score
        columns = {"label": NEGATIVE, "score": f"{find.score:.4f}"}
        return self._write(kind, find.samples, find.start_s, source, key, known, region, columns)

    def keep_miss(
        self,
        keyword: str,
        samples: npt.ArrayLike,
        start_s: float,
        word_s: tuple[float, float] | None,
        score: float,
        source: str,
        key: str,
        known: Row,
    ) -> Row:
        """Write the clip of a word that the model missed; its times are from the first sample of the clip."""
        columns = {"label": keyword, "score": f"{score:.4f}"}
        if word_s is not None:
            columns |= {"kw_start_s": f"{word_s[0]:.3f}", "kw_end_s": f"{word_s[1]:.3f}"}
        whole_s = 0.0, np.shape(samples)[-1] / SAMPLE_RATE_HZ
        region = keyword, *(word_s or whole_s), score
        return self._write(MISSES, samples, start_s, source, key, known, region, columns)

    def write_manifest(self) -> int:
        """Write the manifest over all clips that are still there, and return how many they are.

        What a person changed in a row stays.
        """
        path = self._out / MANIFEST
        changed = Manifest(path) if path.is_file() else None
        rows = []
        for row in (row for result in self._results.values() for row in result.rows):
            if (self._out / row["path"]).is_file():
                theirs = {} if changed is None else changed.named(row["path"])
                rows.append({**row, **{column: value for column, value in theirs.items() if value}})
        write_manifest(path, rows)
        return len(rows)

    def _write(
        self,
        kind: str,
        samples: npt.ArrayLike,
        start_s: float,
        source: str,
        key: str,
        known: Row,
        region: tuple[str, float, float, float],
        columns: Mapping[str, str],
    ) -> Row:
        pcm = to_pcm16(samples)
        stem = re.sub(r"[^\w.-]+", "-", Path(source).stem)[:60]
        word = re.sub(r"[^\w.-]+", "-", region[0]) if len(self._settings.keywords) > 1 else ""
        name = "_".join(filter(None, (stem, _short(key, 6), f"{round(start_s * 1000):09d}", word)))
        path = self._out / kind / f"{name}.flac"
        path.parent.mkdir(parents=True, exist_ok=True)
        write_audio(path, pcm)
        sha1, duration_s = pcm16_sha1(pcm), len(pcm) / SAMPLE_RATE_HZ
        labels = Labels(path.name, duration_s, sha1, (_proposal(region, duration_s),))
        write_text(path.with_name(f"{name}{SUFFIX}"), labels.to_text(), is_durable=False)
        return {
            **inherited(known),
            **columns,
            "path": f"{kind}/{path.name}",
            "keyword": region[0],
            "mined_from": source,
            "time_s": f"{start_s:.3f}",
            "sha1": sha1,
            "duration_s": f"{duration_s:.3f}",
            "sample_rate": str(SAMPLE_RATE_HZ),
        }


def state_of(path: Path) -> str:
    """Return a text that changes when a file does."""
    state = path.stat()
    return f"{state.st_size} {state.st_mtime_ns}"


def _proposal(region: tuple[str, float, float, float], duration_s: float) -> Region:
    label, start_s, end_s, score = region
    # Where audio begins with a word, or a manifest's times are longer than its recording, nothing may be left of it.
    end_s = round(min(max(end_s, _LEAST_S), duration_s), 3)
    start_s = round(max(0.0, min(start_s, end_s - _LEAST_S)), 3)
    return Region("m0", label, start_s, end_s, "model", "proposed", round(score, 4))


def _short(text: str, n_chars: int) -> str:
    return hashlib.sha1(text.encode(), usedforsecurity=False).hexdigest()[:n_chars]


def _read_results(path: Path) -> dict[str, Result]:
    results: dict[str, Result] = {}
    for line in path.read_text(encoding="utf-8", errors="replace").splitlines() if path.is_file() else ():
        # A line that was cut off by the end of the program does not count.
        with contextlib.suppress(ValueError, TypeError, KeyError, AttributeError):
            values = json.loads(line)
            key = str(values.pop("key"))
            results[key] = Result(**{**values, "rows": tuple(values["rows"])})
    return results


def _read_json(path: Path) -> Any:
    try:
        return json.loads(path.read_text(encoding="utf-8"))
    except (OSError, ValueError) as error:
        raise DataError(f"{path}: cannot be read ({error})") from None
