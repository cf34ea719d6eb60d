"""Carried states, averaged weights, checkpoints, learning rate."""

from pathlib import Path

import pytest
import torch
from torch import nn

from kws.errors import CheckpointError
from kws.train.carry import carried
from kws.train.checkpoint import load_checkpoint, save_checkpoint
from kws.train.ema import WeightAverage
from kws.train.learner import learning_rate
from kws.train.recipe import TrainingConfig


def states() -> list[torch.Tensor]:
    marks = torch.arange(1.0, 9.0)
    return [marks.reshape(8, 1, 1).expand(8, 2, 3).clone(), marks.reshape(8, 1).expand(8, 4).clone()]


def test_carried_states_of_one_stream_stay_together() -> None:
    first, second = carried(states(), 0.6, torch.Generator().manual_seed(1)) or []
    assert torch.equal(first[:, 0, 0], second[:, 0])
    assert set(second[:, 0].tolist()) <= set(range(9))
    assert 0.0 in second[:, 0].tolist()


def test_keep_all_is_a_permutation_and_keep_none_is_silence() -> None:
    kept = carried(states(), 1.0, torch.Generator().manual_seed(0))
    assert kept is not None and sorted(kept[1][:, 0].tolist()) == list(range(1, 9))
    silent = carried(states(), 0.0, torch.Generator().manual_seed(0))
    assert silent is not None and not silent[0].any()


def test_no_gradient_is_carried() -> None:
    grown = [state.requires_grad_() * 2 for state in states()]
    assert all(not state.requires_grad for state in carried(grown, 1.0, torch.Generator()) or [])
    assert carried(None, 1.0, torch.Generator()) is None


def test_average_follows_weights_and_copies_counters() -> None:
    model = nn.Sequential(nn.Linear(1, 1), nn.BatchNorm1d(1))
    average = WeightAverage(model, decay=0.5)
    before = average.model[0].weight.item()  # type: ignore[index]
    with torch.no_grad():
        model[0].weight.fill_(5.0)
    model[1].num_batches_tracked.fill_(7)
    average.update(model)
    # After no update the decay is 1 / 10.
    assert average.model[0].weight.item() == pytest.approx(0.1 * before + 0.9 * 5.0)  # type: ignore[index]
    assert average.model[1].num_batches_tracked.item() == 7  # type: ignore[index]
    assert not average.model.training


def test_checkpoint_round_trip_and_no_temporary_file(tmp_path: Path) -> None:
    save_checkpoint(tmp_path / "a.pt", {"weights": {"w": torch.ones(2)}, "step": 3})
    values = load_checkpoint(tmp_path / "a.pt")
    assert values["step"] == 3 and torch.equal(values["weights"]["w"], torch.ones(2))
    assert [p.name for p in tmp_path.iterdir()] == ["a.pt"]


class Hostile:
    """Pickle that would run code when loaded."""

    def __reduce__(self) -> tuple[object, tuple[str]]:
        return (exec, ("raise SystemExit('ran')",))


def test_hostile_broken_and_newer_checkpoints(tmp_path: Path) -> None:
    torch.save({"format": 1, "x": Hostile()}, tmp_path / "hostile.pt")
    (tmp_path / "broken.pt").write_bytes(b"PK\x03\x04 not a zip")
    save_checkpoint(tmp_path / "whole.pt", {"w": torch.zeros(1000)})
    (tmp_path / "truncated.pt").write_bytes((tmp_path / "whole.pt").read_bytes()[:2000])
    torch.save({"x": 1}, tmp_path / "foreign.pt")
    torch.save({"format": 99}, tmp_path / "newer.pt")
    for name in ("hostile", "broken", "truncated", "foreign", "newer", "missing"):
        with pytest.raises(CheckpointError) as caught:
            load_checkpoint(tmp_path / f"{name}.pt")
        assert "\n" not in str(caught.value)


def test_unwritable_checkpoint_is_one_clear_line(tmp_path: Path) -> None:
    with pytest.raises(CheckpointError, match="cannot be written"):
        save_checkpoint(tmp_path / "nowhere" / "a.pt", {})


def test_learning_rate_warms_up_and_ends_at_zero() -> None:
    config = TrainingConfig(steps=1000, warm_up_steps=100, learning_rate=1e-3)
    assert learning_rate(0, config) == pytest.approx(1e-5)
    assert learning_rate(100, config) == pytest.approx(1e-3)
    assert learning_rate(550, config) == pytest.approx(5e-4, rel=1e-3)
    assert learning_rate(1000, config) == pytest.approx(0.0, abs=1e-9)
