"""install.sh on machines that are played: what it chooses, what it would do, what it refuses."""

from __future__ import annotations

import subprocess
from pathlib import Path

import pytest

from tests.played_machine import PlayedMachine

ROOT = Path(__file__).resolve().parents[4]
SCRIPT = ROOT / "export" / "raspberry_pi" / "install.sh"
USER, SUPERUSER = "1000", "0"
# A folder of a program that makes environments: bin/python, which notes what it is asked to do, and bin/kws.
MAKES_ENVIRONMENT = """
for folder; do :; done
mkdir -p "$folder/bin"
echo "$@" >> "$HOME/venv.log"
printf '#!/bin/sh\\necho "$@" >> "$HOME/python.log"\\n' > "$folder/bin/python"
printf '#!/bin/sh\\necho "$@" >> "$HOME/kws.log"\\n' > "$folder/bin/kws"
chmod +x "$folder/bin/python" "$folder/bin/kws"
: > "$folder/pyvenv.cfg"
"""


class Pi:
    """A Raspberry Pi whose Debian packages are all there, and whose changes are noted in files."""

    def __init__(self, folder: Path) -> None:
        self.machine = PlayedMachine(folder, ("cat", "mktemp", "cp", "rm", "mkdir", "chmod", "ls"))
        self.home = folder
        self.put = self.machine.put
        self.is_of("arm64", "aarch64")
        self.has_python(11)
        self.put("id", f"echo {USER}")
        self.put("dpkg-query", "printf 'install ok installed'")
        self.put("apt-get", 'echo "$@" >> "$HOME/apt.log"')
        self.put("loginctl", 'echo "$@" >> "$HOME/loginctl.log"')

    def is_of(self, architecture: str, kernel: str) -> None:
        self.put("dpkg", f'[ "$1" = --print-architecture ] && echo {architecture}')
        self.put("uname", f"echo {kernel}")

    def has_python(self, minor: int) -> None:
        self.put("python3", f'if [ "$1" = -c ]; then echo {minor}; else {MAKES_ENVIRONMENT} fi')

    def install(self, *arguments: str, **variables: str) -> subprocess.CompletedProcess[str]:
        # Its copy of the toolkit is looked for afterwards.
        (self.home / "tmp").mkdir(exist_ok=True)
        return self.machine.start(SCRIPT, *arguments, TMPDIR=str(self.home / "tmp"), **variables)

    def log(self, name: str) -> list[str]:
        path = self.home / f"{name}.log"
        return path.read_text().splitlines() if path.exists() else []


@pytest.fixture
def pi(tmp_path: Path) -> Pi:
    return Pi(tmp_path)


def shown(finished: subprocess.CompletedProcess[str]) -> list[str]:
    """Return the commands that a dry run shows."""
    assert finished.returncode == 0, finished.stderr
    return [line.removeprefix("+ ") for line in finished.stdout.splitlines() if line.startswith("+ ")]


def refusal(finished: subprocess.CompletedProcess[str]) -> str:
    assert finished.returncode == 2
    assert finished.stderr.startswith("error: ") and finished.stderr.count("\n") == 1
    return finished.stderr


def test_help_has_examples_and_changes_nothing(pi: Pi) -> None:
    finished = pi.install("--help")
    assert finished.returncode == 0
    assert "examples:" in finished.stdout and "--dry-run" in finished.stdout


def test_dry_run_shows_the_commands_and_changes_nothing(pi: Pi) -> None:
    before = sorted(path.name for path in pi.home.rglob("*"))
    finished = pi.install("--dry-run", "--service", "--", "--device", "usb")
    apt, venv, pip, listen, service, linger = shown(finished)
    place = pi.home / ".local/share/kws"
    assert "apt-packages.txt" in apt and "apt-packages-microphone.txt" in apt
    assert venv == f"python3 -m venv --clear {place}"
    assert pip.startswith(f"{place}/bin/python -m pip install") and pip.endswith("[onnx,mic]")
    assert listen.startswith(f"{place}/bin/kws run --source ")
    assert service == f"{place}/bin/kws install-service --user -- --device usb"
    assert linger == "loginctl enable-linger"
    assert "nothing was changed" in finished.stdout
    assert sorted(path.name for path in pi.home.rglob("*") if path.name != "tmp") == before


def test_64_bits_get_onnx_runtime(pi: Pi) -> None:
    finished = pi.install("--dry-run")
    assert "arm64: 64 bits, ONNX Runtime" in finished.stdout
    assert not any("tflite" in command or "32bit" in command for command in shown(finished))


@pytest.mark.parametrize("kernel", ["armv7l", "aarch64"])
def test_32_bits_get_tflite_also_under_a_64_bit_kernel(kernel: str, pi: Pi) -> None:
    pi.is_of("armhf", kernel)
    finished = pi.install("--dry-run")
    apt, venv, pip, _ = shown(finished)
    assert "armhf: 32 bits, TensorFlow Lite" in finished.stdout
    assert "apt-packages-32bit.txt" in apt and "--system-site-packages" in venv
    assert "[mic] tflite-runtime>=2.14 numpy<2" in pip and "onnx" not in pip


@pytest.mark.parametrize(
    ("architecture", "kernel", "minor", "said"),
    [
        ("armhf", "armv6l", 11, "ARMv6"),
        ("i386", "i686", 11, "architecture is i386"),
        ("arm64", "aarch64", 9, "Python is 3.9"),
        ("armhf", "armv7l", 13, "Python is 3.13"),
    ],
)
def test_systems_without_a_runtime_are_refused_before_anything_is_changed(
    architecture: str, kernel: str, minor: int, said: str, pi: Pi
) -> None:
    pi.is_of(architecture, kernel)
    pi.has_python(minor)
    pi.put("dpkg-query", "exit 1")
    assert said in refusal(pi.install())
    assert not pi.log("apt") and not pi.log("venv")


def test_other_systems_are_told_another_way(pi: Pi) -> None:
    (pi.machine.path / "dpkg").unlink()
    assert "no Debian system" in refusal(pi.install())


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (["--foo"], "--foo is no option"),
        (["model.onnx"], "model.onnx is no option"),
        (["--into"], "--into needs a value"),
        (["--into", "here"], "accepted is a path from /"),
        (["--extras", "mic actions"], "--extras is 'mic actions'"),
        (["--extras", "mic]; rm"], "--extras is"),
        (["--", "--device", "usb"], "for --service"),
        (["--run-as", "pi"], "--run-as is for root"),
    ],
)
def test_bad_arguments_are_one_line(arguments: list[str], said: str, pi: Pi) -> None:
    assert said in refusal(pi.install(*arguments))
    assert not pi.log("venv")


@pytest.mark.parametrize(
    ("extras", "asked_for"),
    [("mic,actions", "[onnx,mic,actions]"), ("", "[onnx]"), ("sounddevice", "[onnx,sounddevice]")],
)
def test_extras(extras: str, asked_for: str, pi: Pi) -> None:
    finished = pi.install("--dry-run", "--extras", extras)
    assert shown(finished)[2].endswith(asked_for)
    assert ("gcc" in finished.stdout) is ("mic" in extras)
    assert ("libportaudio2" in finished.stdout) is (extras == "sounddevice")


def test_as_root_it_is_for_the_system_and_runs_as_who_called_sudo(pi: Pi) -> None:
    pi.put("id", f"echo {SUPERUSER}")
    finished = pi.install("--dry-run", "--service", "--force", SUDO_USER="pi")
    assert shown(finished)[-1] == "/opt/kws/bin/kws install-service --run-as pi --force --"
    assert "--service as root needs --run-as" in refusal(pi.install("--dry-run", "--service"))
    finished = pi.install("--dry-run", "--service", "--run-as", "kws", SUDO_USER="pi")
    assert "--run-as kws" in shown(finished)[-1]


def test_it_installs_and_a_second_run_keeps_the_environment(pi: Pi) -> None:
    place = pi.home / "a place"
    options = ("--into", str(place), "--service", "--", "--exec", "say {keyword} 'now'")
    for _ in range(2):
        finished = pi.install(*options)
        assert finished.returncode == 0, finished.stderr
    assert pi.log("venv") == [f"-m venv --clear {place}"]
    installs = [line for line in pi.log("python") if "pip install" in line]
    assert len(installs) == 2 and all(line.endswith("[onnx,mic]") for line in installs)
    assert pi.log("kws")[1] == "install-service --user -- --exec say {keyword} 'now'"
    assert pi.log("loginctl") == ["enable-linger"] * 2
    assert not list((pi.home / "tmp").iterdir())


def test_a_folder_that_is_no_environment_is_left_as_it_is(pi: Pi) -> None:
    (pi.home / "photos").mkdir()
    (pi.home / "photos" / "one.jpg").touch()
    assert "holds something else" in refusal(pi.install("--into", str(pi.home / "photos")))
    assert (pi.home / "photos" / "one.jpg").exists()
    assert not pi.log("venv")


def test_what_fails_is_said_and_nothing_is_left_behind(pi: Pi) -> None:
    pi.install()
    python = pi.home / ".local/share/kws/bin/python"
    python.write_text('#!/bin/sh\n[ "$2" != pip ]\n')
    assert "pip could not install all" in refusal(pi.install())
    python.write_text("#!/bin/sh\n")
    (python.parent / "kws").write_text("#!/bin/sh\nexit 3\n")
    assert "the detector does not run" in refusal(pi.install())
    assert not list((pi.home / "tmp").iterdir())
