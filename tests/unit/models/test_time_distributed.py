"""``TimeDistributed`` does what Keras' layer of that name does, and its test tells it from wrong reshapes."""

from __future__ import annotations

from collections.abc import Callable

import pytest
import torch
from torch import Tensor, nn

from kws.models import TimeDistributed

BATCH, STEPS = 3, 5


def each_step(module: nn.Module, x: Tensor) -> Tensor:
    """Keras' definition: the module on each step by itself, the results side by side in time."""
    return torch.stack([module(x[:, step]) for step in range(x.shape[1])], dim=1)


def agrees_with_definition(layer: Callable[[Tensor], Tensor], module: nn.Module, x: Tensor) -> bool:
    want, have = each_step(module, x), layer(x)
    return want.shape == have.shape and torch.allclose(want, have, atol=1e-6)


MODULES = {
    "dense": (lambda: nn.Linear(4, 2), (4,)),
    "dense to one": (lambda: nn.Linear(4, 1), (4,)),
    "square dense": (lambda: nn.Linear(5, 5), (5,)),
    "convolution": (lambda: nn.Conv1d(4, 2, 3), (4, 7)),
    "flatten": (lambda: nn.Flatten(), (4, 7)),
    "norm": (lambda: nn.BatchNorm1d(4).eval(), (4,)),
}


@pytest.mark.parametrize("name", MODULES)
def test_equals_the_module_on_each_step(name: str) -> None:
    torch.manual_seed(0)
    make, shape = MODULES[name]
    module = make()
    x = torch.randn(BATCH, STEPS, *shape)
    assert agrees_with_definition(TimeDistributed(module), module, x)


def test_takes_input_that_is_not_contiguous() -> None:
    torch.manual_seed(0)
    module = nn.Linear(4, 2)
    x = torch.randn(BATCH, 4, STEPS).transpose(1, 2)
    assert agrees_with_definition(TimeDistributed(module), module, x)


def test_no_steps() -> None:
    assert TimeDistributed(nn.Linear(4, 2))(torch.zeros(BATCH, 0, 4)).shape == (BATCH, 0, 2)


def test_gradient_of_a_step_stays_in_its_step() -> None:
    x = torch.randn(BATCH, STEPS, 4, requires_grad=True)
    TimeDistributed(nn.Linear(4, 2))(x)[1, 2].sum().backward()
    assert x.grad is not None
    touched = x.grad.abs().sum(dim=2) > 0
    assert touched.nonzero().tolist() == [[1, 2]]


# Each of these runs, gives the right shape, and trains without an error; the comparison must still see it.
WRONG = {
    "time and features scrambled by a view": lambda m, x: m(
        x.transpose(1, 2).reshape(x.shape[0] * x.shape[1], x.shape[2])
    ).reshape(x.shape[0], x.shape[1], -1),
    "batch and time swapped on the way in": lambda m, x: m(
        x.transpose(0, 1).reshape(x.shape[0] * x.shape[1], x.shape[2])
    ).reshape(x.shape[0], x.shape[1], -1),
    "batch and time swapped on the way out": lambda m, x: (
        m(x.reshape(x.shape[0] * x.shape[1], x.shape[2])).reshape(x.shape[1], x.shape[0], -1).transpose(0, 1)
    ),
    "a view where a transpose was meant": lambda m, x: m(x.reshape(x.shape[0], x.shape[2], x.shape[1]).transpose(1, 2)),
    "the last step for all": lambda m, x: m(x[:, -1:]).expand(-1, x.shape[1], -1),
}


@pytest.mark.parametrize("name", WRONG)
def test_a_wrong_reshape_is_caught(name: str) -> None:
    torch.manual_seed(0)
    module, x = nn.Linear(4, 2), torch.randn(BATCH, STEPS, 4)
    have = WRONG[name](module, x)
    assert have.shape == (BATCH, STEPS, 2)
    assert not agrees_with_definition(lambda x: WRONG[name](module, x), module, x)
