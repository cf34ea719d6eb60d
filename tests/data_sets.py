"""Tiny data sets in the layouts of others, made in a folder: each clip is its own noise."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import soundfile

from kws.audio import write_audio


def sound(seed: int, seconds: float = 0.3, rate_hz: int = 16_000) -> np.ndarray:
    """Return noise that no other seed gives, float32, shape (N,)."""
    return (0.1 * np.random.default_rng(seed).standard_normal(round(seconds * rate_hz))).astype(np.float32)


def clip(path: Path, seed: int, seconds: float = 0.3, rate_hz: int = 16_000) -> Path:
    """Write a clip; MP3 where the name says so."""
    path.parent.mkdir(parents=True, exist_ok=True)
    if path.suffix == ".mp3":
        soundfile.write(path, sound(seed, seconds, rate_hz), rate_hz, format="MP3", subtype="MPEG_LAYER_III")
    else:
        write_audio(path, sound(seed, seconds, rate_hz), rate_hz)
    return path


def speech_commands(root: Path) -> Path:
    """Three words by three speakers with the lists, and a recording of noise."""
    for index, name in enumerate(("yes/aa11_nohash_0", "yes/bb22_nohash_0", "no/cc33_nohash_1")):
        clip(root / f"{name}.wav", index)
    clip(root / "_background_noise_" / "hum.wav", 9, 1.0)
    (root / "validation_list.txt").write_text("yes/bb22_nohash_0.wav\n")
    (root / "testing_list.txt").write_text("no/cc33_nohash_1.wav\n")
    return root


def precise(root: Path) -> Path:
    """A word and another one, for training and for the test."""
    names = ("wake-word/a", "not-wake-word/deep/b", "test/wake-word/c", "test/not-wake-word/d")
    for index, name in enumerate(names):
        clip(root / f"{name}.wav", index)
    return root


def common_voice(root: Path) -> Path:
    """Two speakers of which one is in the test, a list of all that is validated, and a clip that is missing."""
    place = root / "cv-corpus-9.0" / "en"
    head = "client_id\tpath\tsentence\tup_votes\tage\tgender\taccents\tlocale\tsegment\n"
    anna, ben = "a" * 128, "b" * 128
    rows = {
        "one.mp3": f'{anna}\tone.mp3\tA "computer" hums.\t2\ttwenties\tfemale_feminine\t\ten\t\n',
        "two.mp3": f"{ben}\ttwo.mp3\tIt rains.\t2\t\t\t\ten\t\n",
        "more.mp3": f"{ben}\tmore.mp3\tIt computers on.\t2\t\t\t\ten\t\n",
        "gone.mp3": f"{anna}\tgone.mp3\tNobody kept it.\t2\t\t\t\ten\t\n",
        "word.mp3": f"{anna}\tword.mp3\tSeven\t2\t\t\t\ten\tBenchmark\n",
    }
    for index, name in enumerate(name for name in rows if name != "gone.mp3"):
        clip(place / "clips" / name, index, 0.4, 32_000)
    (place / "train.tsv").write_text(head + rows["one.mp3"] + rows["gone.mp3"])
    (place / "test.tsv").write_text(head + rows["two.mp3"])
    (place / "validated.tsv").write_text(head + "".join(rows.values()))
    return place


def librispeech(root: Path) -> Path:
    """Two readers in two subsets, and the list that tells their sex."""
    for index, (subset, reader) in enumerate((("train-clean-100", "84"), ("dev-other", "7"))):
        chapter = root / "LibriSpeech" / subset / reader / "12"
        clip(chapter / f"{reader}-12-0000.flac", index)
        (chapter / f"{reader}-12.trans.txt").write_text(f"{reader}-12-0000 THE COMPUTER'S FAULT\n")
    (root / "LibriSpeech" / "SPEAKERS.TXT").write_text(
        "; comment\n84 | F | train-clean-100 | 25 | X\n7 |M| dev-other |8| Y\n"
    )
    return root / "LibriSpeech"


def audacity(root: Path) -> Path:
    """Ten seconds at 44.1 kHz with two labels, and a text that is none."""
    clip(root / "evening.wav", 1, 10.0, 44_100)
    (root / "evening.txt").write_text("1.5\t2.25\they computer\n\\\t100.0\t4000.0\n8,0\t9,5\tnoise\n")
    clip(root / "other.wav", 2)
    (root / "other.txt").write_text("a shopping list\n")
    return root
