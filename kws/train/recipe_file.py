"""Recipes as TOML files, and what one takes over from another."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from kws.errors import ConfigError

EXTENDS = "extends"
# Whose words and recordings they are is said whole: a part of another word's would be a mixture.
_WHOLE = {"data.keywords", "data.weights", "data.spoken"}
_MOST_FILES = 10


def read_recipe(path: Path) -> dict[str, Any]:
    """Return the settings of a recipe file, with those of the file that it extends.

    ``extends = "other.toml"``, relative to the file itself, takes over everything that the file does not say. Tables
    are merged, but for ``data.keywords``, ``data.weights`` and ``data.spoken``; lists are replaced.

    Raises
    ------
    ConfigError
        If a file is missing or no TOML, or they extend each other in a circle.
    """
    values = _read(path)
    seen = [path.resolve()]
    while (other := values.pop(EXTENDS, None)) is not None:
        if not isinstance(other, str):
            raise ConfigError(f"{path}: {EXTENDS} is {other!r}; accepted is the name of a recipe")
        place = (seen[-1].parent / other).resolve()
        if place in seen or len(seen) == _MOST_FILES:
            raise ConfigError(f"{path}: {EXTENDS} leads from {seen[-1].name} back to {place.name}")
        base = _read(place)
        _place_folders(base, place.parent)
        values = _merged(base, values)
        seen.append(place)
    return values


def _place_folders(values: dict[str, Any], place: Path) -> None:
    """Make the folders that are relative to a recipe file those of its place; wrong types are found later."""
    data = values.get("data", {})
    if isinstance(data, dict) and isinstance(data.get("root"), str):
        data["root"] = str(place / data["root"])
    if isinstance(data, dict) and isinstance(data.get("spoken"), dict):
        data["spoken"] = {k: str(place / v) if isinstance(v, str) else v for k, v in data["spoken"].items()}


def _read(path: Path) -> dict[str, Any]:
    # Python 3.10, on which models run, has none.
    import tomllib

    try:
        return tomllib.loads(path.read_text(encoding="utf8"))
    except OSError as error:
        raise ConfigError(f"{path}: cannot be read ({error.strerror}); accepted is a TOML recipe") from None
    except (tomllib.TOMLDecodeError, UnicodeDecodeError) as error:
        raise ConfigError(f"{path}: is no TOML ({error})") from None


def _merged(base: dict[str, Any], values: dict[str, Any], place: str = "") -> dict[str, Any]:
    result = dict(base)
    for key, value in values.items():
        name = f"{place}{key}"
        is_table = isinstance(value, dict) and isinstance(base.get(key), dict) and name not in _WHOLE
        result[key] = _merged(base[key], value, f"{name}.") if is_table else value
    return result
