"""A sound card without hardware: a private PulseAudio daemon that PortAudio reaches as the system's device.

What is played into the sink ``mic`` is heard by the microphone (the sink's monitor), bit for bit. The sink ``spk``
takes what the program plays.
"""

from __future__ import annotations

import os
import shutil
import signal
import subprocess
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import numpy as np

_MAPS = {
    1: "mono",
    2: "front-left,front-right",
    4: "front-left,front-right,rear-left,rear-right",
    8: "front-left,front-right,rear-left,rear-right,front-center,lfe,side-left,side-right",
}
_PACKAGES = ("pulseaudio", "pactl", "paplay", "parec")
_START_S = 20.0


class SoundCard:
    """A virtual card in a folder of its own; see :func:`sound_card`.

    Parameters
    ----------
    folder : path
        Short, because of the limit of socket paths.
    n_channels, rate_hz : int
        Of the microphone; the loudspeaker is stereo at 48 kHz.
    """

    def __init__(self, folder: Path, n_channels: int = 1, rate_hz: int = 16_000) -> None:
        missing = [name for name in _PACKAGES if shutil.which(name) is None]
        assert not missing, f"{missing} missing: apt-get install pulseaudio pulseaudio-utils libasound2-plugins"
        self.folder = folder
        self.n_channels = n_channels
        self.rate_hz = rate_hz
        self._daemon: subprocess.Popen | None = None
        self._players: list[subprocess.Popen] = []
        for name in ("rt", "home"):
            (folder / name).mkdir(mode=0o700)
        (folder / "asound.conf").write_text("pcm.default { type pulse }\nctl.default { type pulse }\n")

    @property
    def environment(self) -> dict[str, str]:
        """The variables that lead a program to this card."""
        return {
            "PULSE_SERVER": f"unix:{self.folder}/rt/native",
            "ALSA_CONFIG_PATH": str(self.folder / "asound.conf"),
            "XDG_RUNTIME_DIR": str(self.folder / "rt"),
            "HOME": str(self.folder / "home"),
        }

    def start(self) -> None:
        """Start the daemon and wait until it answers."""
        script = self.folder / "pa"
        script.write_text(
            f"load-module module-native-protocol-unix auth-anonymous=1 socket={self.folder}/rt/native\n"
            f"load-module {self._mic_module}\n"
            "load-module module-null-sink sink_name=spk rate=48000 channels=2 norewinds=1\n"
            "set-default-source mic.monitor\n"
            "set-default-sink spk\n"
        )
        command = ["pulseaudio", "-n", "-F", str(script), "--daemonize=no", "--use-pid-file=no"]
        command += ["--exit-idle-time=-1", "--disable-shm=yes"]
        log = (self.folder / "daemon.log").open("ab")
        self._daemon = subprocess.Popen(command, env={**os.environ, **self.environment}, stdout=log, stderr=log)
        log.close()
        deadline_s = time.monotonic() + _START_S
        while self.control("get-default-source", check=False).strip() != "mic.monitor":
            gone = self._daemon.poll() is not None or time.monotonic() > deadline_s
            assert not gone, f"PulseAudio did not start: {(self.folder / 'daemon.log').read_text()[-500:]}"
            time.sleep(0.05)

    def stop(self) -> None:
        """End players and daemon."""
        for player in self._players:
            player.kill()
            player.wait()
        self._players.clear()
        self.kill()

    def kill(self) -> None:
        """Kill the daemon, as a crash does."""
        if self._daemon is not None:
            # A frozen process takes SIGKILL too.
            self._daemon.kill()
            self._daemon.wait()
            self._daemon = None

    def freeze(self) -> None:
        """Stop the daemon where it stands: nothing is delivered, and nothing fails."""
        assert self._daemon is not None
        self._daemon.send_signal(signal.SIGSTOP)

    def thaw(self) -> None:
        """Let a frozen daemon go on."""
        assert self._daemon is not None
        self._daemon.send_signal(signal.SIGCONT)

    def suspend(self, is_suspended: bool) -> None:
        """Suspend or resume the microphone."""
        self.control("suspend-sink", "mic", "1" if is_suspended else "0")

    def unplug(self) -> None:
        """Take the microphone away; the daemon moves its streams to what is left, the loudspeaker's monitor."""
        for line in self.control("list", "short", "modules").splitlines():
            if "sink_name=mic" in line:
                self.control("unload-module", line.split()[0])

    def replug(self) -> None:
        """Bring the microphone back as the default one."""
        self.control("load-module", *self._mic_module.split())
        self.control("set-default-source", "mic.monitor")

    def control(self, *arguments: str, check: bool = True) -> str:
        """Run `pactl` and return what it prints."""
        result = subprocess.run(
            ["pactl", *arguments],
            env={**os.environ, **self.environment, "LC_ALL": "C"},
            capture_output=True,
            text=True,
            timeout=20,
        )
        assert not check or result.returncode == 0, result.stderr
        return result.stdout

    def play(self, samples: np.ndarray, sink: str = "mic") -> subprocess.Popen:
        """Play int16 samples ``(N,)`` or ``(C, N)`` into a sink, at the microphone's rate; returns at once.

        The process ends when the last sample was played. Wait for the first callbacks before playing.
        """
        rows = np.atleast_2d(samples)
        n_channels = len(rows)
        command = ["paplay", f"--device={sink}", "--raw", "--format=s16le", f"--rate={self.rate_hz}"]
        command += [f"--channels={n_channels}", f"--channel-map={_MAPS[n_channels]}"]
        path = self.folder / f"play{len(self._players)}.raw"
        path.write_bytes(np.ascontiguousarray(rows.T).astype("<i2").tobytes())
        player = subprocess.Popen([*command, str(path)], env={**os.environ, **self.environment})
        self._players.append(player)
        return player

    def record(self, duration_s: float, source: str = "spk.monitor", rate_hz: int = 48_000) -> np.ndarray:
        """Record a source as int16 mono, shape (N,)."""
        command = ["parec", f"--device={source}", "--raw", "--format=s16le", f"--rate={rate_hz}", "--channels=1"]
        recorder = subprocess.Popen(
            [*command, "--latency-msec=20"], env={**os.environ, **self.environment}, stdout=subprocess.PIPE
        )
        assert recorder.stdout is not None
        data = recorder.stdout.read(round(duration_s * rate_hz) * 2)
        recorder.kill()
        recorder.communicate()
        return np.frombuffer(data, "<i2")

    @property
    def _mic_module(self) -> str:
        layout = f"channels={self.n_channels} channel_map={_MAPS[self.n_channels]}"
        return f"module-null-sink sink_name=mic rate={self.rate_hz} {layout} format=s16le norewinds=1"


@contextmanager
def sound_card(n_channels: int = 1, rate_hz: int = 16_000) -> Iterator[SoundCard]:
    """Start a card and end it with everything that plays on it."""
    folder = Path(tempfile.mkdtemp(prefix="va.", dir="/tmp"))
    card = SoundCard(folder, n_channels, rate_hz)
    try:
        card.start()
        yield card
    finally:
        card.stop()
        shutil.rmtree(folder, ignore_errors=True)
