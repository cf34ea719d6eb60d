"""The Android part on this machine: it compiles, becomes a library file, and listens to a microphone that is played."""

from __future__ import annotations

import re
import subprocess
import zipfile
from pathlib import Path
from xml.etree import ElementTree

import numpy as np
import pytest

from tests.java_engine import HEAP, LIBRARY, PROBES, ROOT, compile_java, jdk
from tests.tiny_model import bursts
from tests.unit.android.test_live import loud_model

ANDROID = ROOT / "export" / "android"
STUBS = ANDROID / "stubs"
NAMESPACE = "{http://schemas.android.com/apk/res/android}"
# Seconds of the recording with a word, how long it is heard, and what the microphone does.
SCENARIOS = {
    "well": (4.2, "nothing", 0.0),
    "dies": (5.5, "dies", 1.6),
    "hangs": (7.0, "hangs", 1.6),
    "silent": (6.5, "silent", 1.6),
    "refused": (5.5, "refused", 0.0),
}


def sources(folder: Path) -> list[Path]:
    return sorted(folder.rglob("*.java"))


@pytest.fixture(scope="module")
def aar(tmp_path_factory: pytest.TempPathFactory) -> Path:
    # A name with a space, as a user's folder may have.
    path = tmp_path_factory.mktemp("my aar") / "kws.aar"
    built = subprocess.run(["sh", str(ANDROID / "build_aar.sh"), str(path)], capture_output=True, text=True)
    assert built.returncode == 0, built.stderr + built.stdout
    return path


@pytest.fixture(scope="module")
def classes(aar: Path, tmp_path_factory: pytest.TempPathFactory) -> str:
    """Return a class path of the fakes, the library as it is shipped, and the probe."""
    folder = tmp_path_factory.mktemp("classes")
    with zipfile.ZipFile(aar) as archive:
        archive.extract("classes.jar", folder)
    for name in ("stubs", "fakes", "probe"):
        (folder / name).mkdir()
    compile_java(sources(STUBS), folder / "stubs")
    compile_java(sources(PROBES / "fakes"), folder / "fakes", folder / "stubs")
    path = f"{folder / 'fakes'}:{folder / 'classes.jar'}:{folder / 'stubs'}"
    compile_java(sources(PROBES / "microphone"), folder / "probe", Path(path))
    return f"{path}:{folder / 'probe'}"


@pytest.fixture(scope="module")
def told(classes: str, tmp_path_factory: pytest.TempPathFactory) -> dict[str, list[list[str]]]:
    """Return what each scenario told; all of them run at the same time, in real time."""
    folder = tmp_path_factory.mktemp("runs")
    bursts((1.0, 3.0), 20.0).astype("<i2").tofile(folder / "audio.pcm")
    # A microphone is never digitally silent.
    noise = np.random.default_rng(0).integers(-2, 3, 20 * 16_000).astype("<i2")
    (np.fromfile(folder / "audio.pcm", "<i2") + noise).astype("<i2").tofile(folder / "audio.pcm")
    model = loud_model(folder)
    running = {}
    for name, (duration_s, what, place_s) in SCENARIOS.items():
        words = [model, folder / "audio.pcm", duration_s, what, place_s]
        command = [jdk("java"), HEAP, "-cp", classes, "org.kws.android.MicrophoneProbe", *map(str, words)]
        running[name] = subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)
    result = {}
    for name, process in running.items():
        out, problem = process.communicate(timeout=120)
        assert process.returncode == 0, problem
        result[name] = [line.split("\t") for line in out.splitlines()]
    return result


def lines(told: dict[str, list[list[str]]], scenario: str, kind: str) -> list[list[str]]:
    return [line[1:] for line in told[scenario] if line[0] == kind]


def test_library_file_has_what_gradle_expects(aar: Path) -> None:
    with zipfile.ZipFile(aar) as archive:
        assert {"AndroidManifest.xml", "classes.jar", "R.txt", "proguard.txt"} == set(archive.namelist())
        manifest = ElementTree.fromstring(archive.read("AndroidManifest.xml"))
        assert manifest.find("uses-sdk").get(f"{NAMESPACE}minSdkVersion") == "21"  # type: ignore[union-attr]
        archive.extract("classes.jar", aar.parent)
    with zipfile.ZipFile(aar.parent / "classes.jar") as jar:
        names = jar.namelist()
        assert "org/kws/KeywordDetector.class" in names and "org/kws/android/KeywordService.class" in names
        assert not [name for name in names if name.startswith("android/") or "Probe" in name]
        # Class files of Java 8, which every Android build tool takes.
        versions = {int.from_bytes(jar.read(name)[6:8], "big") for name in names if name.endswith(".class")}
    assert versions == {52}


def test_engine_uses_no_class_of_android_and_nothing_but_java() -> None:
    for path in sorted((LIBRARY / "org" / "kws").glob("*.java")):
        imports = re.findall(r"^import (?:static )?([\w.]+);", path.read_text(encoding="utf-8"), flags=re.M)
        assert all(name.startswith(("java.io", "java.nio", "java.util")) for name in imports), path.name


def test_sample_compiles_and_its_parts_fit(aar: Path, tmp_path: Path) -> None:
    sample = ANDROID / "sample" / "src" / "main"
    strings = ElementTree.parse(sample / "res" / "values" / "strings.xml").getroot()
    names = [item.get("name") for item in strings]
    fields = "".join(f"public static final int {name} = {i};" for i, name in enumerate(names))
    (tmp_path / "R.java").write_text(
        f"package org.kws.sample; final class R {{ static final class string {{ {fields} }} }}"
    )
    with zipfile.ZipFile(aar) as archive:
        archive.extract("classes.jar", tmp_path)
    (tmp_path / "stubs").mkdir()
    compile_java(sources(STUBS), tmp_path / "stubs")
    target = tmp_path / "sample"
    target.mkdir()
    path = Path(f"{tmp_path / 'classes.jar'}:{tmp_path / 'stubs'}")
    compile_java([*sources(sample / "java"), tmp_path / "R.java"], target, path, "--release", "8")
    manifest = ElementTree.parse(sample / "AndroidManifest.xml").getroot()
    for kind in ("activity", "service"):
        (part,) = manifest.iter(kind)
        assert (target / "org/kws/sample" / f"{part.get(f'{NAMESPACE}name')[1:]}.class").exists()  # type: ignore[index]
    asked = {item.get(f"{NAMESPACE}name") for item in manifest.iter("uses-permission")}
    library = ElementTree.parse(ANDROID / "library" / "src" / "main" / "AndroidManifest.xml").getroot()
    assert asked >= {item.get(f"{NAMESPACE}name") for item in library.iter("uses-permission")}
    text = "".join(file.read_text(encoding="utf-8") for file in sources(sample / "java"))
    used = set(re.findall(r"R\.string\.(\w+)", text)) | {"app_name"}
    assert used == set(names)


def test_a_healthy_microphone(told: dict[str, list[list[str]]]) -> None:
    events = lines(told, "well", "keyword")
    assert [float(time_s) for time_s, _ in events] == [pytest.approx(1.0, abs=0.15), pytest.approx(3.0, abs=0.15)]
    assert all(0 <= float(age_s) < 1 for _, age_s in events)
    assert lines(told, "well", "notice") == []


@pytest.mark.parametrize("scenario", SCENARIOS)
def test_all_is_given_free(told: dict[str, list[list[str]]], scenario: str) -> None:
    ((_, n_opened, n_released, n_threads),) = lines(told, scenario, "end")
    assert n_opened == n_released and n_threads == "0"


@pytest.mark.parametrize(("scenario", "lost_s"), [("dies", 1.0), ("hangs", 2.0)])
def test_a_microphone_that_fails_is_opened_again(
    told: dict[str, list[list[str]]], scenario: str, lost_s: float
) -> None:
    events = [float(time_s) for time_s, _ in lines(told, scenario, "keyword")]
    assert events[0] == pytest.approx(1.0, abs=0.15)
    ((lost, n_opened, _, _),) = lines(told, scenario, "end")
    assert int(n_opened) == 2
    # The timeline counts what was lost, so that the second word keeps its time if it was heard at all.
    assert int(lost) / 16_000 == pytest.approx(lost_s, abs=0.8)
    if scenario == "dies":
        assert events[1] == pytest.approx(3.0, abs=0.25)


def test_a_stall_and_silence_are_told(told: dict[str, list[list[str]]]) -> None:
    assert lines(told, "hangs", "notice") == [["the microphone delivers nothing; it is opened again"]]
    ((text,),) = lines(told, "silent", "notice")
    assert text.startswith("digital silence")


def test_a_microphone_that_is_taken_is_tried_again(told: dict[str, list[list[str]]]) -> None:
    assert lines(told, "refused", "notice") == [["the microphone cannot be opened; trying again"]]
    assert len(lines(told, "refused", "keyword")) == 2
