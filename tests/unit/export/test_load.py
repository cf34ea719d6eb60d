"""Checkpoints: ours are opened with the averaged weights, everything else is one clear error."""

from __future__ import annotations

import dataclasses
import os
import pickle
from pathlib import Path
from typing import Any

import pytest
import torch

from export import load_trained
from kws.config import ModelConfig
from kws.errors import CheckpointError
from kws.models import build_model
from kws.spec import ModelSpec
from kws.train.checkpoint import save_checkpoint

SETTINGS = {"n_filters": 6, "n_hidden": 5, "kernel_frames": 6, "stride": 2}
SPEC = ModelSpec("tiny", ("computer",), model=ModelConfig("conv_gru", SETTINGS), step_frames=2)


def weights(seed: int) -> dict[str, torch.Tensor]:
    torch.manual_seed(seed)
    return build_model(SPEC.model, SPEC.front_end.n_bands, 1).state_dict()


def values(**changes: Any) -> dict[str, Any]:
    return {"spec": SPEC.to_dict(), "model": weights(0), "ema": weights(1), "optimizer": {"lr": 0.1}} | changes


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "best.pt"


def test_averaged_weights_come_first(path: Path) -> None:
    save_checkpoint(path, values())
    spec, model = load_trained(path)
    assert spec == SPEC
    assert not model.training
    assert all(torch.equal(value, weights(1)[name]) for name, value in model.state_dict().items())


@pytest.mark.parametrize("changes", [{"ema": None}, {}])
def test_plain_weights_where_there_is_no_average(path: Path, changes: dict[str, Any]) -> None:
    content = values(**changes)
    if not changes:
        del content["ema"]
    save_checkpoint(path, content)
    _, model = load_trained(path)
    assert all(torch.equal(value, weights(0)[name]) for name, value in model.state_dict().items())


def test_the_network_computes_what_was_saved(path: Path) -> None:
    save_checkpoint(path, values())
    _, model = load_trained(str(path))
    saved = build_model(SPEC.model, SPEC.front_end.n_bands, 1).eval()
    saved.load_state_dict(weights(1))
    x = torch.randn(2, 16, SPEC.front_end.n_bands)
    with torch.inference_mode():
        assert torch.equal(model(x)[0], saved(x)[0])
        # Weights are taken over without a copy; a whole sequence must still step.
        assert torch.allclose(model(x[:, :8])[0], saved(x)[0][:, :4], atol=1e-6)


def test_half_precision_becomes_float32(path: Path) -> None:
    half = {name: value.half() if value.is_floating_point() else value for name, value in weights(1).items()}
    save_checkpoint(path, values(ema=half))
    _, model = load_trained(path)
    assert {p.dtype for p in model.parameters()} == {torch.float32}


BAD = {
    "no spec": ({"model": {}}, "holds no spec and model"),
    "no model": ({"spec": {}}, "holds no spec and model"),
    "newer spec": (values(spec=SPEC.to_dict() | {"format": 2}), "format 2; this version reads up to 1"),
    "spec of no format": (values(spec={"name": "x"}), "no format number"),
    "spec is text": (values(spec="spec"), "no format number"),
    "unknown setting": (values(spec=SPEC.to_dict() | {"keywordz": ["x"]}), "unknown key 'keywordz'"),
    "unknown family": (values(spec=SPEC.to_dict() | {"model": {"family": "conv_gro"}}), "did you mean 'conv_gru'"),
    "weights of another size": (
        values(ema={k: v[:-1] if v.ndim else v for k, v in weights(1).items()}),
        "do not fit the network",
    ),
    "a weight is missing": (values(ema=dict(list(weights(1).items())[1:])), "do not fit the network"),
    "no weights": (values(ema={}), "do not fit the network"),
    "weights are a list": (values(ema=[1, 2]), "no table of tensors"),
    "weights are one tensor": (values(ema=torch.zeros(4)), "no table of tensors"),
    "weights are numbers": (values(ema=dict.fromkeys(weights(1), 1.0)), "no table of tensors"),
    "weights are NaN": (values(ema={k: v * float("nan") for k, v in weights(1).items()}), "hold NaN or infinity"),
    "spec asks for much": (
        values(spec=SPEC.to_dict() | {"model": {"family": "conv_gru", "settings": {"n_hidden": 4096, "n_layers": 8}}}),
        "do not fit the network",
    ),
    "one value repeated": (values(ema={"conv.weight": torch.zeros(1).expand(10**10)}), "holds 10000000000 weights"),
}


@pytest.mark.parametrize("name", BAD)
def test_bad_content(path: Path, name: str) -> None:
    content, message = BAD[name]
    save_checkpoint(path, content)
    with pytest.raises(CheckpointError, match=message) as caught:
        load_trained(path)
    assert str(caught.value).startswith(str(path))
    assert "\n" not in str(caught.value)
    assert len(str(caught.value)) < 500


def test_missing_file_and_directory(tmp_path: Path) -> None:
    for place in (tmp_path / "none.pt", tmp_path):
        with pytest.raises(CheckpointError, match=str(place)):
            load_trained(place)


@pytest.mark.parametrize("share", [0.0, 0.1, 0.5, 0.99])
def test_truncated(path: Path, share: float) -> None:
    save_checkpoint(path, values())
    data = path.read_bytes()
    path.write_bytes(data[: int(share * len(data))])
    with pytest.raises(CheckpointError, match=r"best\.pt"):
        load_trained(path)


@pytest.mark.parametrize("data", [b"\x00" * 1000, b"RIFF....WAVE", b"PK\x03\x04" + b"\x00" * 100])
def test_not_a_checkpoint(path: Path, data: bytes) -> None:
    path.write_bytes(data)
    with pytest.raises(CheckpointError, match=r"best\.pt"):
        load_trained(path)


class Hostile:
    """Pickles to a call."""

    def __reduce__(self) -> tuple[Any, tuple[str]]:
        return os.mkdir, ("pwned",)


@pytest.mark.filterwarnings("ignore:Detected pickle protocol")
@pytest.mark.parametrize("save", [torch.save, lambda obj, path: Path(path).write_bytes(pickle.dumps(obj))])
def test_a_pickle_is_never_run(path: Path, monkeypatch: pytest.MonkeyPatch, save: Any) -> None:
    monkeypatch.chdir(path.parent)
    save(values() | {"format": 1, "extra": Hostile()}, path)
    with pytest.raises(CheckpointError):
        load_trained(path)
    assert not (path.parent / "pwned").exists()


def test_the_input_that_a_checkpoint_names_is_kept(path: Path) -> None:
    spec = dataclasses.replace(SPEC, input="samples")
    save_checkpoint(path, values(spec=spec.to_dict()))
    assert load_trained(path)[0].input == "samples"
