"""`kws install-service` as a user calls it, with a systemctl that only notes how it is called."""

import os
import shlex
import socket
import subprocess
import sys
from pathlib import Path

import pytest

from tests.tiny_model import write_tiny_model

ROOT = Path(__file__).parents[2]
SYSTEMCTL = '#!/bin/sh\n[ "$1" = --version ] && echo "systemd 257 (257.8)" && exit\necho "$@" >> "$HOME/calls"\n'


@pytest.fixture
def home(tmp_path) -> Path:
    (tmp_path / "bin").mkdir()
    (tmp_path / "work").mkdir()
    script = tmp_path / "bin" / "systemctl"
    script.write_text(SYSTEMCTL)
    script.chmod(0o755)
    return tmp_path


def install(home: Path, *arguments: object, path: str | None = None) -> subprocess.CompletedProcess:
    environment = {key: value for key, value in os.environ.items() if key not in ("XDG_CONFIG_HOME", "SUDO_USER")}
    environment |= {"HOME": str(home), "PYTHONPATH": str(ROOT), "PATH": path or f"{home}/bin:{os.environ['PATH']}"}
    return subprocess.run(
        [sys.executable, "-c", "from kws.cli import main; main()", "install-service", *map(str, arguments)],
        cwd=home / "work",
        env=environment,
        capture_output=True,
        text=True,
        timeout=60,
    )


def unit_of(home: Path, name: str = "kws") -> Path:
    return home / ".config" / "systemd" / "user" / f"{name}.service"


def exec_start(unit: str) -> list[str]:
    (line,) = [line for line in unit.splitlines() if line.startswith("ExecStart=")]
    return shlex.split(line.removeprefix("ExecStart=:"))


def fails(result: subprocess.CompletedProcess, expected: str) -> None:
    assert result.returncode == 2, result.stderr
    (line,) = result.stderr.splitlines()
    assert line.startswith("error: ") and expected in line


def test_install_and_uninstall(home):
    result = install(home, "--user", "--", "--device", "usb mic", "--exec", "sh 100%.wav")
    assert result.returncode == 0, result.stderr
    unit = unit_of(home).read_text()
    assert os.path.isabs(exec_start(unit)[0])
    assert exec_start(unit)[-6:] == ["run", "--device", "usb mic", "--exec", "sh 100%%.wav", "--wait"]
    assert f"\nWorkingDirectory={home}/work\n" in unit and "RestartSteps=" in unit
    assert "loginctl enable-linger" in result.stdout and str(unit_of(home)) in result.stdout
    result = install(home, "--user", "--uninstall")
    assert result.returncode == 0, result.stderr
    assert not unit_of(home).exists()
    assert (home / "calls").read_text().splitlines() == [
        "--user daemon-reload",
        "--user enable --now kws.service",
        "--user disable --now kws.service",
        "--user daemon-reload",
    ]


def test_the_program_of_the_unit_starts(home):
    command = exec_start(install(home, "--user", "--dry-run").stdout)
    program = command[: command.index("run")]
    shown = subprocess.run(
        [*program, "--version"], cwd=ROOT, env={"PATH": os.environ["PATH"]}, capture_output=True, text=True, timeout=60
    )
    assert shown.returncode == 0 and shown.stdout.startswith("kws-toolkit "), shown.stderr


def test_dry_run_shows_the_unit_and_changes_nothing(home):
    result = install(home, "--user", "--name", "kitchen", "--dry-run", "--", "--wait")
    assert "Description=Keyword spotting (kitchen)" in result.stdout
    assert result.stdout.count("--wait") == 1
    assert not unit_of(home, "kitchen").exists() and not (home / "calls").exists()


def test_own_model_is_found_from_where_it_was_given(home):
    write_tiny_model(home / "work" / "tiny.onnx")
    result = install(home, "--user", "--name", "tiny", "--no-start", "--", "--model", "tiny.onnx")
    assert result.returncode == 0, result.stderr
    assert (home / "calls").read_text().splitlines()[-1] == "--user enable tiny.service"


@pytest.mark.parametrize(
    ("arguments", "expected"),
    [
        (["--user", "--", "--devise", "usb"], "--devise"),
        (["--user", "--", "--max-age", "soon"], "--max-age"),
        (["--user", "--", "--model", "none.onnx"], "none.onnx: no such file"),
        (["--user", "--", "--source", "-"], "--source - reads a pipe"),
        (["--user", "--", "--threshold", "4"], "threshold is 4"),
        (["--user", "--", "--threshold", "hello=0.4"], "keyword is 'hello'"),
        (["--user", "--", "--channels", "foo"], "channels is 'foo'"),
        (["--user", "--", "--exec", "no-such-program"], "no-such-program"),
        (["--user", "--", "--mqtt", "foo"], "--mqtt"),
        (["--user", "--", "--webhook", "http://h/{keyword}"], "--webhook has a placeholder"),
        (["--user", "--", "--chime", "no.wav"], "no.wav: no such file"),
        (["--user", "--", "--view"], "a service has no terminal"),
        (["--user", "--name", "a/b"], "name is 'a/b'"),
        (["--user", "--uninstall"], "no such unit"),
        ([], "needs --run-as USER"),
        (["--run-as", "a\nb"], "--run-as is"),
    ],
)
def test_mistakes_are_one_line_and_nothing_is_written(home, arguments, expected):
    fails(install(home, *arguments), expected)
    assert not unit_of(home).exists() and not (home / "calls").exists()


def test_another_unit_is_replaced_only_by_force(home):
    assert install(home, "--user").returncode == 0
    fails(install(home, "--user", "--", "--device", "usb"), "--force replaces it")
    assert install(home, "--user", "--force", "--", "--device", "usb").returncode == 0
    assert exec_start(unit_of(home).read_text())[-3:] == ["--device", "usb", "--wait"]
    assert (home / "calls").read_text().splitlines()[-1] == "--user restart kws.service"


def test_without_systemd(home):
    fails(install(home, "--user", path="/nowhere"), "there is no systemd to run a service; nothing was changed")
    assert not unit_of(home).exists()


def test_run_tells_the_service_manager(home, tmp_path):
    name = f"@kws-e2e-{os.getpid()}"
    with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as manager:
        manager.bind("\0" + name[1:])
        manager.settimeout(60)
        subprocess.run(
            [sys.executable, ROOT / "run.py", "--source", ROOT / "kws" / "assets" / "demo.flac"],
            env=os.environ | {"NOTIFY_SOCKET": name, "WATCHDOG_USEC": "10000000"},
            capture_output=True,
            timeout=60,
            check=True,
        )
        assert manager.recv(4096).decode() == "READY=1\nWATCHDOG=1\nSTATUS=listening"
        assert manager.recv(4096).decode() == "STOPPING=1"
