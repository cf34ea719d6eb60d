"""CPU and memory of `kws run` while it listens to the virtual sound card, everything included.

    python benchmarks/live_cpu.py [--minutes 10] [--channels 1] [--view]

The card plays the bundled recording, 12 s of it in each minute; the rest is low noise. Counted is the CPU
time of every thread of the process, to the nanosecond, as a share of one core, and its peak memory. In the
same run a process is measured that only has PyAudio call an empty function: what the sound system alone takes here.
"""

from __future__ import annotations

import argparse
import json
import os
import pty
import re
import signal
import subprocess
import sys
import threading
import time
from pathlib import Path

import numpy as np

sys.path.insert(0, str(Path(__file__).resolve().parent.parent))

from benchmarks.live_rig import DEMO, MODEL, ROOT, SAMPLE_RATE_HZ, PcmArray  # noqa: E402
from kws.audio import read_audio, to_pcm16  # noqa: E402
from tests.sound_card import SoundCard, sound_card  # noqa: E402

_BARE = """
import sys, time, pyaudio
stream = pyaudio.PyAudio().open(16000, int(sys.argv[1]), pyaudio.paInt16, input=True, frames_per_buffer=1280,
                                stream_callback=lambda *_: (None, 0))
time.sleep(1e6)
"""


def cpu_s(pid: int) -> float:
    """Return the CPU seconds of all threads of a process."""
    total = 0
    for task in Path(f"/proc/{pid}/task").iterdir():
        total += int((task / "schedstat").read_text().split()[0])
    return total / 1e9


def peak_rss_mb(pid: int) -> float:
    """Return the peak memory of a process."""
    match = re.search(r"VmHWM:\s+(\d+) kB", Path(f"/proc/{pid}/status").read_text())
    return int(match[1]) * 1024 / 1e6 if match else 0.0


def program(n_channels: int) -> PcmArray:
    """Return five minutes of what is played: in each 12 s of the recording, then noise 60 dB below full scale."""
    words = to_pcm16(read_audio(DEMO)).reshape(5, -1)
    noise = np.random.default_rng(0).normal(0.0, 33.0, (5, 4 * words.shape[1])).astype(np.int16)
    mono = np.concatenate([words, noise], axis=1).ravel()
    # No two channels alike, so that each is computed.
    return np.stack([np.roll(mono, 3 * channel) for channel in range(n_channels)])


def start(card: SoundCard, command: list[str], has_terminal: bool) -> subprocess.Popen[bytes]:
    """Start a listening process, with a terminal if it wants one."""
    environment = {**os.environ, **card.environment, "TERM": "xterm-256color", "COLUMNS": "100", "LINES": "30"}
    if not has_terminal:
        return subprocess.Popen(
            command, cwd=ROOT, env=environment, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL
        )
    master, slave = pty.openpty()
    process = subprocess.Popen(command, cwd=ROOT, env=environment, stdin=slave, stdout=slave, stderr=slave)
    os.close(slave)
    threading.Thread(target=_swallow, args=(master,), daemon=True).start()
    return process


def _swallow(descriptor: int) -> None:
    try:
        while os.read(descriptor, 65_536):
            pass
    except OSError:
        return


def measure(n_channels: int, seconds: float, arguments: list[str], has_terminal: bool) -> dict[str, float]:
    """Return the share of a core of program and bare callback, and the program's peak memory."""
    chosen = arguments or ["--channels", "0" if n_channels == 1 else f"0-{n_channels - 1}"]
    run = [sys.executable, "run.py", "--model", str(MODEL), "--chime", "none", *chosen]
    bare = [sys.executable, "-c", _BARE, str(n_channels)]
    with sound_card(n_channels) as card:
        processes = [start(card, [*run, *(["--view"] if has_terminal else [])], has_terminal), start(card, bare, False)]
        try:
            time.sleep(4.0)
            card.play(np.tile(program(n_channels), (1, int(seconds // 300) + 1)))
            before = [cpu_s(process.pid) for process in processes]
            began_s = time.monotonic()
            time.sleep(seconds)
            passed_s = time.monotonic() - began_s
            shares = [(cpu_s(p.pid) - b) / passed_s for p, b in zip(processes, before, strict=True)]
            rss_mb = peak_rss_mb(processes[0].pid)
        finally:
            for process in processes:
                process.send_signal(signal.SIGTERM)
                process.wait()
    return {"run_percent": 100 * shares[0], "bare_percent": 100 * shares[1], "peak_rss_mb": rss_mb}


def main() -> None:
    """Measure and print one JSON line."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--minutes", type=float, default=10.0)
    parser.add_argument("--channels", type=int, default=1, choices=(1, 2, 4, 8))
    parser.add_argument("--view", action="store_true", help="with the terminal display")
    parser.add_argument(
        "--run", nargs=argparse.REMAINDER, default=[], help="arguments of kws run instead of --channels"
    )
    given = parser.parse_args()
    figures = measure(given.channels, 60 * given.minutes, given.run, given.view)
    rounded = {name: round(value, 3) for name, value in figures.items()}
    what = {"channels": given.channels, "minutes": given.minutes, "view": given.view, "run": given.run}
    print(json.dumps({**what, **rounded, "sample_rate_hz": SAMPLE_RATE_HZ}))


if __name__ == "__main__":
    main()
