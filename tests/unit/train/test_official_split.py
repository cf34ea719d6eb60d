"""The official split of Google Speech Commands: the published hash, the lists, and nobody on two sides."""

import hashlib
import re
from pathlib import Path

import pytest

from kws.errors import DataError
from kws.train.official_split import SIDES, TEST, TRAIN, VALIDATION, OfficialSplit, hash_percent, speaker_of

# Sides of clips as the published lists of version 0.01 have them; each of another speaker.
PUBLISHED = {
    "bed/0132a06d_nohash_0.wav": TRAIN,
    "bed/c4f875a9_nohash_0.wav": TRAIN,
    "bed/afbec28d_nohash_0.wav": TRAIN,
    "yes/6272b231_nohash_1.wav": TRAIN,
    "yes/6a27a9bf_nohash_0.wav": VALIDATION,
}


def published_side(name: str, validation_percentage: float = 10, testing_percentage: float = 10) -> str:
    """Return the side by the formula of the paper, written down anew with exact whole numbers."""
    speaker = re.sub(r"_nohash_.*$", "", name.rsplit("/", 1)[-1])
    number = int.from_bytes(hashlib.sha1(speaker.encode()).digest(), "big") & 0x7FFFFFF
    # percentage = number * 100 / (2^27 - 1), compared without rounding.
    if number * 100 < validation_percentage * 0x7FFFFFF:
        return VALIDATION
    return TEST if number * 100 < (validation_percentage + testing_percentage) * 0x7FFFFFF else TRAIN


@pytest.mark.parametrize(("name", "side"), PUBLISHED.items())
def test_known_clips(name: str, side: str) -> None:
    assert OfficialSplit().side(Path("root") / name) == side


def test_thousands_of_speakers_as_the_formula_says() -> None:
    split = OfficialSplit()
    counts = dict.fromkeys(SIDES, 0)
    for number in range(5000):
        name = f"yes/{number * 2654435761 % 2**32:08x}_nohash_0.wav"
        side = split.side(Path("root") / name)
        assert side == published_side(name)
        counts[side] += 1
    # 10 % each within five standard deviations of 5000 draws.
    assert abs(counts[VALIDATION] - 500) < 106 and abs(counts[TEST] - 500) < 106


def test_a_speaker_is_on_one_side_whatever_he_says_and_how_often() -> None:
    split = OfficialSplit()
    for speaker in ("004ae714", "6a27a9bf", "c4f875a9", "0137b3f4"):
        sides = {split.side(Path(f"x/{word}/{speaker}_nohash_{n}.wav")) for word in ("yes", "cat") for n in range(5)}
        assert len(sides) == 1


def test_hash_ends() -> None:
    assert hash_percent("c4f875a9") == pytest.approx(
        (int(hashlib.sha1(b"c4f875a9").hexdigest(), 16) % 2**27) * 100 / (2**27 - 1)
    )


def test_other_names_are_no_clips_of_the_set() -> None:
    assert speaker_of("yes/c4f875a9_nohash_3.flac") == "c4f875a9"
    assert speaker_of("white_noise.wav") is None
    assert speaker_of("_nohash_0.wav") is None
    assert OfficialSplit().side(Path("noise/white_noise.wav")) is None


def write_lists(root: Path, validation: list[str], test: list[str]) -> None:
    (root / "validation_list.txt").write_text("\n".join(validation) + "\n")
    (root / "testing_list.txt").write_text("\n".join(test) + "\n")


def test_lists_are_followed_where_they_are(tmp_path: Path) -> None:
    # The hash would say train for all three.
    write_lists(tmp_path, ["bed/0132a06d_nohash_0.wav"], ["bed/c4f875a9_nohash_0.wav"])
    split = OfficialSplit()
    assert split.side(tmp_path / "bed" / "0132a06d_nohash_0.wav") == VALIDATION
    assert split.side(tmp_path / "bed" / "c4f875a9_nohash_0.wav") == TEST
    assert split.side(tmp_path / "bed" / "afbec28d_nohash_0.wav") == TRAIN
    # The hash would say validation; the lists do not name it.
    assert split.side(tmp_path / "yes" / "6a27a9bf_nohash_0.wav") == TRAIN


def test_a_copy_in_another_format_is_on_the_same_side(tmp_path: Path) -> None:
    write_lists(tmp_path, ["bed/0132a06d_nohash_0.wav"], ["bed/c4f875a9_nohash_0.wav"])
    assert OfficialSplit().side(tmp_path / "bed" / "0132a06d_nohash_0.flac") == VALIDATION


def test_one_list_alone_is_an_error(tmp_path: Path) -> None:
    (tmp_path / "validation_list.txt").write_text("bed/0132a06d_nohash_0.wav\n")
    with pytest.raises(DataError, match=r"no testing_list\.txt; accepted are both or none"):
        OfficialSplit().side(tmp_path / "bed" / "0132a06d_nohash_0.wav")


def test_other_ranges_of_the_hash_do_without_the_lists(tmp_path: Path) -> None:
    write_lists(tmp_path, [], [])
    split = OfficialSplit(validation_percents=(20.0, 30.0), test_percents=(0.0, 10.0))
    for number in range(300):
        name = f"{number * 2654435761 % 2**32:08x}_nohash_0.wav"
        percent = hash_percent(name[:8])
        expected = TEST if percent < 10 else VALIDATION if 20 <= percent < 30 else TRAIN
        assert split.side(tmp_path / "yes" / name) == expected
