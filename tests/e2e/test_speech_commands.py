"""A data set in the layout of Google Speech Commands: from its folders to accuracy and detections, by the commands."""

import json
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest

from kws.audio import write_audio
from kws.runtime import Detector
from kws.spec import UNKNOWN
from kws.train.official_split import hash_percent

ROOT = Path(__file__).parents[2]

RECIPE = """
name = "up-down"
[data]
root = "speech_commands"
split = "speech_commands"
unknown = ["*"]
negatives = []
noise = ["_background_noise_"]
keep_copies = true
[data.keywords]
up = ["up"]
down = ["down"]
[model.settings]
n_filters = 24
n_hidden = 24
n_layers = 1
[synthesis]
duration_s = 2.0
keywords_per_stream = [0, 1]
negatives_per_stream = [0, 1]
snr_db = [10.0, 30.0]
[training]
steps = 240
batch_size = 16
warm_up_steps = 10
ema_decay = 0.95
learning_rate = 0.01
validate_every = 120
workers = 1
"""

# First and last frequency of a glide in Hz, one a word; the last three are no keywords.
GLIDES = {"up": (400, 2600), "down": (2600, 400), "left": (500, 500), "right": (2200, 2200), "stop": (5000, 3500)}


def word(name: str, seed: int) -> np.ndarray:
    rng = np.random.default_rng(seed)
    samples = 0.001 * rng.standard_normal(16_000)
    t = np.arange(6400) / 16_000
    first, last = (f * rng.uniform(0.9, 1.1) for f in GLIDES[name])
    start = int(rng.integers(2000, 7000))
    samples[start : start + 6400] += 0.3 * np.sin(2 * np.pi * (first * t + (last - first) * t**2 / (2 * t[-1])))
    return samples.astype(np.float32)


@pytest.fixture(scope="module")
def project(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Return a folder with a recipe and a data set as it is unpacked, with speakers on all three sides."""
    folder = tmp_path_factory.mktemp("project")
    data = folder / "speech_commands"
    names = [f"{number * 2654435761 % 2**32:08x}" for number in range(1, 400)]
    chosen = [n for n in names if hash_percent(n) >= 20][:24]
    chosen += [n for n in names if hash_percent(n) < 10][:8] + [n for n in names if 10 <= hash_percent(n) < 20][:8]
    for place, name in enumerate(GLIDES):
        (data / name).mkdir(parents=True)
        for index, speaker in enumerate(chosen):
            write_audio(data / name / f"{speaker}_nohash_0.wav", word(name, 100 * place + index))
    (data / "_background_noise_").mkdir()
    noise = np.random.default_rng(9).standard_normal(160_000).astype(np.float32)
    write_audio(data / "_background_noise_" / "white_noise.wav", 0.03 * noise)
    (folder / "up-down.toml").write_text(RECIPE)
    return folder


def run(command: str, *arguments: object) -> subprocess.CompletedProcess[str]:
    program = [sys.executable, "-c", f"from kws.cli import main; main({command!r})", *map(str, arguments)]
    return subprocess.run(program, capture_output=True, text=True, timeout=300, cwd=ROOT)


@pytest.fixture(scope="module")
def model(project: Path) -> Path:
    result = run("train", project / "up-down.toml", "--out", project / "run")
    assert result.returncode == 0, result.stderr
    return project / "run" / "up-down.onnx"


def test_other_words_have_an_output_and_are_never_told(project: Path, model: Path) -> None:
    detector = Detector.open(model)
    assert detector.spec.keywords == ("up", "down", UNKNOWN)
    events = [e for seed in range(5) for name in GLIDES for e in detector.process(word(name, 7000 + seed))]
    assert {event.keyword for event in events} <= {"up", "down"}
    # Speakers of the test are in no count of the training data.
    assert detector.spec.training["train"]["keywords"]["up"] == {"clips": 24, "hours": 0.007, "speakers": 24}


def test_the_test_side_is_classified_and_heard(project: Path, model: Path) -> None:
    figures, picture = project / "figures.json", project / "confusion.png"
    result = run("classify", model, "--recipe", project / "up-down.toml", "--json", figures, "--picture", picture)
    assert result.returncode == 0, result.stderr
    found = json.loads(figures.read_text())
    assert found["silence_below_chosen_on"] == "validation" and found["clips_from"] == "test"
    classes = found["classification"]
    assert classes["classes"] == ["up", "down", UNKNOWN, "_silence_"]
    # Eight test speakers say each keyword once; as many other words and silent seconds as a keyword has clips.
    assert [sum(row) for row in classes["confusion"]] == [8, 8, 8, 8]
    assert classes["accuracy"] > 0.7 and classes["right"] == sum(classes["confusion"][i][i] for i in range(4))
    assert set(found["streams"]) == {"up", "down"}
    assert found["streams"]["up"]["words"] == 8
    # 16 keywords, 24 other words and 8 silent seconds, each after a second of quiet.
    assert found["streams"]["up"]["hours"] == pytest.approx(48 * 2 / 3600)
    assert "up-down, test:" in result.stdout and "said \\ told" in result.stdout
    assert picture.read_bytes().startswith(b"\x89PNG")
    again = run("classify", model, "--recipe", project / "up-down.toml", "--json", "-")
    assert json.loads(again.stdout) == found


def test_a_published_test_set(project: Path, model: Path, tmp_path: Path) -> None:
    for name, source in (("up", "up"), ("_unknown_", "left"), ("_silence_", None)):
        (tmp_path / name).mkdir()
        for seed in range(3):
            sound = np.zeros(16_000, np.float32) if source is None else word(source, 9000 + seed)
            write_audio(tmp_path / name / f"{seed}.wav", sound)
    result = run("classify", model, "--test-set", tmp_path, "--json", "-")
    assert result.returncode == 0, result.stderr
    found = json.loads(result.stdout)
    assert found["clips_from"] == tmp_path.name and found["silence_below_chosen_on"] == "given"
    assert [sum(row) for row in found["classification"]["confusion"]] == [3, 0, 3, 3]


def test_recordings_are_told(project: Path, model: Path, tmp_path: Path) -> None:
    write_audio(tmp_path / "silence.wav", np.zeros(16_000, np.float32))
    result = run("classify", model, tmp_path / "silence.wav")
    assert result.returncode == 0, result.stderr
    assert result.stdout.startswith(f"{tmp_path / 'silence.wav'}: _silence_ (up 0.")


def assert_one_line(result: subprocess.CompletedProcess[str], *parts: str) -> None:
    assert result.returncode == 2, result.stderr
    (line,) = result.stderr.strip().splitlines()
    for part in parts:
        assert part in line


def test_wrong_input(project: Path, model: Path, tmp_path: Path) -> None:
    recipe = project / "up-down.toml"
    assert_one_line(run("classify", model), "--recipe or --test-set")
    assert_one_line(run("classify", model, "--recipe", ROOT / "recipes" / "my-word.toml"), "my-word", "up, down")
    (tmp_path / "set" / "sideways").mkdir(parents=True)
    assert_one_line(run("classify", model, "--test-set", tmp_path / "set"), "'sideways' is no class", "up, down")
    assert_one_line(run("classify", model, "--test-set", tmp_path / "nowhere"), "no such folder")
    assert_one_line(run("classify", model, "--recipe", recipe, "--picture", tmp_path / "x.gif"), ".png, .svg, .pdf")
    assert_one_line(run("classify", model, "--recipe", recipe, "--data", tmp_path / "none"), "no such folder")
