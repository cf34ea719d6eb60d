"""The official split of Google Speech Commands: by its lists where they are, else by the hash of the speaker."""

from __future__ import annotations

import hashlib
from pathlib import Path, PurePosixPath

from kws.errors import DataError

TRAIN, VALIDATION, TEST = "train", "validation", "test"
SIDES = (TRAIN, VALIDATION, TEST)

VALIDATION_PERCENTS = (0.0, 10.0)
TEST_PERCENTS = (10.0, 20.0)

_SPEAKER_END = "_nohash_"
_LISTS = {VALIDATION: "validation_list.txt", TEST: "testing_list.txt"}
_MAX_CLIPS_PER_WORD = 2**27 - 1


def speaker_of(name: str) -> str | None:
    """Return the speaker in the name of a clip, ``c4f875a9_nohash_0.wav`` -> ``c4f875a9``; None in other names."""
    speaker, mark, _ = PurePosixPath(name).name.partition(_SPEAKER_END)
    return speaker if mark and speaker else None


def hash_percent(speaker: str) -> float:
    """Return where the official hash puts a speaker, 0 to 100: below 10 validation, below 20 test, else training.

    References
    ----------
    Warden, "Speech Commands: A Dataset for Limited-Vocabulary Speech Recognition", arXiv:1804.03209, section 7.4;
    ``which_set`` in tensorflow/examples/speech_commands/input_data.py.
    """
    number = int(hashlib.sha1(speaker.encode()).hexdigest(), 16)
    return (number % (_MAX_CLIPS_PER_WORD + 1)) * (100.0 / _MAX_CLIPS_PER_WORD)


class OfficialSplit:
    """Tells the side of each clip of a data set in the official layout.

    A clip lies in the folder of its word, ``yes/c4f875a9_nohash_0.wav``. Where the folder above the words holds
    ``validation_list.txt`` and ``testing_list.txt``, they decide; a suffix does not matter, so that a copy in another
    format falls on the same side. Else the hash of the speaker does. Either way a speaker is on one side only.

    Parameters
    ----------
    validation_percents, test_percents : tuple of float
        Ranges of the hash, the first end included. With other ranges than the official ones the lists are not read.
    """

    def __init__(
        self,
        validation_percents: tuple[float, ...] = VALIDATION_PERCENTS,
        test_percents: tuple[float, ...] = TEST_PERCENTS,
    ) -> None:
        self._ranges = {VALIDATION: validation_percents, TEST: test_percents}
        self._reads_lists = self._ranges == {VALIDATION: VALIDATION_PERCENTS, TEST: TEST_PERCENTS}
        self._listed: dict[Path, dict[str, str] | None] = {}

    def side(self, path: Path) -> str | None:
        """Return ``"train"``, ``"validation"`` or ``"test"``; None for a file that is no clip of the data set.

        Raises
        ------
        DataError
            If only one of the two lists is there, or one cannot be read.
        """
        speaker = speaker_of(path.name)
        if speaker is None:
            return None
        listed = self._lists(path.parent.parent)
        if listed is not None:
            return listed.get(f"{path.parent.name}/{path.stem}", TRAIN)
        percent = hash_percent(speaker)
        return next((side for side, (low, high) in self._ranges.items() if low <= percent < high), TRAIN)

    def _lists(self, folder: Path) -> dict[str, str] | None:
        if not self._reads_lists:
            return None
        if folder not in self._listed:
            self._listed[folder] = _read_lists(folder)
        return self._listed[folder]


def _read_lists(folder: Path) -> dict[str, str] | None:
    there = {side: folder / name for side, name in _LISTS.items() if (folder / name).is_file()}
    if not there:
        return None
    for side, name in _LISTS.items():
        if side not in there:
            raise DataError(f"{folder}: holds one list of the official split but no {name}; accepted are both or none")
    found: dict[str, str] = {}
    for side, path in there.items():
        try:
            lines = path.read_text(encoding="utf8").split()
        except (OSError, UnicodeDecodeError) as error:
            raise DataError(f"{path}: cannot be read ({error})") from None
        found |= {str(PurePosixPath(line).with_suffix("")): side for line in lines}
    return found
