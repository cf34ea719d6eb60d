"""The page's files: installed with the package, and nothing fetched from elsewhere."""

import configparser
import re
from fnmatch import fnmatch
from pathlib import Path

import pytest

from data_tools.label.server import STATIC, _parse_range

ROOT = Path(__file__).parents[4]
FILES = sorted(path.relative_to(STATIC).as_posix() for path in STATIC.rglob("*") if path.is_file())
OWN = [name for name in FILES if not name.startswith("vendor/")]


def test_every_file_is_in_the_package() -> None:
    config = configparser.ConfigParser()
    config.read(ROOT / "setup.cfg")
    patterns = [text.strip() for text in config["options.package_data"]["data_tools"].split(",")]
    for name in FILES:
        folder, _, file = f"label/static/{name}".rpartition("/")
        # A star of setuptools does not reach into subfolders.
        assert any(p.rpartition("/")[0] == folder and fnmatch(file, p.rpartition("/")[2]) for p in patterns), name


@pytest.mark.parametrize("name", OWN)
def test_nothing_comes_from_elsewhere(name: str) -> None:
    text = (STATIC / name).read_text(encoding="utf-8")
    assert not re.search(r"""https?:|["'(]//""", text)
    for target in re.findall(r"""(?:from|src=|href=)\s*"([^"]+)\"""", text):
        if not target.startswith("data:"):
            assert ((STATIC / name).parent / target).is_file(), target


def test_the_waveform_comes_with_its_licence() -> None:
    licence = (STATIC / "vendor" / "LICENSE.wavesurfer.txt").read_text(encoding="utf-8")
    assert licence.startswith("BSD 3-Clause License") and "katspaugh" in licence


@pytest.mark.parametrize("name", [name for name in OWN if name.endswith(".js")])
def test_modules_of_the_page_stay_small(name: str) -> None:
    assert len((STATIC / name).read_text(encoding="utf-8").splitlines()) <= 400


@pytest.mark.parametrize(
    ("text", "part"),
    [
        ("bytes=0-9", (0, 10)),
        ("bytes=90-", (90, 100)),
        ("bytes=-5", (95, 100)),
        ("bytes=-500", (0, 100)),
        ("bytes=50-500", (50, 100)),
        ("bytes=100-", None),
        ("bytes=9-3", None),
        ("bytes=-", None),
        ("bytes=1-2,4-5", None),
        ("items=0-9", None),
    ],
)
def test_ranges(text: str, part: tuple[int, int] | None) -> None:
    assert _parse_range(text, 100) == part
