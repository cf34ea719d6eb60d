"""``ModelSpec``: round trips, and what a hostile file may say."""

from __future__ import annotations

import dataclasses
import json
import pickle
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from kws.config import DecisionConfig, FrontEndConfig, ModelConfig, PcenConfig
from kws.errors import ConfigError, ModelFileError
from kws.spec import FORMAT, MAX_DEPTH, MAX_JSON_CHARS, ModelSpec, StateSpec

SPEC = ModelSpec("computer", ("computer", "lights on"))

WORDS = st.text(st.characters(categories=("L", "N")), min_size=1, max_size=20)
NUMBERS = st.floats(-1e6, 1e6) | st.integers(-(10**6), 10**6)
PLAIN = st.recursive(
    st.none() | st.booleans() | NUMBERS | st.text(max_size=20),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=5), inner, max_size=3),
    max_leaves=8,
)


@st.composite
def specs(draw: st.DrawFn) -> ModelSpec:
    keywords = tuple(draw(st.lists(WORDS, min_size=1, max_size=3, unique=True)))
    n_bands = draw(st.integers(1, 60))
    smoothing = draw(st.lists(st.floats(1e-4, 1.0), min_size=n_bands, max_size=n_bands))
    rule = DecisionConfig(threshold=draw(st.floats(0, 1)), smoothing_steps=draw(st.integers(1, 1000)))
    shapes = draw(st.lists(st.lists(st.integers(1, 100), min_size=1, max_size=3), max_size=3))
    return ModelSpec(
        name=draw(WORDS),
        keywords=keywords,
        front_end=FrontEndConfig(compression="pcen", n_bands=n_bands, pcen=PcenConfig(smoothing=tuple(smoothing))),
        model=ModelConfig(draw(WORDS), draw(st.dictionaries(WORDS, PLAIN, max_size=3))),
        step_frames=draw(st.integers(1, 1000)),
        delay_s=draw(st.floats(0, 10)),
        decision={keywords[0]: rule},
        input=draw(st.sampled_from(["features", "samples"])),
        states=tuple(StateSpec(f"state_{i}", tuple(shape)) for i, shape in enumerate(shapes)),
        training=draw(st.dictionaries(WORDS, PLAIN, max_size=3)),
    )


@given(specs())
@settings(max_examples=100, deadline=None)
def test_round_trip(spec: ModelSpec) -> None:
    text = spec.to_json()
    assert text.isascii()
    assert "\n" not in text
    assert ModelSpec.from_json(text) == spec
    assert ModelSpec.from_dict(spec.to_dict()) == spec
    assert ModelSpec.from_json(text).to_json() == text


@given(PLAIN)
@settings(max_examples=200, deadline=None)
def test_any_json_is_a_spec_or_one_error(values: Any) -> None:
    for content in (values, SPEC.to_dict() | {"training": values}, SPEC.to_dict() | {"states": values}):
        try:
            ModelSpec.from_json(json.dumps(content))
        except ModelFileError as error:
            assert "\n" not in str(error)


@given(st.sampled_from([f.name for f in dataclasses.fields(ModelSpec)]), PLAIN)
@settings(max_examples=300, deadline=None)
def test_any_value_in_any_field_is_accepted_or_one_error(name: str, value: Any) -> None:
    try:
        spec = ModelSpec.from_dict(SPEC.to_dict() | {name: value}, "model.onnx")
    except ModelFileError as error:
        assert str(error).startswith("model.onnx: ")
        assert len(str(error)) < 500
    else:
        # What was accepted can be written and used.
        assert ModelSpec.from_json(spec.to_json()) == spec
        assert spec.step_samples >= 1


def test_old_files_may_leave_out_what_has_a_default() -> None:
    spec = ModelSpec.from_json('{"format": 1, "name": "x", "keywords": ["x"]}')
    assert spec == ModelSpec("x", ("x",))


def hostile(**changes: Any) -> str:
    return json.dumps(SPEC.to_dict() | changes)


DEEP = json.loads("[" * 200 + "]" * 200)

BAD = {
    "empty": ("", "not JSON"),
    "no JSON": ("computer", "not JSON"),
    "cut off": (SPEC.to_json()[:-10], "not JSON"),
    "a list": ("[1]", "no format number"),
    "null": ("null", "no format number"),
    "no format": ('{"name": "x", "keywords": ["x"]}', "no format number"),
    "format is text": (hostile(format="1"), "no format number"),
    "format is true": (hostile(format=True), "no format number"),
    "format 0": (hostile(format=0), "no format number"),
    "newer": (hostile(format=FORMAT + 1), "format 2; this version reads up to 1: update"),
    "newer with unknown keys": (hostile(format=9, colour="red"), "format 9; this version reads up to 1"),
    "unknown key": (hostile(keyword=["x"]), r"unknown key 'keyword' in ModelSpec \(did you mean 'keywords'\?\)"),
    "no keywords": (hostile(keywords=[]), "keywords is empty"),
    "keyword is empty": (hostile(keywords=[""]), "printable"),
    "keyword twice": (hostile(keywords=["a", "a"], decision={}), "each may stand there once"),
    "keyword is a number": (hostile(keywords=[1]), r"keywords\[0\] is 1; accepted is a text"),
    "keyword is one text": (hostile(keywords="computer"), "accepted is a list"),
    "keyword with a line break": (hostile(keywords=["a\nb"]), "printable"),
    "keyword with a terminal code": (hostile(keywords=["\x1b[2J"]), "printable"),
    "keyword that cannot be encoded": (hostile(keywords=["\ud800"]), "printable"),
    "keyword of a megabyte": (hostile(keywords=["a" * 900_000]), "printable"),
    "name with a line break": (hostile(name="a\nb"), "printable"),
    "rule of no keyword": (hostile(decision={"x": {}}), "decision is 'x'"),
    "threshold above 1": (hostile(decision={"computer": {"threshold": 1.5}}), "threshold is 1.5"),
    "step of 0": (hostile(step_frames=0), "step_frames is 0"),
    "step is a fraction": (hostile(step_frames=1.5), "step_frames is 1.5; accepted is a whole number"),
    "step is true": (hostile(step_frames=True), "step_frames is True"),
    "huge step": (hostile(step_frames=10**9), "step_frames is 1000000000"),
    "huge number": (hostile(delay_s=10**400), "accepted is a finite number"),
    "NaN": (SPEC.to_json().replace('"delay_s": 0.0', '"delay_s": NaN'), "NaN is no number"),
    "infinity in the provenance": (
        SPEC.to_json().replace('"training": {}', '"training": {"x": Infinity}'),
        "no number",
    ),
    "infinity by digits": (SPEC.to_json().replace('"training": {}', '"training": {"x": 1e999}'), "finite"),
    "a number of 5000 digits": (SPEC.to_json().replace('"step_frames": 1', '"step_frames": ' + "9" * 5000), "not JSON"),
    "unknown input": (hostile(input="bytes"), "input is 'bytes'; accepted are: features, samples"),
    "state of a terabyte": (hostile(states=[{"name": "s", "shape": [10**6, 10**6]}]), "size is 1000000000000"),
    "state of size 0": (hostile(states=[{"name": "s", "shape": [0]}]), "shape is 0"),
    "state below 0": (hostile(states=[{"name": "s", "shape": [-1, -4]}]), "shape is -1"),
    "state of no axes": (hostile(states=[{"name": "s", "shape": []}]), "axes is 0"),
    "state of many axes": (hostile(states=[{"name": "s", "shape": [4_000_000] * 10_000}]), "axes is 10000"),
    "state without a shape": (hostile(states=[{"name": "s"}]), "shape is missing"),
    "two states of one name": (hostile(states=[{"name": "s", "shape": [1]}] * 2), "each may stand there once"),
    "bands beyond the spectrum": (hostile(front_end={"n_bands": 10**6}), "n_bands is 1000000"),
    "front-end is text": (hostile(front_end="log"), "front_end is 'log'; accepted is a table"),
    "deep provenance": (hostile(training={"x": DEEP}), f"nested deeper than {MAX_DEPTH}"),
    "deep name": (hostile(name=DEEP), f"nested deeper than {MAX_DEPTH}"),
    "very deep": ('{"format": 1, "name": ' + "[" * 100_000 + "]" * 100_000 + "}", "not JSON"),
    "long": (" " * (MAX_JSON_CHARS + 1), "characters"),
}


@pytest.mark.parametrize("name", BAD)
def test_hostile_text(name: str) -> None:
    text, message = BAD[name]
    with pytest.raises(ModelFileError, match=message) as caught:
        ModelSpec.from_json(text, "evil.onnx")
    assert str(caught.value).startswith("evil.onnx: ")
    assert "\n" not in str(caught.value)
    assert "\x1b" not in str(caught.value)
    assert len(str(caught.value)) < 500


@pytest.mark.parametrize("value", [{1: 2}, {"x": object()}, {"x": {2: 3}}, {"x": [b"bytes"]}, {"x": float("nan")}])
def test_values_that_are_not_json_are_refused(value: Any) -> None:
    # A checkpoint is no JSON: it may hold more.
    with pytest.raises(ModelFileError):
        ModelSpec.from_dict(SPEC.to_dict() | {"training": value})


def test_a_number_too_long_to_print() -> None:
    with pytest.raises(ModelFileError, match="step_frames is a int; accepted are numbers"):
        ModelSpec.from_dict(SPEC.to_dict() | {"step_frames": 10**5000})


def test_widest_allowed_nesting_still_works_everywhere() -> None:
    value: Any = 0
    for _ in range(MAX_DEPTH - 3):
        value = [value]
    spec = dataclasses.replace(SPEC, training={"x": value})
    assert ModelSpec.from_json(spec.to_json()) == spec
    assert "x" in repr(spec)
    assert pickle.loads(pickle.dumps(spec)) == spec


def test_step_times() -> None:
    spec = ModelSpec("x", ("x",), step_frames=4)
    assert spec.step_samples == 640
    assert spec.step_s == 0.04


def test_rules() -> None:
    spec = dataclasses.replace(SPEC, decision={"computer": DecisionConfig(threshold=0.9, refractory_s=2.0)})
    assert spec.decision_of("computer").threshold == 0.9
    assert spec.decision_of("lights on") == DecisionConfig()
    changed = spec.with_rule(threshold=0.3)
    assert [changed.decision_of(k).threshold for k in changed.keywords] == [0.3, 0.3]
    assert changed.decision_of("computer").refractory_s == 2.0
    with pytest.raises(ConfigError, match=r"threshold is 1\.5"):
        spec.with_rule(threshold=1.5)


def test_rule_of_one_keyword() -> None:
    changed = SPEC.with_rule("lights on", threshold=0.3, patience_steps=3)
    assert changed.decision_of("lights on") == DecisionConfig(threshold=0.3, patience_steps=3)
    assert changed.decision_of("computer") == SPEC.decision_of("computer")
    with pytest.raises(ConfigError, match="keyword is 'light on' .did you mean 'lights on'"):
        SPEC.with_rule("light on", threshold=0.3)
