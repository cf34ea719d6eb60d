"""The Java engine on this machine's JDK: compiled once, run as a process of its own."""

from __future__ import annotations

import shutil
import subprocess
from dataclasses import dataclass
from pathlib import Path

import numpy as np

ROOT = Path(__file__).resolve().parent.parent
LIBRARY = ROOT / "export" / "android" / "library" / "src" / "main" / "java"
PROBES = ROOT / "tests" / "java"
# What an app on a cheap phone may take; a hostile file that wants more makes the process fail.
HEAP = "-Xmx64m"


def jdk(program: str) -> str:
    """Return the path of a program of the JDK."""
    found = shutil.which(program)
    assert found, f"{program} is missing: apt-get install default-jdk-headless"
    return found


def compile_java(sources: list[Path], target: Path, class_path: Path | None = None, *options: str) -> None:
    """Compile without any warning."""
    command = [jdk("javac"), "-Xlint:all,-options", "-Werror", *options, "-d", str(target)]
    if class_path is not None:
        command += ["-cp", str(class_path)]
    finished = subprocess.run([*command, *map(str, sources)], capture_output=True, text=True)
    assert finished.returncode == 0, finished.stderr + finished.stdout


@dataclass(frozen=True)
class JavaEngine:
    """The compiled engine and the probe of the tests."""

    classes: Path

    @classmethod
    def build(cls, folder: Path) -> JavaEngine:
        """Compile for Java 8, as the library promises, and the probe beside it."""
        folder.mkdir(exist_ok=True)
        compile_java(sorted((LIBRARY / "org" / "kws").glob("*.java")), folder, None, "--release", "8")
        compile_java(sorted((PROBES / "org" / "kws").glob("*.java")), folder, folder)
        return cls(folder)

    def command(self, *words: object) -> list[str]:
        """Return the command that runs the probe."""
        return [jdk("java"), HEAP, "-XX:+UseSerialGC", "-cp", str(self.classes), "org.kws.Probe", *map(str, words)]

    def call(self, *words: object, lines: str = "", timeout_s: float = 300.0) -> str:
        """Run the probe on lines of input and return what it prints."""
        finished = subprocess.run(self.command(*words), input=lines, capture_output=True, text=True, timeout=timeout_s)
        assert finished.returncode == 0, finished.stderr[-3000:]
        return finished.stdout

    def run(
        self, model: Path, samples: np.ndarray, folder: Path, chunk: int = 0
    ) -> tuple[np.ndarray, list[tuple[str, float, float]]]:
        """Return the scores ``(T, K)`` of a recording, and its events (keyword, time in s, score)."""
        samples.astype("<i2").tofile(folder / "audio.pcm")
        told = self.call("run", model, folder / "audio.pcm", chunk, folder / "scores.f32")
        events = [line.split("\t") for line in told.splitlines()]
        return np.fromfile(folder / "scores.f32", "<f4"), [(k, float(t), float(s)) for k, t, s in events]
