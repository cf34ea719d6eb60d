"""Made recordings for tests of data checks: a clean data set, and one in which each fault was planted by hand."""

from __future__ import annotations

import csv
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import soundfile

from kws.audio import resample

RATE_HZ = 16_000
WORD_START_S = 0.4
N_SPEAKERS, CLIPS_EACH = 6, 4
COLUMNS = ("path", "label", "speaker", "split", "transcript", "kw_start_s", "kw_end_s", "duration_s")

Row = dict[str, str]


def syllable(rng: np.random.Generator, f0_hz: float, duration_s: float) -> np.ndarray:
    """Return a voiced stretch with formants, and a hiss before it that reaches to 8 kHz."""
    n_samples = round(duration_s * RATE_HZ)
    time_s = np.arange(n_samples) / RATE_HZ
    f0 = f0_hz * (1.0 + rng.uniform(-0.2, 0.2) * time_s / duration_s)
    phase = 2.0 * np.pi * np.cumsum(f0) / RATE_HZ
    formants_hz = rng.uniform([300, 900, 2300, 3400, 4500], [800, 2200, 3000, 4200, 6500])
    harmonics = np.arange(1, int(7000 / (1.3 * f0_hz)))
    gains = sum(np.exp(-(((harmonics * f0_hz - f) / 250.0) ** 2)) / (1 + i) for i, f in enumerate(formants_hz))
    starts = rng.uniform(0.0, 2.0 * np.pi, len(harmonics))
    voice = (gains[:, None] * np.sin(harmonics[:, None] * phase + starts[:, None])).sum(axis=0)
    hiss = 0.3 * rng.standard_normal(n_samples) * np.exp(-(((time_s - 0.2 * duration_s) / 0.03) ** 2))
    shape = np.sin(np.pi * np.minimum(time_s / duration_s, 1.0)) ** 0.5
    return (voice / np.abs(voice).max() + hiss) * shape


def utterance(rng: np.random.Generator, f0_hz: float = 120.0, lead_s: float = WORD_START_S) -> np.ndarray:
    """Return a made word of three syllables with quiet noise around it, float32, about 1.4 s."""
    word = np.concatenate([syllable(rng, f0_hz, rng.uniform(0.16, 0.24)) for _ in range(3)])
    samples = np.concatenate([np.zeros(round(lead_s * RATE_HZ)), 0.3 * word, np.zeros(round(0.4 * RATE_HZ))])
    return (samples + 2e-4 * rng.standard_normal(len(samples))).astype(np.float32)


def write(path: Path, samples: np.ndarray, rate_hz: int = RATE_HZ, subtype: str = "PCM_16") -> None:
    """Write ``(N,)`` or ``(N, C)`` samples."""
    path.parent.mkdir(parents=True, exist_ok=True)
    soundfile.write(path, samples, rate_hz, subtype=subtype)


def write_manifest(root: Path, rows: list[Row]) -> None:
    with (root / "manifest.csv").open("w", encoding="utf8", newline="") as file:
        writer = csv.DictWriter(file, COLUMNS, restval="")
        writer.writeheader()
        writer.writerows(rows)


def make_clean(root: Path, words: tuple[str, ...] = ("lantern", "window"), seed: int = 1) -> list[Row]:
    """Write two words by six speakers, four clips each, split by speaker, with a manifest; return its rows."""
    rows = list(_clean_rows(root, words, np.random.default_rng(seed)))
    write_manifest(root, rows)
    return rows


def _clean_rows(root: Path, words: tuple[str, ...], rng: np.random.Generator) -> Iterator[Row]:
    for word in words:
        for speaker in range(N_SPEAKERS):
            for take in range(CLIPS_EACH):
                samples = utterance(rng, 90.0 + 20.0 * speaker) * rng.uniform(0.7, 1.3)
                name = f"{word}/s{speaker}-{take}.wav"
                write(root / name, samples)
                yield {
                    "path": name,
                    "label": word,
                    "speaker": f"s{speaker}",
                    "split": "train" if speaker < 4 else "val",
                    "kw_start_s": f"{WORD_START_S:.3f}",
                    "kw_end_s": f"{len(samples) / RATE_HZ - 0.4:.3f}",
                    "duration_s": f"{len(samples) / RATE_HZ:.4f}",
                }


def make_faulty(root: Path) -> dict[str, set[str]]:
    """Write a data set with one file or more of each fault; return the files by the code of the finding."""
    rows = make_clean(root)
    rng = np.random.default_rng(2)
    for row in rows:
        # What has no times is judged by its sound alone.
        row.update(kw_start_s="", kw_end_s="")
    planted = {**_plant_files(root, rows, rng), **_plant_sounds(root, rows, rng), **_plant_copies(root, rows, rng)}
    planted.update(_plant_labels(root, rows, rng))
    write_manifest(root, rows)
    return planted


def _add(rows: list[Row], name: str, **columns: str) -> str:
    rows.append({"path": name, "label": name.split("/")[0], "split": "train", **columns})
    return name


def _plant_files(root: Path, rows: list[Row], rng: np.random.Generator) -> dict[str, set[str]]:
    folder = root / "lantern"
    (folder / "empty.wav").write_bytes(b"")
    write(folder / "cut.wav", utterance(rng))
    (folder / "cut.wav").write_bytes((folder / "cut.wav").read_bytes()[:-20_000])
    (folder / "text.flac").write_text("this is no audio")
    (folder / "phone.m4a").write_bytes(b"\0\0\0\x18ftypM4A ")
    write(folder / "unlisted.wav", utterance(rng))
    for name in ("empty.wav", "cut.wav", "text.flac", "phone.m4a", "gone.wav"):
        _add(rows, f"lantern/{name}")
    rows.append(dict(rows[0]))
    rows[1]["duration_s"] = "9.5"
    return {
        "empty-file": {"lantern/empty.wav"},
        "truncated-file": {"lantern/cut.wav"},
        "unreadable-file": {"lantern/text.flac"},
        "foreign-format": {"lantern/phone.m4a"},
        "file-without-row": {"lantern/unlisted.wav"},
        "row-without-file": {"lantern/gone.wav"},
        "row-repeated": {rows[0]["path"]},
        "row-differs": {rows[1]["path"]},
    }


def _plant_sounds(root: Path, rows: list[Row], rng: np.random.Generator) -> dict[str, set[str]]:
    word = utterance(rng)
    gap = utterance(rng)
    loudest = int(np.abs(gap).argmax())
    gap[loudest - 200 : loudest + 600] = 0.0
    narrow = resample(resample(utterance(rng), RATE_HZ, 8000), 8000, RATE_HZ)
    swapped = (utterance(rng) * 32768).astype(np.int16).byteswap().astype(np.float32) / 32768
    stereo, dead = utterance(rng), utterance(rng)
    two = np.concatenate([utterance(rng), utterance(rng)])
    cut = utterance(rng)
    click = 2e-4 * rng.standard_normal(RATE_HZ).astype(np.float32)
    click[8000:8040] = 0.5
    sounds = {
        "not-finite": np.where(np.arange(len(word)) == 9000, np.nan, word),
        "wrong-scale": utterance(rng) * 32768,
        "over-full-scale": utterance(rng) * 8,
        "white-noise": swapped,
        "clipping": np.clip(utterance(rng) * 6, -1, 0.99997),
        "dc-offset": utterance(rng) + 0.1,
        "digital-silence": np.zeros(RATE_HZ),
        "no-sound": 0.01 * rng.standard_normal(RATE_HZ),
        "dropout": gap,
        "too-quiet": utterance(rng) * 0.004,
        "upsampled": narrow,
        "mixed-rates": resample(utterance(rng), RATE_HZ, 44_100),
        "dead-channel": np.stack([dead, np.zeros_like(dead)], axis=1),
        "inverted-channel": np.stack([stereo, -0.95 * stereo], axis=1),
        "several-words": two,
        "cut-off": cut[: round(0.65 * RATE_HZ)],
        "too-short": click,
    }
    floats = {"not-finite", "wrong-scale", "over-full-scale"}
    for code, samples in sounds.items():
        rate_hz = 44_100 if code == "mixed-rates" else RATE_HZ
        write(root / _add(rows, f"window/{code}.wav"), samples, rate_hz, "FLOAT" if code in floats else "PCM_16")
    planted = {code: {f"window/{code}.wav"} for code in sounds}
    # What else is true of them.
    planted["too-quiet"].add("window/inverted-channel.wav")
    planted["too-loud"] = {"window/over-full-scale.wav"}
    planted["coarse"] = {"window/too-quiet.wav", "window/too-short.wav"}
    planted["several-channels"] = planted["dead-channel"] | planted["inverted-channel"]
    return planted


def _plant_copies(root: Path, rows: list[Row], rng: np.random.Generator) -> dict[str, set[str]]:
    def read(name: str) -> np.ndarray:
        return soundfile.read(root / name, dtype="float32")[0]

    write(root / _add(rows, "lantern/same.flac"), read("lantern/s1-0.wav"))
    shifted = np.concatenate([np.zeros(777, np.float32), 0.4 * read("lantern/s1-1.wav")])
    write(root / _add(rows, "lantern/similar.wav"), shifted + 1e-4 * rng.standard_normal(len(shifted)))
    write(root / _add(rows, "lantern/leaked.wav", speaker="s9", split="val"), read("lantern/s1-2.wav")[500:] * 0.5)
    write(root / _add(rows, "window/strange.wav"), 0.8 * read("lantern/s1-3.wav"))
    write(root / _add(rows, "lantern/stray.wav", speaker="s2", split="val"), utterance(rng))
    write(root / _add(rows, "neg/talk.wav", transcript="Light the lantern, please"), utterance(rng))
    write(root / _add(rows, "neg/lantern_07.wav"), utterance(rng))
    write(root / _add(rows, "neg/not-lantern_08.wav", transcript="lanternfish"), utterance(rng))
    return {
        "duplicate": {"lantern/same.flac"},
        "near-duplicate": {"lantern/similar.wav", "lantern/s1-2.wav"},
        "leak-recording": {"lantern/leaked.wav"},
        "two-classes": {"lantern/s1-3.wav"},
        "leak-speaker": {"lantern/s2-0.wav", "lantern/stray.wav"},
        "keyword-in-transcript": {"neg/talk.wav"},
        "keyword-in-name": {"neg/lantern_07.wav"},
    }


def _plant_labels(root: Path, rows: list[Row], rng: np.random.Generator) -> dict[str, set[str]]:
    times = {
        "label-backwards": ("0.9", "0.5"),
        "label-beyond-end": ("0.4", "7.5"),
        "label-outside-sound": ("0.05", "0.25"),
        "row-unreadable": ("soon", "0.9"),
    }
    for code, (start, end) in times.items():
        name = _add(rows, f"window/{code}.wav", kw_start_s=start, kw_end_s=end)
        write(root / name, utterance(rng))
    return {code: {f"window/{code}.wav"} for code in times}
