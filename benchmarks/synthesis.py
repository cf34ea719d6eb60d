"""Streams a second of our synthesizer against the classic pydub way, same content, one core, same run.

The classic way is that of the trigger-word assignment: background segment, for each clip a random start that is
drawn again while it overlaps, gain by decibels, ``AudioSegment.overlay``, one last gain to the stream's level.
Both ways make the same content: the same clips and noise, the same number of clips a stream, the same ranges of
signal-to-noise ratio and level. Neither decodes files nor measures a clip twice.

The assignment's loop never ends when the clips placed so far leave no gap. So that it can be timed at all, it gets
what it lacks: after `--tries` failed draws for a clip the stream is begun anew. It still does less than ours: pydub
works in int16 at every stage and clips silently, and gives audio without checking its full scale.

    python benchmarks/synthesis.py [--seconds 2] [--tries 1000] [--json]
"""

from __future__ import annotations

import argparse
import json
import os
import resource
import sys
import tempfile
import time
import warnings
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import numpy.typing as npt

ROOT = Path(__file__).resolve().parent.parent
sys.path.insert(0, str(ROOT))

from data_tools.synthesize import StreamSynthesizer, SynthesisConfig  # noqa: E402
from data_tools.synthesize.sounds import measure_clip  # noqa: E402
from kws.audio import FloatArray, to_pcm16, write_audio  # noqa: E402
from kws.config import SAMPLE_RATE_HZ  # noqa: E402

SNR_DB = (5.0, 20.0)
LEVEL_DBFS = (-40.0, -30.0)


@dataclass(frozen=True)
class Content:
    """What a stream holds."""

    name: str
    stream_s: float
    n_clips: int
    clip_s: float
    file_format: str = ""


# Samples in memory, as training takes them; and FLAC files, as a data set on disk is made of (pydub needs ffmpeg).
CONTENTS = (
    Content("4 clips of 1 s in 10 s", 10.0, 4, 1.0),
    Content("6 clips of 1 s in 10 s (the assignment's most)", 10.0, 6, 1.0),
    Content("4 clips of 2 s in 10 s (the classic failing case)", 10.0, 4, 2.0),
    Content("24 clips of 1 s in 60 s", 60.0, 24, 1.0),
    Content("240 clips of 1 s in 10 min", 600.0, 240, 1.0),
    Content("4 clips of 1 s in 10 s, to FLAC files", 10.0, 4, 1.0, "flac"),
)


class ClassicWay:
    """The assignment's way: overlay and rejection, with a way out of its endless loop."""

    def __init__(self, content: Content, clips: list[FloatArray], noise: FloatArray, n_tries: int) -> None:
        from pydub import AudioSegment

        def segment(samples: FloatArray) -> AudioSegment:
            return AudioSegment(to_pcm16(samples).tobytes(), sample_width=2, frame_rate=SAMPLE_RATE_HZ, channels=1)

        self._content, self._n_tries = content, n_tries
        self._noise = segment(noise)
        self._clips = []
        for samples in clips:
            known = measure_clip(samples)
            active_ms = (known.active_start // 16, known.active_end // 16)
            self._clips.append((segment(samples), active_ms, 20.0 * np.log10(known.active_rms)))

    def stream(self, rng: np.random.Generator) -> npt.NDArray[np.int16]:
        while True:
            result = self._attempt(rng)
            if result is not None:
                return result

    def _attempt(self, rng: np.random.Generator) -> npt.NDArray[np.int16] | None:
        stream_ms = int(self._content.stream_s * 1000)
        offset_ms = int(rng.integers(len(self._noise) - stream_ms + 1))
        background = noise = self._noise[offset_ms : offset_ms + stream_ms]
        previous: list[tuple[int, int]] = []
        for _ in range(self._content.n_clips):
            clip, active_ms, clip_dbfs = self._clips[int(rng.integers(len(self._clips)))]
            place = self._place(stream_ms, len(clip), previous, rng)
            if place is None:
                return None
            previous.append(place)
            under = noise[place[0] + active_ms[0] : place[0] + active_ms[1]]
            gain_db = under.dBFS + rng.uniform(*SNR_DB) - clip_dbfs
            background = background.overlay(clip.apply_gain(gain_db), position=place[0])
        background = background.apply_gain(rng.uniform(*LEVEL_DBFS) - background.dBFS)
        if self._content.file_format:
            with tempfile.TemporaryDirectory() as folder:
                background.export(f"{folder}/x.{self._content.file_format}", format=self._content.file_format).close()
        return np.array(background.get_array_of_samples())

    def _place(
        self, stream_ms: int, clip_ms: int, previous: list[tuple[int, int]], rng: np.random.Generator
    ) -> tuple[int, int] | None:
        for _ in range(self._n_tries):
            start = int(rng.integers(stream_ms - clip_ms + 1))
            if not _is_overlapping((start, start + clip_ms), previous):
                return start, start + clip_ms
        return None


def _is_overlapping(segment: tuple[int, int], previous: list[tuple[int, int]]) -> bool:
    return any(segment[0] < end and segment[1] > start for start, end in previous)


def make_material(content: Content, rng: np.random.Generator) -> tuple[list[FloatArray], FloatArray]:
    """Return twenty clips with a word in their middle, and minutes of noise."""
    n_samples = int(content.clip_s * SAMPLE_RATE_HZ)
    clips = []
    for _ in range(20):
        clip = rng.standard_normal(n_samples) * 1e-3
        clip[n_samples // 4 : 3 * n_samples // 4] *= 50.0
        clips.append(clip.astype(np.float32))
    n_noise = int(max(120.0, 1.5 * content.stream_s) * SAMPLE_RATE_HZ)
    return clips, (rng.standard_normal(n_noise) * 0.02).astype(np.float32)


def our_way(
    content: Content, clips: list[FloatArray], noise: FloatArray
) -> Callable[[np.random.Generator], npt.NDArray[np.float32]]:
    """Return what makes one stream of the content with our synthesizer."""
    config = SynthesisConfig(
        duration_s=content.stream_s,
        keywords_per_stream=(content.n_clips, content.n_clips),
        negatives_per_stream=(0, 0),
        min_gap_s=0.0,
        snr_db=SNR_DB,
        speech_probability=0.0,
        level_dbfs=LEVEL_DBFS,
    )
    synthesizer = StreamSynthesizer({"word": clips}, backgrounds=[noise], config=config)

    def make(rng: np.random.Generator) -> npt.NDArray[np.float32]:
        samples = synthesizer.stream(rng).samples
        if content.file_format:
            with tempfile.TemporaryDirectory() as folder:
                write_audio(f"{folder}/x.{content.file_format}", samples)
        return samples

    return make


def compare(content: Content, budget_s: float, n_tries: int) -> dict[str, float | str]:
    """Time both ways in turns, so that a busy moment of the machine hits both."""
    clips, noise = make_material(content, np.random.default_rng(0))
    classic, ours = ClassicWay(content, clips, noise, n_tries), our_way(content, clips, noise)
    rng = np.random.default_rng(1)
    turns = [(_mean_s(classic.stream, rng, budget_s / 20), _mean_s(ours, rng, budget_s / 20)) for _ in range(10)]
    classic_s, ours_s = (float(np.mean(column)) for column in zip(*turns, strict=True))
    return {
        "content": content.name,
        "classic_streams_per_s": 1.0 / classic_s,
        "our_streams_per_s": 1.0 / ours_s,
        "ratio": classic_s / ours_s,
    }


def _mean_s(make: Callable[[np.random.Generator], object], rng: np.random.Generator, budget_s: float) -> float:
    make(rng)
    count, begin = 0, _cpu_s()
    while count == 0 or _cpu_s() - begin < budget_s:
        make(rng)
        count += 1
    return (_cpu_s() - begin) / count


def _cpu_s() -> float:
    # Of ffmpeg too: pydub leaves every format but WAV to it.
    children = resource.getrusage(resource.RUSAGE_CHILDREN)
    return time.process_time() + children.ru_utime + children.ru_stime


def main() -> int:
    """Print streams a second and the ratio for each content."""
    parser = argparse.ArgumentParser(description="our synthesizer against the classic pydub way")
    parser.add_argument("--seconds", type=float, default=2.0, help="time for each content")
    parser.add_argument("--tries", type=int, default=1000, help="draws before the classic way begins a stream anew")
    parser.add_argument("--json", action="store_true", help="print one JSON object a line")
    arguments = parser.parse_args()
    # pydub's regular expressions and its search for ffmpeg are no concern of this table.
    warnings.simplefilter("ignore")
    # One core for both: neither BLAS threads nor a second core shall help.
    if hasattr(os, "sched_setaffinity"):
        os.sched_setaffinity(0, {min(os.sched_getaffinity(0))})
    for content in CONTENTS:
        row = compare(content, arguments.seconds, arguments.tries)
        if arguments.json:
            print(json.dumps(row))
        else:
            print(
                f"{row['content']:55} classic {row['classic_streams_per_s']:8.1f}/s   "
                f"ours {row['our_streams_per_s']:9.1f}/s   ratio {row['ratio']:7.1f}"
            )
    return 0


if __name__ == "__main__":
    raise SystemExit(main())
