"""What is known of a clip: its side of the split, its speaker, and when its word is said."""

from __future__ import annotations

import csv
import hashlib
import math
from collections.abc import Sequence
from pathlib import Path

from kws.errors import DataError
from kws.train.official_split import TEST, TRAIN, VALIDATION, OfficialSplit, speaker_of
from kws.train.recipe import DataConfig

_UNSPLIT = ("", "-", "unsplit")


class SideRule:
    """Says for each clip of a recipe who speaks it and on which side it is.

    Parameters
    ----------
    config : DataConfig

    Raises
    ------
    DataError
        If the manifest cannot be read or lacks a column.
    """

    def __init__(self, config: DataConfig) -> None:
        self._config = config
        self._rows = _read_manifest(Path(config.root), config.manifest)
        is_official = config.split == "speech_commands"
        self._official = OfficialSplit(config.validation_percents, config.test_percents) if is_official else None

    def speaker(self, relative: str) -> str:
        """Return the speaker of a clip, ``""`` if it is not known."""
        known = self._rows.get(relative, {}).get("speaker", "")
        return known or (speaker_of(relative) or "" if self._official is not None else "")

    def word_s(self, relative: str) -> tuple[float, float] | None:
        """Return where the manifest says that a clip's word starts and ends, in seconds; None if it says nothing.

        Raises
        ------
        DataError
            If what it says are no times in order.
        """
        row = self._rows.get(relative, {})
        texts = row.get("kw_start_s", ""), row.get("kw_end_s", "")
        if not any(texts):
            return None
        try:
            start, end = map(float, texts)
        except ValueError:
            start = end = math.nan
        if not 0.0 <= start < end < math.inf:
            raise DataError(
                f"{relative}: kw_start_s is {texts[0]!r} and kw_end_s {texts[1]!r}; accepted are seconds in order"
            )
        return start, end

    def side(self, relative: str) -> str:
        """Return ``"train"``, ``"validation"`` or ``"test"``."""
        if self._official is not None:
            side = self._official.side(Path(self._config.root) / relative)
            if side is not None:
                return side
        row = self._rows.get(relative, {})
        split = row.get("split", "")
        if split in self._config.validation_splits:
            return VALIDATION
        if split in self._config.test_splits:
            return TEST
        if split not in _UNSPLIT:
            return TRAIN
        key = row.get("speaker") or relative
        # One speaker alone would fall on one side whole: such a folder is split by clip.
        share = _hash_share(key if row.get("n_speakers", "1") != "1" else relative)
        return VALIDATION if share < self._config.validation_share else TRAIN

    def sides(self, relatives: Sequence[str]) -> list[str]:
        """Return the side of each clip of a folder, so that chance leaves neither training nor validation empty.

        A handful of clips may all hash to one side. Then the one that is nearest to the border changes over. Only
        chance is overruled: neither a manifest, nor the official rule, nor a speaker whose clips stay together.
        """
        sides = [self.side(relative) for relative in relatives]
        if len(sides) > 1 and len(set(sides)) == 1 and all(map(self._is_by_chance, relatives)):
            border = self._config.validation_share
            distances = [abs(_hash_share(relative) - border) for relative in relatives]
            sides[distances.index(min(distances))] = TRAIN if sides[0] == VALIDATION else VALIDATION
        return sides

    def _is_by_chance(self, relative: str) -> bool:
        row = self._rows.get(relative, {})
        return self._official is None and row.get("split", "") in _UNSPLIT and not row.get("speaker")

    def is_cut_by_time(self, relative: str) -> bool:
        """Return whether a recording of noise is on all sides, each with a stretch of its own.

        The official layout has six recordings of noise: no whole one can be spared for validation.
        """
        return self._official is not None and self._rows.get(relative, {}).get("split", "") in _UNSPLIT


def _hash_share(key: str) -> float:
    return int.from_bytes(hashlib.sha256(key.encode()).digest()[:4], "big") / 2**32


def _read_manifest(root: Path, name: str | None) -> dict[str, dict[str, str]]:
    if name is None:
        return {}
    path = root / name
    try:
        with path.open(encoding="utf8", newline="") as file:
            rows = list(csv.DictReader(file))
    except (OSError, UnicodeDecodeError, csv.Error) as error:
        raise DataError(f"{path}: manifest cannot be read ({error}); without one, leave data.manifest out") from None
    missing = {"path", "speaker", "split"} - set(rows[0] if rows else {})
    if missing:
        raise DataError(f"{path}: manifest has no column {', '.join(sorted(missing))}")
    speakers: dict[str, set[str]] = {}
    for row in rows:
        speakers.setdefault(row["path"].rpartition("/")[0], set()).add(row["speaker"])
    return {
        row["path"]: {
            "speaker": row["speaker"],
            "split": row["split"],
            "kw_start_s": row.get("kw_start_s") or "",
            "kw_end_s": row.get("kw_end_s") or "",
            "n_speakers": str(len(speakers[row["path"].rpartition("/")[0]])),
        }
        for row in rows
    }
