"""``kws export`` as it is typed."""

from __future__ import annotations

import dataclasses
from pathlib import Path

import numpy as np
import pytest
import torch

from export import EXPORTERS
from export.parity import Tolerance
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


@pytest.fixture(autouse=True)
def wide_terminal(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("COLUMNS", "200")


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


def test_every_target_goes_into_one_folder(
    checkpoint: Path, recording: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    out = checkpoint.with_name("exported")
    assert export(checkpoint, "--out", out, "--to", "all", "--audio", recording.parent) == 0
    assert {path.name for path in out.iterdir()} == {f"tiny{exporter.suffix}" for exporter in EXPORTERS.values()}
    assert "multiply-accumulates" in capsys.readouterr().out


def test_one_target_that_fails_leaves_the_others(
    checkpoint: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    nothing = Tolerance(score=-1.0, state=0.0)
    strict = dataclasses.replace(EXPORTERS["onnx"], suffix="-strict.onnx", tolerances={"samples": nothing})
    monkeypatch.setitem(EXPORTERS, "strict", strict)
    out = checkpoint.with_name("exported")
    assert export(checkpoint, "--out", out, "--to", "onnx", "--to", "strict") == 2
    shown = capsys.readouterr()
    assert [path.name for path in out.iterdir()] == ["tiny.onnx"]
    assert "tiny-strict.onnx was not written: ONNX Runtime: scores differ" in shown.err
    assert shown.err.count("\n") == 1


def test_list_names_every_target(capsys: pytest.CaptureFixture[str]) -> None:
    assert export("--list") == 0
    shown = capsys.readouterr().out
    assert all(name in shown for name in EXPORTERS)


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
        (["best.pt", "--out", "a.wav"], "--out is a.wav; accepted for onnx is a folder, or a file that ends in .onnx"),
        (["best.pt", "--out", "x.onnx", "--to", "all"], "--out is x.onnx; accepted for onnx, onnx-int8, "),
        (["best.pt", "--out", "file/here"], "file/here: cannot be written (Not a directory)"),
        (["best.pt", "--out", "x.onnx", "--audio", "folder"], "folder: no recordings"),
        (
            ["best.pt", "--out", "x", "--to", "kws", "--front-end", "inside"],
            "accepted for kws is outside",
        ),
        (["best.pt", "--out", "x", "--data", "folder"], "--data is folder, without --recipe"),
        (["best.pt", "--out", "x", "--recipe", "none.toml"], "none.toml: cannot be read"),
        (["best.pt", "--out", "x", "--recipe", "a.toml"], "--recipe judges int8 files; accepted are --to onnx-int8, "),
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
    (checkpoint.parent / "file").write_text("no folder")
    folders = 'root = "."\nnegatives = ["folder"]\nnoise = ["folder"]\n[data.keywords]\ncomputer = ["folder"]\n'
    recipe = f'name = "a"\n[data]\n{folders}'
    (checkpoint.parent / "a.toml").write_text(recipe)
    before = sorted(path.name for path in checkpoint.parent.rglob("*"))
    assert export(*arguments) == 2
    shown = capsys.readouterr()
    assert message in shown.err
    assert shown.err.count("\n") == 1
    assert shown.out == ""
    assert sorted(path.name for path in checkpoint.parent.rglob("*")) == before
