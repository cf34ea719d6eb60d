"""`kws` with its subcommands, and what every command does when something goes wrong."""

import subprocess
import sys
from pathlib import Path

import pytest

from kws.cli import COMMANDS

ROOT = Path(__file__).parents[2]


def kws(*arguments: str, after: str = "") -> subprocess.CompletedProcess:
    """Run the console command as an installed script does; `after` is run at exit."""
    code = f"import atexit, sys\nfrom kws.cli import main\natexit.register(lambda: exec({after!r}))\nmain()"
    return subprocess.run([sys.executable, "-c", code, *arguments], cwd=ROOT, capture_output=True, text=True)


def test_help_lists_the_commands_and_imports_nothing_heavy():
    result = kws("--help", after="print([n for n in ('torch', 'onnxruntime', 'soundfile') if n in sys.modules])")
    assert result.returncode == 0 and result.stdout.splitlines()[-1] == "[]"
    assert all(name in result.stdout for name in COMMANDS)


def test_no_arguments_show_the_help():
    assert kws().stdout == kws("--help").stdout


def test_version():
    assert kws("--version").stdout.startswith("kws-toolkit ")


@pytest.mark.parametrize("name", COMMANDS)
def test_every_command_has_help_with_an_example(name):
    result = kws(name, "--help")
    assert result.returncode == 0, result.stderr
    assert "Examples" in result.stdout and f"Usage: kws {name}" in result.stdout


@pytest.mark.parametrize("arguments", [["listen"], ["--no-such-option"], ["run", "--no-such-option"], ["train"]])
def test_wrong_usage_is_one_line(arguments):
    result = kws(*arguments)
    assert result.returncode == 2 and result.stdout == ""
    (line,) = result.stderr.splitlines()
    assert line.startswith("error: ") and line.endswith("--help)")


def test_run_imports_only_its_own_command():
    result = kws("run", "--help", after="print([n for n in sys.modules if n.startswith('kws.cli.')])")
    assert result.stdout.splitlines()[-1] == "['kws.cli.microphone_options', 'kws.cli.models', 'kws.cli.run']"


@pytest.mark.parametrize("shim", ["run.py", "train.py"])
def test_shims_work_from_any_folder(shim, tmp_path):
    result = subprocess.run(
        [sys.executable, ROOT / shim, "--help"], cwd=tmp_path, capture_output=True, text=True, timeout=60
    )
    assert result.returncode == 0 and f"Usage: {shim}" in result.stdout
