"""What is known of a clip: its side of the split, its speaker, and when its word is said."""

from __future__ import annotations

import hashlib
import math
from collections.abc import Sequence
from pathlib import Path

from kws.errors import DataError
from kws.manifest import Manifest, NearestManifests, Row
from kws.train.data_config import DataConfig
from kws.train.official_split import TEST, TRAIN, VALIDATION, OfficialSplit, speaker_of

_UNSPLIT = ("", "-", "unsplit")


_REQUIRED = ("path", "speaker", "split")


class SideRule:
    """Says for each clip of a recipe who speaks it and on which side it is.

    What the recipe's manifest does not list is looked up in the nearest ``manifest.csv`` at or above its folder, such
    as ``kws record`` and ``kws speak`` leave beside what they make.

    Parameters
    ----------
    config : DataConfig

    Raises
    ------
    DataError
        If a manifest cannot be read or lacks a column.
    """

    def __init__(self, config: DataConfig) -> None:
        self._config = config
        self._root = Path(config.root)
        self._stated = Manifest(self._root / config.manifest, _REQUIRED) if config.manifest else None
        self._nearest = NearestManifests()
        self._found: dict[str, tuple[Row, int]] = {}
        is_official = config.split == "speech_commands"
        self._official = OfficialSplit(config.validation_percents, config.test_percents) if is_official else None

    def row(self, relative: str) -> Row:
        """Return what the manifests say of a clip, empty if they do not list it."""
        return self._find(relative)[0]

    def _find(self, relative: str) -> tuple[Row, int]:
        """Return the row of a clip, and how many speakers its folder has; each is asked for several times."""
        if relative not in self._found:
            self._found[relative] = self._look_up(relative)
        return self._found[relative]

    def _look_up(self, relative: str) -> tuple[Row, int]:
        if self._stated is not None and (row := self._stated.named(relative)):
            return row, self._stated.n_speakers(relative)
        path = self._root / relative
        manifest = self._nearest.of(path)
        row = {} if manifest is None else manifest.row(path)
        return row, manifest.n_speakers(manifest.name(path)) if manifest is not None and row else 1

    def speaker(self, relative: str) -> str:
        """Return the speaker of a clip, ``""`` if it is not known."""
        known = self.row(relative).get("speaker", "")
        return known or (speaker_of(relative) or "" if self._official is not None else "")

    def is_synthetic(self, relative: str) -> bool:
        """Return whether a computer speaks the clip."""
        return bool(self.row(relative).get("synthetic"))

    def word_s(self, relative: str) -> tuple[float, float] | None:
        """Return where the manifest says that a clip's word starts and ends, in seconds; None if it says nothing.

        Raises
        ------
        DataError
            If what it says are no times in order.
        """
        row = self.row(relative)
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
        if self._only_judges(relative):
            return VALIDATION
        if self._official is not None:
            side = self._official.side(Path(self._config.root) / relative)
            if side is not None:
                return side
        row, n_speakers = self._find(relative)
        split = row.get("split", "")
        if split in self._config.validation_splits:
            return VALIDATION
        if split in self._config.test_splits:
            return TEST
        if split not in _UNSPLIT:
            return TRAIN
        key = row.get("speaker") or relative
        # One speaker alone would fall on one side whole: such a folder is split by clip.
        share = _hash_share(key if n_speakers > 1 else relative)
        return VALIDATION if share < self._config.validation_share else TRAIN

    def sides(self, relatives: Sequence[str]) -> list[str]:
        """Return the side of each clip of a folder, so that chance leaves neither training nor validation empty.

        Clips that a computer speaks are all for training, unless there are no others. What only judges stays so.

        A handful of clips may all hash to one side. Then the one that is nearest to the border changes over. Only
        chance is overruled: neither a manifest, nor the official rule, nor a speaker whose clips stay together.
        """
        sides = [self.side(relative) for relative in relatives]
        if all(map(self._only_judges, relatives)):
            return sides
        synthetic = [self.is_synthetic(relative) for relative in relatives]
        # Voices of a computer predict no person: where people speak, they judge alone.
        if not all(synthetic):
            sides = [TRAIN if is_made else side for side, is_made in zip(sides, synthetic, strict=True)]
        if len(sides) > 1 and len(set(sides)) == 1 and all(map(self._is_by_chance, relatives)):
            border = self._config.validation_share
            distances = [abs(_hash_share(relative) - border) for relative in relatives]
            sides[distances.index(min(distances))] = TRAIN if sides[0] == VALIDATION else VALIDATION
        return sides

    def _only_judges(self, relative: str) -> bool:
        places = self._config.validation_negatives
        return any((self._root / relative).is_relative_to(self._root / place) for place in places)

    def _is_by_chance(self, relative: str) -> bool:
        row = self.row(relative)
        return self._official is None and row.get("split", "") in _UNSPLIT and not row.get("speaker")

    def is_cut_by_time(self, relative: str) -> bool:
        """Return whether a recording of noise is on all sides, each with a stretch of its own.

        The official layout has six recordings of noise: no whole one can be spared for validation.
        """
        return self._official is not None and self.row(relative).get("split", "") in _UNSPLIT


def _hash_share(key: str) -> float:
    return int.from_bytes(hashlib.sha256(key.encode()).digest()[:4], "big") / 2**32
