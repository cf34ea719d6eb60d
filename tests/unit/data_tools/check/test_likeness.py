"""Near-duplicates of real words: found in many disguises, and never between two utterances."""

import json
from pathlib import Path

import numpy as np
import pytest
import soundfile

from data_tools.check.likeness import correlation, find_copies, groups_of, same_recordings
from data_tools.check.measure import measure_files
from kws.audio import read_audio, resample, write_audio

DEMO = Path(__file__).parents[4] / "kws" / "assets"


@pytest.fixture(scope="module")
def words() -> list[np.ndarray]:
    """The six "computer" of the demo, each by another voice, in its noise."""
    samples = read_audio(DEMO / "demo.flac")
    ends = json.loads((DEMO / "demo.json").read_text())["word_ends_s"]
    return [samples[round((end - 1.0) * 16_000) : round((end + 0.4) * 16_000)] for end in ends]


def pairs(folder: Path) -> list[tuple[str, str, float]]:
    paths = {path.name: path for path in sorted(folder.iterdir())}
    measures, failures = measure_files(paths)
    assert not failures
    return same_recordings(paths, measures)


DISGUISES = {
    "gain": lambda x, rng: 0.2 * x,
    "noise of 20 dB": lambda x, rng: x + 0.1 * np.std(x) * rng.standard_normal(len(x)),
    "upside down": lambda x, rng: -x,
    "other lead": lambda x, rng: np.concatenate([np.zeros(1777, np.float32), x]),
    "cut shorter": lambda x, rng: x[1500:-3000],
    "through 8 kHz": lambda x, rng: resample(resample(x, 16_000, 8000), 8000, 16_000),
}


@pytest.mark.parametrize("name", DISGUISES)
def test_each_word_is_found_again(words, name: str, tmp_path: Path) -> None:
    rng = np.random.default_rng(1)
    for number, word in enumerate(words):
        write_audio(tmp_path / f"{number}.wav", word)
        write_audio(tmp_path / f"{number}-copy.wav", DISGUISES[name](word, rng))
    found = pairs(tmp_path)
    assert [(a, b) for a, b, _ in found] == [(f"{n}-copy.wav", f"{n}.wav") for n in range(len(words))]
    assert all(likeness > 0.9 for _, _, likeness in found)


def test_copies_point_to_the_first_of_their_recording(words, tmp_path: Path) -> None:
    clips = {"a": words[0], "b": words[1], "c": 0.5 * words[0], "d": words[0][800:], "e": words[2]}
    for name, samples in clips.items():
        write_audio(tmp_path / f"{name}.wav", samples)
    assert find_copies({name: tmp_path / f"{name}.wav" for name in clips}) == {"c": "a", "d": "a"}
    assert find_copies({name: tmp_path / f"{name}.wav" for name in "edcba"}) == {"c": "d", "a": "d"}


def test_mp3_at_another_rate_is_found_again(words, tmp_path: Path) -> None:
    for number, word in enumerate(words):
        write_audio(tmp_path / f"{number}.wav", word)
        soundfile.write(tmp_path / f"{number}-copy.mp3", resample(word, 16_000, 44_100), 44_100, format="MP3")
    found = pairs(tmp_path)
    assert [(a, b) for a, b, _ in found] == [(f"{n}-copy.mp3", f"{n}.wav") for n in range(len(words))]


def test_two_utterances_are_never_the_same(words, tmp_path: Path) -> None:
    for number, word in enumerate(words):
        write_audio(tmp_path / f"{number}.wav", word)
    assert pairs(tmp_path) == []
    # Whatever the fingerprints say: the waveforms do not agree.
    eighth = [resample(word, 16_000, 8000) for word in words]
    assert max(correlation(a, b) for i, a in enumerate(eighth) for b in eighth[:i]) < 0.6


def test_equal_samples_are_told_once_each(words, tmp_path: Path) -> None:
    for name in ("a.wav", "b.flac", "c.wav"):
        write_audio(tmp_path / name, words[0])
    write_audio(tmp_path / "d.wav", 0.5 * words[0])
    found = pairs(tmp_path)
    assert [(a, b) for a, b, _ in found] == [("a.wav", "b.flac"), ("a.wav", "c.wav"), ("a.wav", "d.wav")]
    assert [likeness for _, _, likeness in found][:2] == [1.0, 1.0]


def test_silent_files_are_not_compared(tmp_path: Path) -> None:
    for name in ("a.wav", "b.wav"):
        write_audio(tmp_path / name, np.zeros(16_000, np.float32))
    assert pairs(tmp_path) == []


def test_correlation_by_hand() -> None:
    rng = np.random.default_rng(0)
    signal, other = rng.standard_normal(8000).astype(np.float32), rng.standard_normal(8000).astype(np.float32)
    assert correlation(signal, signal) == pytest.approx(1.0, abs=1e-6)
    assert correlation(signal, -0.1 * signal[1000:]) == pytest.approx(1.0, abs=1e-6)
    # Equal power of another signal: 1 / sqrt(2).
    assert correlation(signal, signal + other) == pytest.approx(2**-0.5, abs=0.03)
    assert correlation(signal, other) < 0.2


def test_too_little_overlap_counts_for_nothing() -> None:
    rng = np.random.default_rng(0)
    # 0.2 s in common, where a quarter of a second is asked for.
    shared = rng.standard_normal(1600).astype(np.float32)
    assert correlation(shared, shared) == 0.0
    assert correlation(np.zeros(8000, np.float32), rng.standard_normal(8000).astype(np.float32)) == 0.0


def test_groups_are_joined_through_shared_clips() -> None:
    assert groups_of([("a", "b"), ("d", "e"), ("b", "c")]) == [["a", "b", "c"], ["d", "e"]]
    assert groups_of([]) == []
