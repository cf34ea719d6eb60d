"""``kws verify``: a model file against what it was made from."""

from __future__ import annotations

import dataclasses
from pathlib import Path

import numpy as np
import pytest
import torch

from export import Trained, export_model, open_trained
from export.trained import synthetic_signals
from kws.audio import read_audio, write_audio
from kws.cli import main
from kws.config import ModelConfig
from kws.models import build_model
from kws.spec import ModelSpec
from kws.train.checkpoint import save_checkpoint

MODEL = ModelConfig("conv_gru", {"n_filters": 6, "n_hidden": 5, "kernel_frames": 6, "stride": 2})
SPEC = ModelSpec("tiny", ("computer",), model=MODEL, step_frames=2)


@pytest.fixture(scope="module")
def place(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Return a folder with a checkpoint, two files of it, a file of another network, and a recording."""
    folder = tmp_path_factory.mktemp("models")
    torch.manual_seed(0)
    model = build_model(MODEL, SPEC.front_end.n_bands, 1)
    save_checkpoint(folder / "best.pt", {"spec": SPEC.to_dict(), "model": model.state_dict(), "ema": None})
    for name, takes in (("inside", "samples"), ("outside", "features")):
        export_model(Trained.of_model(SPEC, model), folder / f"{name}.onnx", model_input=takes)
    other = build_model(MODEL, SPEC.front_end.n_bands, 1)
    export_model(Trained.of_model(SPEC, other), folder / "other.onnx")
    renamed = dataclasses.replace(SPEC, keywords=("jarvis",))
    export_model(Trained.of_model(renamed, model), folder / "renamed.onnx")
    (folder / "broken.onnx").write_bytes(b"no model")
    write_audio(folder / "a.wav", 0.1 * np.random.default_rng(0).uniform(-1, 1, 16_000))
    return folder


@pytest.fixture(autouse=True)
def in_place(place: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(place)
    monkeypatch.setenv("COLUMNS", "200")


def verify(*arguments: str) -> int:
    with pytest.raises(SystemExit) as left:
        main("verify", list(arguments))
    return int(left.value.code or 0)


@pytest.mark.parametrize("model", ["inside.onnx", "outside.onnx"])
@pytest.mark.parametrize("against", ["best.pt", "inside.onnx", "outside.onnx"])
def test_files_of_one_network_agree(model: str, against: str, capsys: pytest.CaptureFixture[str]) -> None:
    bound = ["--max-error", "0.005"]
    assert verify(model, "--against", against, "--audio", "a.wav", *bound) == 0
    shown = capsys.readouterr().out
    assert f"{model} against {against}: 11.0 s of audio" in shown
    assert "differ" not in shown


def test_a_file_is_compared_in_every_runtime(place: Path, capsys: pytest.CaptureFixture[str]) -> None:
    trained = open_trained(place / "best.pt")
    recordings = [read_audio(place / "a.wav"), *synthetic_signals().values()]
    for target in ("tflite", "tflite-int8", "tflite-micro"):
        export_model(trained, place / f"{target}.tflite", target, recordings)
    for name, n_runtimes in (("tflite", 2), ("tflite-int8", 3), ("tflite-micro", 3)):
        assert verify(f"{name}.tflite", "--against", "best.pt", "--audio", "a.wav", "--max-error", "0.3") == 0
        assert capsys.readouterr().out.count(f"{name}.tflite  features") == n_runtimes
    assert verify("tflite-int8.tflite", "--against", "best.pt", "--max-error", "0.0001") == 2
    assert "tflite-int8.tflite: LiteRT: scores differ by " in capsys.readouterr().err


def test_states_are_compared_with_a_network_only(capsys: pytest.CaptureFixture[str]) -> None:
    assert verify("inside.onnx", "--against", "best.pt") == 0
    assert " - " not in capsys.readouterr().out
    assert verify("inside.onnx", "--against", "inside.onnx") == 0
    assert " - " in capsys.readouterr().out


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["other.onnx", "--against", "best.pt"], "other.onnx: ONNX Runtime: scores differ by "),
        (["other.onnx", "--against", "inside.onnx"], "other.onnx: ONNX Runtime: scores differ by "),
        (["renamed.onnx", "--against", "best.pt"], "has keywords ('jarvis',), best.pt has ('computer',)"),
        (["broken.onnx", "--against", "best.pt"], "broken.onnx: "),
        (["best.pt", "--against", "best.pt"], "best.pt: accepted suffixes of model files"),
        (["inside.onnx", "--against", "none.pt"], "none.pt: no such checkpoint"),
        (["inside.onnx", "--against", "none.onnx"], "none.onnx"),
        (["inside.onnx", "--against", "best.pt", "--audio", "none.wav"], "none.wav: no such file"),
        (["inside.onnx"], "--against"),
    ],
)
def test_what_differs_is_one_line(arguments: list[str], message: str, capsys: pytest.CaptureFixture[str]) -> None:
    assert verify(*arguments) == 2
    error = capsys.readouterr().err
    assert message in error
    assert error.count("\n") == 1
