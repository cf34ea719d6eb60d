"""Two recipes compared when a run goes on."""

from __future__ import annotations

import dataclasses
import json
from pathlib import Path

import pytest

from kws.errors import CheckpointError
from kws.train.going_on import recipe_json, require_same
from tests.unit.train.runs import make_recipe

LAST = Path("last.pt")


def test_the_same_recipe_and_what_does_not_matter() -> None:
    recipe = make_recipe()
    assert require_same(recipe_json(recipe), recipe, LAST) == []
    moved = dataclasses.replace(recipe, data=dataclasses.replace(recipe.data, root="/elsewhere"))
    assert require_same(recipe_json(recipe), moved, LAST) == []
    assert require_same(recipe_json(recipe), make_recipe(workers=5, save_every=9, save_every_s=1.0), LAST) == []
    cache = dataclasses.replace(recipe.training.cache, folder="/scratch")
    assert require_same(recipe_json(recipe), make_recipe(cache=cache), LAST) == []
    assert "audio" not in recipe_json(recipe)


def test_differences_are_named_with_both_values() -> None:
    saved = recipe_json(make_recipe())
    other = dataclasses.replace(make_recipe(steps=20, dropout=0.5), augment={"gain": {}}, seed=4)
    with pytest.raises(CheckpointError) as caught:
        require_same(saved, other, LAST)
    assert str(caught.value) == (
        "last.pt: was made with another recipe (augment: {} -> unset, augment.gain: unset -> {}, "
        "model.settings.dropout: 0.3 -> 0.5, seed: 3 -> 4, training.steps: 12 -> 20); go on with that one, or choose "
        "another --out"
    )


def test_many_differences_are_counted() -> None:
    other = make_recipe(
        steps=20, dropout=0.5, batch_size=4, ema_decay=0.5, keep_state=0.1, learning_rate=1.0, weight_decay=1.0
    )
    with pytest.raises(CheckpointError, match=r"training.keep_state: 0.8 -> 0.1, .* and 1 more\)"):
        require_same(recipe_json(make_recipe()), other, LAST)


def test_how_it_is_computed_may_change_but_is_told() -> None:
    changed = make_recipe(mixed_precision="bf16", comm_hook="power_sgd")
    assert require_same(recipe_json(make_recipe()), changed, LAST) == [
        'training.comm_hook: "no" -> "power_sgd"',
        'training.mixed_precision: null -> "bf16"',
    ]


def test_settings_that_came_later_have_their_default_in_older_runs() -> None:
    saved = json.loads(recipe_json(make_recipe()))
    del saved["training"]["keep_state"]
    assert require_same(json.dumps(saved), make_recipe(), LAST) == []
    saved["training"]["momentum"] = 0.9
    with pytest.raises(CheckpointError, match="training.momentum: 0.9 -> unset"):
        require_same(json.dumps(saved), make_recipe(), LAST)
