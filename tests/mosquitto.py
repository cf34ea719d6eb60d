"""A real MQTT broker for tests: mosquitto on a free port of this machine."""

from __future__ import annotations

import getpass
import shutil
import socket
import subprocess
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

_START_S = 20.0


class Mosquitto:
    """A broker that can be started, killed and started again on the same port.

    Parameters
    ----------
    folder : path
        For its configuration and log.
    users : dict, optional
        Passwords by user; by default anybody may come.
    """

    def __init__(self, folder: Path, users: dict[str, str] | None = None) -> None:
        # It lies in /usr/sbin, which is not on every user's path.
        self._program = shutil.which("mosquitto") or shutil.which("mosquitto", path="/usr/sbin:/usr/local/sbin")
        assert self._program is not None, "mosquitto is missing: apt-get install mosquitto"
        self._folder = folder
        self._process: subprocess.Popen | None = None
        self.port = free_port()
        lines = [f"listener {self.port} 127.0.0.1", f"user {getpass.getuser()}", "persistence false"]
        if users is None:
            lines.append("allow_anonymous true")
        else:
            passwords = folder / "passwords"
            passwords.write_text("".join(f"{user}:{password}\n" for user, password in users.items()))
            passwords.chmod(0o600)
            subprocess.run(["mosquitto_passwd", "-U", str(passwords)], check=True)
            lines += ["allow_anonymous false", f"password_file {passwords}"]
        (folder / "mosquitto.conf").write_text("\n".join(lines) + "\n")

    def start(self) -> None:
        """Start it and wait until it takes connections."""
        assert self._program is not None
        command = [self._program, "-c", str(self._folder / "mosquitto.conf")]
        with (self._folder / "mosquitto.log").open("ab") as log:
            self._process = subprocess.Popen(command, stdout=log, stderr=log)
        deadline_s = time.monotonic() + _START_S
        while not self._answers():
            gone = self._process.poll() is not None or time.monotonic() > deadline_s
            assert not gone, f"mosquitto did not start: {(self._folder / 'mosquitto.log').read_text()[-500:]}"
            time.sleep(0.02)

    def kill(self) -> None:
        """Kill it, as a crash does."""
        if self._process is not None:
            self._process.kill()
            self._process.wait()
            self._process = None

    def _answers(self) -> bool:
        with socket.socket() as probe:
            return probe.connect_ex(("127.0.0.1", self.port)) == 0


def free_port() -> int:
    """Return a TCP port of 127.0.0.1 on which nothing listens."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


@contextmanager
def mosquitto(folder: Path, users: dict[str, str] | None = None, is_started: bool = True) -> Iterator[Mosquitto]:
    """Make a broker, and end it after use."""
    broker = Mosquitto(folder, users)
    try:
        if is_started:
            broker.start()
        yield broker
    finally:
        broker.kill()
