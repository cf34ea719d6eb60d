"""``kws export`` as it is typed."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
import torch

from kws.audio import write_audio
from kws.cli import main
from kws.config import ModelConfig
from kws.models import build_model
from kws.runtime import Detector
from kws.spec import ModelSpec
from kws.train.checkpoint import save_checkpoint

MODEL = ModelConfig("conv_gru", {"n_filters": 6, "n_hidden": 5, "kernel_frames": 6, "stride": 2})
SPEC = ModelSpec("tiny", ("computer",), model=MODEL, step_frames=2)


@pytest.fixture
def checkpoint(tmp_path: Path) -> Path:
    torch.manual_seed(0)
    weights = build_model(MODEL, SPEC.front_end.n_bands, 1).state_dict()
    save_checkpoint(tmp_path / "best.pt", {"spec": SPEC.to_dict(), "model": weights, "ema": weights})
    return tmp_path / "best.pt"


@pytest.fixture
def recording(tmp_path: Path) -> Path:
    write_audio(tmp_path / "a.wav", 0.1 * np.random.default_rng(0).uniform(-1, 1, 16_000))
    return tmp_path / "a.wav"


def export(*arguments: object) -> int:
    with pytest.raises(SystemExit) as left:
        main("export", [str(argument) for argument in arguments])
    return int(left.value.code or 0)


@pytest.mark.parametrize(
    ("options", "takes"),
    [
        ((), "samples"),
        (("--front-end", "inside"), "samples"),
        (("--front-end", "outside", "--to", "onnx"), "features"),
    ],
)
def test_writes_a_model_that_detects(
    checkpoint: Path, recording: Path, capsys: pytest.CaptureFixture[str], options: tuple[str, ...], takes: str
) -> None:
    out = checkpoint.with_name("tiny.onnx")
    assert export(checkpoint, "--out", out, "--audio", recording, "--audio", recording, *options) == 0
    shown = capsys.readouterr()
    assert shown.err == ""
    assert takes in shown.out
    assert "12.0 s" in shown.out
    assert Detector.open(out).spec.input == takes


def test_help_shows_examples(capsys: pytest.CaptureFixture[str]) -> None:
    assert export("--help") == 0
    assert "kws export runs/computer/best.pt" in " ".join(capsys.readouterr().out.split())


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["none.pt", "--out", "x.onnx"], "none.pt: no such checkpoint"),
        ([".", "--out", "x.onnx"], "no such checkpoint"),
        (["a.wav", "--out", "x.onnx"], "a.wav: is no checkpoint of this toolkit"),
        (["best.pt", "--out", "x.onnx", "--to", "tflight"], "target is 'tflight'"),
        (["best.pt", "--out", "x.onnx", "--front-end", "beside"], "'beside' is not one of 'inside', 'outside'"),
        (["best.pt", "--out", "x.onnx", "--audio", "none.wav"], "none.wav: no such file"),
        (["best.pt", "--out", "none/x.onnx"], "none/x.onnx: cannot be written"),
        (["best.pt", "--out", "a.wav/x.onnx"], "a.wav/x.onnx: cannot be written"),
        (["best.pt", "--out", "folder"], "folder: cannot be written"),
        (["best.pt", "--out", "."], ".: cannot be written"),
        (["best.pt"], "out"),
    ],
)
def test_bad_input_is_one_line(
    checkpoint: Path,
    recording: Path,
    capsys: pytest.CaptureFixture[str],
    monkeypatch: pytest.MonkeyPatch,
    arguments: list[str],
    message: str,
) -> None:
    monkeypatch.chdir(checkpoint.parent)
    (checkpoint.parent / "folder").mkdir()
    before = sorted(path.name for path in checkpoint.parent.rglob("*"))
    assert export(*arguments) == 2
    shown = capsys.readouterr()
    assert message in shown.err
    assert shown.err.count("\n") == 1
    assert shown.out == ""
    assert sorted(path.name for path in checkpoint.parent.rglob("*")) == before
