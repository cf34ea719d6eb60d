"""The set-up scripts on machines that are played."""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest

from tests.played_machine import PlayedMachine

TOOLS = Path(__file__).resolve().parents[3] / "tools"

Put = Callable[[str, str], None]
Start = Callable[..., "subprocess.CompletedProcess[str]"]


@pytest.fixture
def machine(tmp_path: Path) -> PlayedMachine:
    return PlayedMachine(tmp_path)


@pytest.fixture
def path(machine: PlayedMachine) -> Path:
    return machine.path


@pytest.fixture
def put(machine: PlayedMachine) -> Put:
    return machine.put


@pytest.fixture
def start(machine: PlayedMachine) -> Start:
    def run(script: str, *arguments: str, **variables: str) -> subprocess.CompletedProcess[str]:
        return machine.start(TOOLS / script, *arguments, **variables)

    return run


def answers(minor: int, executable: str) -> str:
    return f'echo "{minor} {executable}"'


def test_pythons_are_listed_once_a_version_oldest_first(put: Put, start: Start) -> None:
    put("python3.13", answers(13, "/a/python3.13"))
    put("python3.10", answers(10, "/with a space/python3.10"))
    put("python3", answers(13, "/b/python3"))
    assert start("pythons.sh", "10", "13").stdout == "3.10 /with a space/python3.10\n3.13 /a/python3.13\n"


def test_pythons_leave_out_what_does_not_run_or_is_of_another_version(put: Put, start: Start) -> None:
    put("python3.11", "echo 'pyenv: python3.11: command not found' >&2; exit 127")
    put("python3.12", "echo 'No module named ensurepip' >&2; exit 1")
    put("python3", answers(14, "/usr/bin/python3"))
    assert start("pythons.sh", "10", "13").stdout == ""


def test_pythons_of_pyenv_are_found_without_a_path(start: Start, tmp_path: Path) -> None:
    place = tmp_path / ".pyenv" / "versions" / "3.12.1" / "bin" / "python3"
    place.parent.mkdir(parents=True)
    place.write_text(f"#!/bin/sh\n{answers(12, str(place))}\n")
    place.chmod(0o755)
    assert start("pythons.sh", "10", "13").stdout == f"3.12 {place}\n"


def test_this_python_is_usable(put: Put, start: Start) -> None:
    listed = start("pythons.sh", "10", "13", PYTHON=sys.executable).stdout
    assert listed == f"3.{sys.version_info[1]} {sys.executable}\n"


@pytest.mark.parametrize(("versions", "chosen"), [([10, 11, 13], 11), ([10, 12], 12), ([10], 10)])
def test_environment_is_made_with_311_or_else_the_newest(
    versions: list[int], chosen: int, put: Put, start: Start, path: Path, tmp_path: Path
) -> None:
    for minor in versions:
        probe = answers(minor, str(path / f"python3.{minor}"))
        put(f"python3.{minor}", f'[ "$1" = -c ] && {probe} || echo "{minor} $@" > "{tmp_path}/made"')
    finished = start("make_venv.sh", str(tmp_path / "new env"), "10", "13")
    assert finished.returncode == 0, finished.stderr
    assert (tmp_path / "made").read_text() == f"{chosen} -m venv --clear {tmp_path / 'new env'}\n"


def test_no_python_is_one_clear_line(start: Start, tmp_path: Path) -> None:
    finished = start("make_venv.sh", str(tmp_path / "env"), "10", "13")
    assert finished.returncode == 2
    assert finished.stderr.startswith("no usable Python 3.10 to 3.13 found")
    assert finished.stderr.count("\n") == 1


def test_environment_that_works_is_kept(start: Start, tmp_path: Path) -> None:
    place = tmp_path / "env" / "bin" / "python"
    place.parent.mkdir(parents=True)
    place.write_text("#!/bin/sh\nexit 0\n")
    place.chmod(0o755)
    finished = start("make_venv.sh", str(tmp_path / "env"), "10", "13")
    assert (finished.returncode, finished.stdout) == (0, "")


MISSING, PRESENT = "exit 1", "printf 'install ok installed'"


@pytest.fixture
def package_list(tmp_path: Path) -> Path:
    path = tmp_path / "packages.txt"
    path.write_text("# what is needed\nffmpeg\n")
    return path


def test_debian_packages_that_are_there_are_left_alone(put: Put, start: Start, package_list: Path) -> None:
    put("dpkg-query", PRESENT)
    put("apt-get", "exit 99")
    finished = start("install_apt.sh", str(package_list))
    assert (finished.returncode, finished.stdout) == (0, "")


@pytest.mark.parametrize("user", ["0", "1000"])
def test_missing_debian_packages_are_installed_as_root_or_through_sudo(
    user: str, put: Put, start: Start, package_list: Path, tmp_path: Path
) -> None:
    put("dpkg-query", MISSING)
    put("id", f"echo {user}")
    put("sudo", f'echo sudo >> "{tmp_path}/log"; [ "$1" = -n ] || exec "$@"')
    put("apt-get", f'echo "$1" >> "{tmp_path}/log"; for last; do :; done; echo "$last" >> "{tmp_path}/log"')
    finished = start("install_apt.sh", str(package_list))
    assert finished.returncode == 0, finished.stderr
    log = (tmp_path / "log").read_text().split()
    assert [word for word in log if word in {"update", "install", "ffmpeg"}] == ["update", "install", "ffmpeg"]
    assert ("sudo" in log) is (user != "0")


def test_without_root_and_sudo_the_line_says_what_to_install(put: Put, start: Start, package_list: Path) -> None:
    put("dpkg-query", MISSING)
    put("id", "echo 1000")
    put("apt-get", "exit 99")
    finished = start("install_apt.sh", str(package_list))
    assert finished.returncode == 2
    assert finished.stderr == "these packages are needed, and only root can install them: apt-get install ffmpeg\n"


def test_apt_that_fails_is_said(put: Put, start: Start, package_list: Path) -> None:
    put("dpkg-query", MISSING)
    put("id", "echo 0")
    put("apt-get", "exit 100")
    finished = start("install_apt.sh", str(package_list))
    assert finished.returncode == 2
    assert "could not install ffmpeg" in finished.stderr


def test_other_systems_are_told_what_is_needed(start: Start, package_list: Path) -> None:
    finished = start("install_apt.sh", str(package_list))
    assert finished.returncode == 0
    assert "ffmpeg" in finished.stdout
