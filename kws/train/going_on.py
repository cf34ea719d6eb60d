"""What a run that goes on may have changed since: the differences of two recipes, by name."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from kws.config import from_dict, to_dict
from kws.errors import CheckpointError, ConfigError
from kws.train.recipe import Recipe

# Where data and cache lie, who makes the batches and when it is saved do not change the result.
_FREE = {"data.root", "training.cache.folder", "training.workers", "training.save_every", "training.save_every_s"}
# How it is computed changes the result by no more than rounding; another machine may need it.
_SMALL = {
    "training.mixed_precision",
    "training.comm_hook",
    "training.comm_wrapper",
    "training.power_sgd_rank",
    "training.power_sgd_start_step",
}
_MOST_NAMED = 6


def recipe_json(recipe: Recipe) -> str:
    """Return the recipe as a checkpoint keeps it; where the data lies is nobody's business."""
    values = to_dict(recipe)
    values["data"].pop("root")
    return json.dumps(values, sort_keys=True)


def require_same(saved: str, recipe: Recipe, path: Path) -> list[str]:
    """Compare the recipe of a checkpoint with the present one.

    Returns
    -------
    list of str
        Small changes that are accepted, as ``key: old -> new``.

    Raises
    ------
    CheckpointError
        If a setting that changes the result differs; the settings are named.
    """
    changes = dict(_changes(_filled(json.loads(saved), recipe), to_dict(recipe)))
    wrong = [text for key, text in changes.items() if key not in _FREE | _SMALL]
    if wrong:
        more = f" and {len(wrong) - _MOST_NAMED} more" if len(wrong) > _MOST_NAMED else ""
        raise CheckpointError(
            f"{path}: was made with another recipe ({', '.join(wrong[:_MOST_NAMED])}{more}); go on with that one, or "
            f"choose another --out"
        )
    return [text for key, text in changes.items() if key in _SMALL]


def _filled(saved: dict[str, Any], recipe: Recipe) -> dict[str, Any]:
    """Return the saved settings with the defaults of those that came after it was saved."""
    values = {**saved, "data": {**saved["data"], "root": recipe.data.root}}
    try:
        return to_dict(from_dict(Recipe, values))
    except ConfigError:
        # A setting that is gone by now is a difference like any other.
        return values


def _changes(old: dict[str, Any], new: dict[str, Any]) -> Iterator[tuple[str, str]]:
    before, now = dict(_flat(old)), dict(_flat(new))
    for key in sorted(before.keys() | now.keys()):
        if before.get(key) != now.get(key):
            yield key, f"{key}: {_shown(before, key)} -> {_shown(now, key)}"


def _flat(values: dict[str, Any], where: str = "") -> Iterator[tuple[str, Any]]:
    for key, value in values.items():
        if isinstance(value, dict) and value:
            yield from _flat(value, f"{where}{key}.")
        else:
            yield f"{where}{key}", value


def _shown(values: dict[str, Any], key: str) -> str:
    if key not in values:
        return "unset"
    text = json.dumps(values[key], ensure_ascii=False)
    return text if len(text) <= 60 else f"{text[:57]}..."
