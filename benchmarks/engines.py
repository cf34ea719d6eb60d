"""One engine in one process: feed it a PCM file and print what it heard and what that cost, as one JSON line.

Started by ``peers.py``, never by hand. The process imports numpy and the engine, nothing else, and reads the
audio block by block, so that its peak memory is the engine's own.
"""

from __future__ import annotations

import json
import re
import resource
import struct
import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any, BinaryIO

SAMPLE_RATE_HZ = 16_000
_WARM_UP_BLOCKS = 25


class Ours:
    """This toolkit's `Detector`, fed blocks of 80 ms as a microphone would."""

    name = "kws-toolkit"
    package = "onnxruntime"
    block_samples = 1280

    def __init__(self, job: dict[str, Any]) -> None:
        import numpy as np

        from kws.runtime import Detector

        self._from_bytes = np.frombuffer
        self._pcm16 = np.int16
        self._detector = Detector.open(job["model"])

    def hears(self, block: bytes) -> bool:
        """Return whether the keyword was detected in this block."""
        return bool(self._detector.process(self._from_bytes(block, dtype=self._pcm16)))

    def restart(self) -> None:
        """Forget all audio."""
        self._detector.reset()


class Porcupine:
    """Porcupine 1.9.5 through its own Python package, fed its own frames of 32 ms."""

    name = "porcupine"
    package = "pvporcupine==1.9.5"
    block_samples = 512

    def __init__(self, job: dict[str, Any]) -> None:
        import pvporcupine

        self._create: Callable[[], Any] = lambda: pvporcupine.create(
            keywords=[job["keyword"]], sensitivities=[job["sensitivity"]]
        )
        self._engine = self._create()
        self._unpack = struct.Struct(f"{self._engine.frame_length}h").unpack

    def hears(self, block: bytes) -> bool:
        """Return whether the keyword was detected in this block."""
        return bool(self._engine.process(self._unpack(block)) >= 0)

    def restart(self) -> None:
        """Forget all audio: the package has no reset, so a new engine is made."""
        self._engine.delete()
        self._engine = self._create()


class MicroWakeWord:
    """pymicro-wakeword with one of its own models (it has none for "computer"): cost only."""

    name = "microwakeword"
    package = "pymicro-wakeword"
    block_samples = 1280

    def __init__(self, job: dict[str, Any]) -> None:
        from pymicro_wakeword import MicroWakeWord as Engine
        from pymicro_wakeword import MicroWakeWordFeatures, Model

        self._features = MicroWakeWordFeatures()
        self._engine = Engine.from_builtin(Model.OKAY_NABU)

    def hears(self, block: bytes) -> bool:
        """Return whether the keyword was detected in this block."""
        results = [self._engine.process_streaming(frame) for frame in self._features.process_streaming(block)]
        return any(results)

    def restart(self) -> None:
        """Forget all audio."""
        self._engine.reset()
        self._features.reset()


ENGINES = {engine.name: engine for engine in (Ours, Porcupine, MicroWakeWord)}


def peak_rss_mb() -> float:
    """Return this process's peak resident memory in MB.

    From the kernel's record of this program where there is one: `getrusage` also counts the parent's memory
    at the moment of the fork.
    """
    try:
        match = re.search(r"VmHWM:\s+(\d+) kB", Path("/proc/self/status").read_text())
    except OSError:
        match = None
    if match:
        return int(match[1]) * 1024 / 1e6
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    return peak / 1e6 if sys.platform == "darwin" else peak * 1024 / 1e6


def listen(engine: Any, audio: BinaryIO, n_samples: int) -> list[float]:
    """Feed `n_samples` of PCM in the engine's blocks; return the time in s of each detection."""
    times_s = []
    for block in range(n_samples // engine.block_samples):
        if engine.hears(audio.read(2 * engine.block_samples)):
            times_s.append((block + 1) * engine.block_samples / SAMPLE_RATE_HZ)
    return times_s


def run_job(job: dict[str, Any]) -> dict[str, Any]:
    """Run one job: ``{"engine", "pcm", "spans": [[start, end], ...], ...}`` in samples of the PCM file.

    Returns
    -------
    dict
        ``events_s`` for each span (detections, seconds from its start), ``cpu_s`` and ``audio_s`` of them
        all without loading and warming up, ``peak_rss_mb``.
    """
    engine = ENGINES[job["engine"]](job)
    silence = bytes(2 * engine.block_samples)
    for _ in range(_WARM_UP_BLOCKS):
        engine.hears(silence)
    events_s, cpu_s = [], 0.0
    with open(job["pcm"], "rb") as audio:
        for start, end in job["spans"]:
            engine.restart()
            audio.seek(2 * start)
            before_s = time.process_time()
            events_s.append(listen(engine, audio, end - start))
            cpu_s += time.process_time() - before_s
    audio_s = sum(end - start for start, end in job["spans"]) / SAMPLE_RATE_HZ
    return {"events_s": events_s, "cpu_s": cpu_s, "audio_s": audio_s, "peak_rss_mb": peak_rss_mb()}


def main() -> int:
    """Read one job from stdin, print its result; 2 if the engine's package is missing."""
    job = json.load(sys.stdin)
    try:
        result = run_job(job)
    except ModuleNotFoundError as error:
        engine = ENGINES[job["engine"]]
        sys.stderr.write(f"{error.name} is not installed: pip install '{engine.package}'\n")
        return 2
    except Exception as error:  # one line is what the parent can show
        sys.stderr.write(f"{type(error).__name__}: {' '.join(str(error).split())}\n")
        return 1
    sys.stdout.write(json.dumps(result) + "\n")
    return 0


if __name__ == "__main__":
    sys.path.insert(0, str(Path(__file__).resolve().parent.parent))
    sys.exit(main())
