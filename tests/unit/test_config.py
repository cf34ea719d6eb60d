"""Settings: ranges, types, and messages that name the right word."""

from __future__ import annotations

import dataclasses
from dataclasses import dataclass, field
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from kws.config import (
    DecisionConfig,
    FrontEndConfig,
    ModelConfig,
    PcenConfig,
    from_dict,
    require,
    require_one_of,
    shown,
    to_dict,
)
from kws.errors import ConfigError, KwsError


@dataclass(frozen=True)
class Inner:
    depth_m: float = 1.0


@dataclass(frozen=True)
class Outer:
    count: int
    label: str = "x"
    is_on: bool = False
    ratio: float | None = None
    inner: Inner = field(default_factory=Inner)
    many: tuple[Inner, ...] = ()
    table: dict[str, Inner] = field(default_factory=dict)
    free: dict[str, Any] = field(default_factory=dict)
    internal: int = field(default=0, init=False)


def test_full_table() -> None:
    outer = from_dict(
        Outer,
        {
            "count": 3,
            "ratio": 2,
            "inner": {"depth_m": 4},
            "many": [{"depth_m": 1}, {}],
            "table": {"a": {}},
            "free": {"x": [1, {"y": None}]},
        },
    )
    assert outer == Outer(
        3, ratio=2.0, inner=Inner(4.0), many=(Inner(1.0), Inner()), table={"a": Inner()}, free=outer.free
    )
    assert isinstance(outer.ratio, float)
    assert from_dict(Outer, {k: v for k, v in to_dict(outer).items() if k != "internal"}) == outer


BAD = {
    "no table": ([], r"Outer is \[\]; accepted is a table of settings"),
    "missing": ({}, "count is missing in Outer"),
    "unknown, near": ({"count": 1, "labell": "y"}, r"unknown key 'labell' in Outer \(did you mean 'label'\?\)"),
    "unknown, far": ({"count": 1, "qqq": 0}, r"unknown key 'qqq' in Outer; accepted are: count, label"),
    "not to be set": ({"count": 1, "internal": 2}, "unknown key 'internal'"),
    "key is a number": ({"count": 1, 7: 2}, "unknown key 7"),
    "text for a number": ({"count": "3"}, "count is '3'; accepted is a whole number"),
    "float for a whole number": ({"count": 3.0}, "count is 3.0; accepted is a whole number"),
    "true for a number": ({"count": True}, "count is True; accepted is a whole number"),
    "true for a float": ({"count": 1, "inner": {"depth_m": True}}, r"inner\.depth_m is True; accepted is a number"),
    "number for true": ({"count": 1, "is_on": 1}, "is_on is 1; accepted is a true or false"),
    "null": ({"count": None}, "count is None"),
    "null inside": ({"count": 1, "inner": None}, "inner is None; accepted is a table"),
    "NaN": ({"count": 1, "ratio": float("nan")}, "ratio is nan; accepted is a finite number"),
    "infinity": ({"count": 1, "ratio": float("inf")}, "accepted is a finite number"),
    "beyond any float": ({"count": 1, "ratio": 10**400}, "accepted is a finite number"),
    "below any float": ({"count": 1, "ratio": -(10**400)}, "accepted is a finite number"),
    "text for a list": ({"count": 1, "many": "abc"}, "many is 'abc'; accepted is a list"),
    "list for a table": ({"count": 1, "table": [1]}, r"table is \[1\]; accepted is a table"),
    "path of a list item": ({"count": 1, "many": [{}, {"deep": 1}]}, r"unknown key 'deep' in many\[1\]"),
    "path of a table item": ({"count": 1, "table": {"a": {"depth_m": "x"}}}, r"table\.a\.depth_m is 'x'"),
    "table of numbers": ({"count": 1, "table": {1: {}}}, "keys that are no text"),
}


@pytest.mark.parametrize("name", BAD)
def test_bad_tables(name: str) -> None:
    values, message = BAD[name]
    with pytest.raises(ConfigError, match=message):
        from_dict(Outer, values)  # type: ignore[arg-type]


def test_path_of_the_table_comes_first() -> None:
    with pytest.raises(ConfigError, match=r"train\.inner\.depth_m is 'x'"):
        from_dict(Outer, {"count": 1, "inner": {"depth_m": "x"}}, "train")


def test_long_values_are_cut() -> None:
    for values in ({"count": "x" * 10**6}, {"count": 1, "x" * 10**6: 1}, {"count": 1, "many": {"x": "y" * 10**6}}):
        with pytest.raises(ConfigError) as caught:
            from_dict(Outer, values)
        assert len(str(caught.value)) < 400


@given(st.integers() | st.text() | st.floats() | st.lists(st.text()) | st.none() | st.binary())
def test_shown_is_one_short_line(value: object) -> None:
    assert len(shown(value)) <= 80
    assert "\n" not in shown(value)


def test_shown_where_there_is_no_repr() -> None:
    nested: list[Any] = []
    for _ in range(100_000):
        nested = [nested]
    assert shown(10**5000) == "a int"
    assert shown(nested) == "a list"
    assert shown("abc") == "'abc'"


@pytest.mark.parametrize("value", [0.0, 1, 0.5])
def test_require_takes_the_range(value: float) -> None:
    require("x", value, 0, 1)


@pytest.mark.parametrize("value", [-0.001, 1.001, float("nan"), float("inf"), True, "0.5", None, [0.5], 10**400])
def test_require_refuses(value: Any) -> None:
    with pytest.raises(ConfigError, match="x is .*; accepted are numbers from 0 to 1"):
        require("x", value, 0, 1)


def test_config_errors_are_value_errors_of_the_family() -> None:
    with pytest.raises(ValueError, match="accepted are: a, b") as caught:
        require_one_of("x", "q", ("b", "a"))
    assert isinstance(caught.value, KwsError)


def test_require_one_of() -> None:
    require_one_of("x", "log", ("log", "pcen"))
    with pytest.raises(ConfigError, match=r"x is 'lug' \(did you mean 'log'\?\); accepted are: log, pcen"):
        require_one_of("x", "lug", ("log", "pcen"))
    for value in (None, 3, ["log"], {"log": 1}):
        with pytest.raises(ConfigError, match="accepted are: log, pcen"):
            require_one_of("x", value, ("log", "pcen"))


@pytest.mark.parametrize(
    ("settings", "name"),
    [
        ({"compression": "mfcc"}, "compression"),
        ({"scale": "bark"}, "scale"),
        ({"window_samples": 15}, "window_samples"),
        ({"window_samples": 5000}, "window_samples"),
        ({"n_fft": 479}, "n_fft"),
        ({"n_fft": 8192}, "n_fft"),
        ({"hop_samples": 0}, "hop_samples"),
        ({"hop_samples": 481}, "hop_samples"),
        ({"n_bands": 0}, "n_bands"),
        ({"n_bands": 258}, "n_bands"),
        ({"f_min_hz": -1.0}, "f_min_hz"),
        ({"f_min_hz": 7600.0}, "f_max_hz"),
        ({"f_max_hz": 8001.0}, "f_max_hz"),
        ({"floor": 0.0}, "floor"),
    ],
)
def test_front_end_ranges(settings: dict[str, Any], name: str) -> None:
    with pytest.raises(ConfigError, match=rf"front_end\.{name} is"):
        FrontEndConfig(**settings)


def test_pcen_values_fit_the_bands() -> None:
    assert FrontEndConfig(n_bands=3, pcen=PcenConfig(alpha=(0.9, 0.8, 0.7))).pcen.alpha[2] == 0.7
    with pytest.raises(ConfigError, match=r"alpha has 2 values; accepted are 1 or 3 \(one a band\)"):
        FrontEndConfig(n_bands=3, pcen=PcenConfig(alpha=(0.9, 0.8)))
    with pytest.raises(ConfigError, match="alpha has 0 values"):
        FrontEndConfig(pcen=PcenConfig(alpha=()))
    for name, value in {"alpha": 1.1, "delta": -1.0, "root": 0.0, "smoothing": 0.0}.items():
        with pytest.raises(ConfigError, match=name):
            FrontEndConfig(pcen=dataclasses.replace(PcenConfig(), **{name: (value,)}))
    with pytest.raises(ConfigError, match="eps"):
        FrontEndConfig(pcen=PcenConfig(eps=0.0))


@pytest.mark.parametrize(
    "settings",
    [
        {"threshold": 1.01},
        {"threshold": -0.1},
        {"smoothing_steps": 0},
        {"patience_steps": 0},
        {"rearm_ratio": 2.0},
        {"refractory_s": -1.0},
        {"refractory_s": float("nan")},
    ],
)
def test_decision_ranges(settings: dict[str, Any]) -> None:
    with pytest.raises(ConfigError, match=next(iter(settings))):
        DecisionConfig(**settings)


@pytest.mark.parametrize(
    "settings", [FrontEndConfig(), DecisionConfig(), ModelConfig("x", {"a": (1, 2)}), PcenConfig()]
)
def test_settings_survive_a_round_trip(settings: Any) -> None:
    again = from_dict(type(settings), to_dict(settings))
    assert to_dict(again) == to_dict(settings)


def test_settings_are_frozen() -> None:
    with pytest.raises(dataclasses.FrozenInstanceError):
        FrontEndConfig().n_bands = 3  # type: ignore[misc]


def test_hop_time() -> None:
    assert FrontEndConfig().hop_s == 0.01
