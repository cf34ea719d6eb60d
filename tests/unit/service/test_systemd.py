"""The text of the unit, and what is written and called where."""

import re
import stat
from pathlib import Path

import pytest

from kws.errors import ConfigError, KwsError
from kws.service.systemd import MARKER, Installation, quote, service_unit, systemd_version

FOLDER = Path("/home/pi/kws")
# As systemd.syntax(7) and systemd.service(5) say; what systemd 252 read from such a line was compared once.
_WORD = re.compile(r'"((?:[^"\\]|\\.)*)"|(\S+)')
_UNESCAPED = {"n": "\n", "t": "\t", "r": "\r", "\\": "\\", '"': '"'}


def read_back(line: str) -> list[str]:
    """Take a command line apart as systemd does."""
    words = []
    for quoted, bare in _WORD.findall(line):
        text = re.sub(r"\\(x[0-9a-f]{2}|.)", lambda m: _UNESCAPED.get(m[1]) or chr(int(m[1][1:], 16)), quoted or bare)
        assert not re.search("%(?!%)", text.replace("%%", ""))
        words.append(text.replace("%%", "%"))
    return words


def keys(unit: str) -> dict[str, str]:
    return dict(line.split("=", 1) for line in unit.splitlines() if "=" in line and not line.startswith("#"))


@pytest.mark.parametrize(
    "word",
    [
        "--device",
        "us b",
        "",
        "100%",
        "%h",
        "%%",
        "$HOME",
        "${HOME}",
        "a\\nb",
        'say "hi"',
        "it's",
        ";",
        "#",
        "é 聞く",
        "two\nlines\tand\x01",
        "echo \"$HOME\" %h {keyword} \\x ; 'q'",
    ],
)
def test_every_word_reaches_the_program_as_it_is(word):
    assert read_back(f"a {quote(word)} b") == ["a", word, "b"]
    assert "\n" not in quote(word)


def test_plain_words_stay_readable():
    assert quote("--threshold=computer=0.6") == "--threshold=computer=0.6"
    assert quote("us b") == '"us b"'


def test_zero_byte_is_refused():
    with pytest.raises(ConfigError, match="zero byte"):
        quote("a\0b")


def test_unit_of_a_user():
    unit = service_unit("kws", ["/venv/bin/python", "/venv/bin/kws", "run", "--device", "us b"], FOLDER)
    assert unit.startswith(MARKER + "\n")
    found = keys(unit)
    assert found["ExecStart"] == ':/venv/bin/python /venv/bin/kws run --device "us b"'
    expected = {
        "Type": "notify",
        "NotifyAccess": "main",
        "WatchdogSec": "30",
        "Restart": "on-failure",
        "KillSignal": "SIGINT",
        "SuccessExitStatus": "130 143",
        "Environment": "PYTHONUNBUFFERED=1",
        "WorkingDirectory": "/home/pi/kws",
        "WantedBy": "default.target",
    }
    assert {key: found[key] for key in expected} == expected
    assert "pipewire.service" in found["After"] and "User" not in found and "ProtectSystem" not in found


def test_unit_of_the_system():
    found = keys(service_unit("kws", ["/venv/bin/python"], FOLDER, user="pi"))
    assert (found["User"], found["SupplementaryGroups"], found["WantedBy"]) == ("pi", "audio", "multi-user.target")
    assert found["After"] == "sound.target"


def test_growing_waits_are_for_versions_that_know_them():
    assert "RestartSteps" not in service_unit("kws", ["/venv/bin/python"], FOLDER, version=253)
    assert keys(service_unit("kws", ["/venv/bin/python"], FOLDER, version=254))["RestartMaxDelaySec"] == "60"


def test_paths_with_spaces_and_percent_signs():
    found = keys(service_unit("kws", ["/my venv/100%/python"], Path("/my home/100%")))
    assert found["ExecStart"] == '":/my venv/100%%/python"'
    assert found["WorkingDirectory"] == "/my home/100%%"


@pytest.mark.parametrize("name", ["", "a/b", "a b", "kws.service", "../x", "-x", "a@b", "x" * 101, "é"])
def test_names_that_are_none_are_refused(name):
    with pytest.raises(ConfigError, match="name is"):
        Installation(name, is_user=True)
    with pytest.raises(ConfigError, match="name is"):
        service_unit(name, ["/bin/true"], FOLDER)


def test_paths_that_no_unit_can_hold_are_refused():
    with pytest.raises(ConfigError, match="absolute path"):
        service_unit("kws", ["python"], FOLDER)
    with pytest.raises(ConfigError, match="control characters"):
        service_unit("kws", ["/bin/true"], Path("/home/a\nUser=root"))


@pytest.fixture
def place(tmp_path, monkeypatch) -> Installation:
    """A user's service, with a systemctl that notes its arguments and fails where `fails` holds one of them."""
    tools = tmp_path / "bin"
    tools.mkdir()
    script = tools / "systemctl"
    script.write_text(
        f'#!/bin/sh\necho "$@" >> {tmp_path}/calls\n'
        f'[ "$1" = --version ] && echo "systemd 252 (252.1)"\n'
        f'for word in "$@"; do grep -qxs -- "$word" {tmp_path}/fails && echo "no $word" >&2 && exit 1; done\nexit 0\n'
    )
    script.chmod(0o755)
    monkeypatch.setenv("PATH", f"{tools}:/usr/bin:/bin")
    monkeypatch.setenv("XDG_CONFIG_HOME", str(tmp_path / "config"))
    return Installation("kws", is_user=True)


def calls(tmp_path: Path) -> list[str]:
    path = tmp_path / "calls"
    return path.read_text().splitlines() if path.exists() else []


UNIT = MARKER + "\nfirst\n"


def test_install_writes_reloads_enables_and_starts(place, tmp_path):
    place.install(UNIT)
    assert place.unit_path == tmp_path / "config" / "systemd" / "user" / "kws.service"
    assert place.unit_path.read_text() == UNIT
    assert stat.S_IMODE(place.unit_path.stat().st_mode) == 0o600
    assert calls(tmp_path) == ["--user daemon-reload", "--user enable --now kws.service"]
    assert [path.name for path in place.unit_path.parent.iterdir()] == ["kws.service"]


def test_install_without_starting(place, tmp_path):
    place.install(UNIT, starts=False)
    assert calls(tmp_path) == ["--user daemon-reload", "--user enable kws.service"]


def test_the_same_again_is_no_matter_and_another_is_refused(place, tmp_path):
    place.install(UNIT)
    place.install(UNIT)
    before = calls(tmp_path)
    with pytest.raises(ConfigError, match="is there and different; --force replaces it"):
        place.install(UNIT + "second\n")
    assert place.unit_path.read_text() == UNIT and calls(tmp_path) == before


def test_replacing_restarts_it(place, tmp_path):
    place.install(UNIT)
    place.install(UNIT + "second\n", replaces=True)
    assert place.unit_path.read_text() == UNIT + "second\n"
    assert calls(tmp_path)[2:] == [
        "--user daemon-reload",
        "--user enable --now kws.service",
        "--user restart kws.service",
    ]


@pytest.mark.parametrize("old", [None, UNIT])
def test_a_manager_that_does_not_answer_leaves_all_as_it_was(place, tmp_path, old):
    if old is not None:
        place.install(old)
    (tmp_path / "fails").write_text("daemon-reload\n")
    with pytest.raises(KwsError, match="^systemctl --user daemon-reload failed: no daemon-reload$"):
        place.install(UNIT + "second\n", replaces=True)
    assert (place.unit_path.read_text() if place.unit_path.exists() else None) == old


def test_a_service_that_does_not_start_stays_to_be_looked_at(place, tmp_path):
    (tmp_path / "fails").write_text("enable\n")
    with pytest.raises(KwsError, match="enable --now kws.service failed"):
        place.install(UNIT)
    assert place.unit_path.exists()


def test_uninstall_stops_and_removes(place, tmp_path):
    place.install(UNIT)
    place.uninstall()
    assert not place.unit_path.exists()
    assert calls(tmp_path)[2:] == ["--user disable --now kws.service", "--user daemon-reload"]
    with pytest.raises(ConfigError, match="no such unit"):
        place.uninstall()


def test_units_of_others_are_not_removed(place, tmp_path):
    place.install("[Unit]\n")
    with pytest.raises(ConfigError, match="was not written by kws install-service"):
        place.uninstall()
    assert place.unit_path.exists() and not any("disable" in call for call in calls(tmp_path))


def test_without_systemd_nothing_is_written(place, tmp_path, monkeypatch):
    monkeypatch.setenv("PATH", str(tmp_path / "none"))
    with pytest.raises(KwsError, match="there is no systemd to run a service; nothing was changed"):
        place.install(UNIT)
    assert not place.unit_path.exists()
    assert systemd_version() == 0


def test_version_is_read(place):
    assert systemd_version() == 252


def test_a_folder_that_cannot_be_made_is_one_line(place, tmp_path):
    (tmp_path / "config").write_text("a file")
    with pytest.raises(KwsError, match=r"kws.service: cannot be (read|written) \("):
        place.install(UNIT)


def test_a_service_of_the_system_needs_root(place, monkeypatch):
    monkeypatch.setattr("kws.service.systemd.os.geteuid", lambda: 1000)
    with pytest.raises(KwsError, match="needs root; use sudo, or --user"):
        Installation("kws", is_user=False).install(UNIT)


def test_a_relative_config_home_is_ignored(monkeypatch):
    monkeypatch.setenv("XDG_CONFIG_HOME", "config")
    monkeypatch.setenv("HOME", "/home/pi")
    assert Installation("kws", is_user=True).unit_path == Path("/home/pi/.config/systemd/user/kws.service")
    assert Installation("kws", is_user=False).unit_path == Path("/etc/systemd/system/kws.service")
