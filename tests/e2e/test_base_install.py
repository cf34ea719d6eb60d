"""What a user gets from ``pip install``: on the oldest and the newest Python of this machine, in fresh environments."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

import pytest

ROOT = Path(__file__).resolve().parent.parent.parent
PACKAGED = ("kws", "data_tools", "export", "setup.cfg", "pyproject.toml", "README.md", "LICENSE")
OLDEST, NEWEST = "10", "13"

pytestmark = [pytest.mark.install, pytest.mark.slow]


def usable_pythons() -> list[tuple[str, str]]:
    """Return (version, path) of each usable Python, oldest first, as the Makefile finds them."""
    script = ROOT / "tools" / "pythons.sh"
    shown = subprocess.run(["sh", str(script), OLDEST, NEWEST], capture_output=True, text=True, check=True).stdout
    return [(line.split(" ", 1)[0], line.split(" ", 1)[1]) for line in shown.splitlines()]


def oldest_and_newest() -> list[tuple[str, str]]:
    found = usable_pythons()
    return sorted({found[0], found[-1]}) if found else [("none", "")]


def start(command: Sequence[str | Path], **options: Any) -> subprocess.CompletedProcess[str]:
    """Run a command with nothing of this environment's Python about it."""
    clean = {key: value for key, value in os.environ.items() if not key.startswith(("PYTHON", "VIRTUAL_ENV"))}
    words = [str(part) for part in command]
    return subprocess.run(words, capture_output=True, text=True, env=clean, timeout=600, **options)


def run(command: Sequence[str | Path], what: str, **options: Any) -> subprocess.CompletedProcess[str]:
    """Run a command; fail with `what` and the end of what it said unless it succeeds."""
    finished = start(command, **options)
    if finished.returncode != 0:
        said = (finished.stderr.strip() or finished.stdout.strip()).splitlines()[-15:]
        pytest.fail(f"{what} failed with code {finished.returncode}:\n" + "\n".join(said), pytrace=False)
    return finished


@pytest.fixture(scope="module")
def wheel(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The distribution, built from a copy so that no build folder is left in the clone."""
    folder = tmp_path_factory.mktemp("wheel")
    copy = folder / "source"
    copy.mkdir()
    for name in PACKAGED:
        place = ROOT / name
        if place.is_dir():
            shutil.copytree(place, copy / name, ignore=shutil.ignore_patterns("__pycache__"))
        else:
            shutil.copy(place, copy / name)
    pip = [sys.executable, "-m", "pip", "wheel", "--disable-pip-version-check", "--quiet", "--no-deps"]
    run([*pip, "--wheel-dir", folder, copy], "building the wheel")
    return next(folder.glob("kws_toolkit-*.whl"))


@pytest.fixture(params=oldest_and_newest(), ids=lambda found: found[0])
def environment(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Path]:
    """The interpreter of a fresh virtual environment."""
    version, python = request.param
    if version == "none":
        pytest.fail(f"no usable Python 3.{OLDEST} to 3.{NEWEST} on this machine", pytrace=False)
    folder = tmp_path / "environment"
    run([python, "-m", "venv", folder], f"making a virtual environment with {python}")
    yield folder / "bin" / "python"
    # Hundreds of MB; pytest would keep those of three runs.
    shutil.rmtree(folder, ignore_errors=True)


def pip_install(python: Path, *arguments: str) -> None:
    pip = [python, "-m", "pip", "install", "--disable-pip-version-check", "--quiet", "--retries", "5"]
    run([*pip, *arguments], f"pip install {' '.join(arguments)}", cwd=python.parent)


def installed(python: Path) -> set[str]:
    listing = run([python, "-m", "pip", "list", "--format=json", "--disable-pip-version-check"], "pip list").stdout
    return {package["name"].lower() for package in json.loads(listing)}


ONLY_NUMPY = """
import sys
before = {name.split(".")[0] for name in sys.modules}
import kws, kws.config, kws.spec, kws.audio, kws.activity, kws.graph
after = {name.split(".")[0] for name in sys.modules} - before - set(sys.stdlib_module_names) - {"kws"}
assert {name for name in after if not name.startswith("_")} <= {"numpy"}, after
assert sys.prefix in kws.__file__, kws.__file__

open("x.wav", "wb").write(b"RIFF")
try:
    kws.audio.read_audio("x.wav")
except kws.KwsError as error:
    assert "soundfile" in str(error) and "pip install" in str(error), error
else:
    raise AssertionError("read a file without soundfile")
"""

WHERE = "import kws, pathlib; print(pathlib.Path(kws.__file__).parent / 'assets')"


def test_base_needs_numpy_only_and_runs_with_onnx(environment: Path, wheel: Path, tmp_path: Path) -> None:
    pip_install(environment, "--no-deps", str(wheel))
    pip_install(environment, "numpy")
    assert installed(environment) <= {"kws-toolkit", "numpy", "pip", "setuptools"}
    run([environment, "-c", ONLY_NUMPY], "import kws with numpy alone", cwd=tmp_path)

    pip_install(environment, str(wheel))
    command = environment.parent / "kws"
    run([command, "--help"], "kws --help", cwd=tmp_path)
    assets = Path(run([environment, "-c", WHERE], "finding the assets", cwd=tmp_path).stdout.strip())
    refused = start([command, "run", "--source", assets / "demo.flac"], cwd=tmp_path)
    assert refused.returncode == 2
    assert refused.stderr.count("\n") == 1 and "'.[onnx]'" in refused.stderr

    pip_install(environment, f"{wheel}[onnx]")
    assert not installed(environment) & {"torch", "onnx", "matplotlib", "pydub", "joblib"}
    untrained = start([command, "train", "any.toml", "--out", "any"], cwd=tmp_path)
    assert untrained.returncode == 2
    assert untrained.stderr.count("\n") == 1 and "torch" in untrained.stderr and "'.[train]'" in untrained.stderr
    listen = [command, "run", "--source", assets / "demo.flac", "--jsonl"]
    lines = run(listen, "kws run on the bundled recording", cwd=tmp_path).stdout.splitlines()
    heard = [json.loads(line) for line in lines]
    assert len(heard) > 1 and heard[-1]["event"] == "end"

    # Other versions of numpy and onnxruntime round otherwise; what is heard, and when, is the same.
    here = [sys.executable, ROOT / "run.py", "--source", ROOT / "kws" / "assets" / "demo.flac", "--jsonl"]
    expected = [json.loads(line) for line in run(here, "run.py in the clone").stdout.splitlines()]
    assert [without_score(event) for event in heard] == [without_score(event) for event in expected]


def without_score(event: dict[str, Any]) -> dict[str, Any]:
    return {key: value for key, value in event.items() if key != "score"}
