"""The report of a classifier: figures by hand, as values, as text and as a picture."""

import dataclasses
import json
from pathlib import Path

import numpy as np
import pytest

from kws.config import DecisionConfig
from kws.errors import ConfigError
from kws.evaluate.class_report import ClassReport, SilenceLevel, confusion_of, find_silence_level, keyword_counts
from kws.evaluate.classification import NONE, SILENCE, LabelledClip
from kws.evaluate.confusion import Confusion
from kws.evaluate.counting import Counts
from kws.evaluate.report.confusion import draw_confusion
from kws.runtime import open_runner
from kws.spec import UNKNOWN
from tests.tiny_model import tiny_spec, write_tiny_model


def report(chosen_on: str = "validation") -> ClassReport:
    rules = {"yes": DecisionConfig(threshold=0.7), UNKNOWN: DecisionConfig(1.0, patience_steps=1000)}
    spec = dataclasses.replace(tiny_spec(), name="m", keywords=("yes", UNKNOWN), decision=rules)
    confusion = Confusion.of(["yes"] * 9 + [SILENCE], ["yes"] * 8 + [UNKNOWN, SILENCE], ("yes", UNKNOWN, SILENCE))
    return ClassReport(spec, "test", SilenceLevel(0.25, chosen_on), confusion, {"yes": Counts(8, 1, 2, 1800.0)})


def test_values_have_counts_and_intervals() -> None:
    values = json.loads(json.dumps(report().to_dict(), allow_nan=False))
    assert values["classification"]["accuracy"] == 0.9 and values["silence_below"] == 0.25
    stream = values["streams"]["yes"]
    assert stream["threshold"] == 0.7 and stream["frr"] == pytest.approx(1 / 9)
    assert stream["fa_per_h"] == 4.0 and stream["hours"] == 0.5
    # Exact Poisson of 2 events: 0.2422 to 7.2247, in half an hour.
    assert stream["fa_per_h_interval"] == pytest.approx([0.4844, 14.4494], abs=1e-3)


def test_text() -> None:
    lines = report().to_text().splitlines()
    assert lines[0].startswith("m, test: 90.0 % right, 9 of 10 clips (95 %: 59.6 to 98.2)")
    assert lines[1] == "silence below 0.2500 (chosen on validation)"
    assert lines[-1].split() == [
        "yes",
        "1",
        "of",
        "9",
        "11.1",
        "(2.0",
        "to",
        "43.5)",
        "2",
        "4.0",
        "(0.5",
        "to",
        "14.4)",
    ]


def test_a_level_that_was_chosen_on_the_same_clips_is_told_loudly() -> None:
    assert "CHOSEN ON THESE VERY CLIPS" in report("test").to_text()
    assert "(as given)" in report("given").to_text()


def test_a_word_that_is_not_said_has_no_rate() -> None:
    plain = report()
    plain.words["yes"] = Counts(0, 0, 1, 3600.0)
    assert plain.to_dict()["streams"]["yes"]["frr"] is None
    json.dumps(plain.to_dict(), allow_nan=False)
    assert "0 of 0" in plain.to_text() and "nan" not in plain.to_text()


def test_other_words_are_no_keyword() -> None:
    counts = {"yes": Counts(1), UNKNOWN: Counts(2)}
    assert list(keyword_counts(counts)) == ["yes"]


def test_a_model_is_classified_with_a_level_from_other_clips(tmp_path: Path) -> None:
    runner = open_runner(write_tiny_model(tmp_path / "tiny.onnx"))
    rng = np.random.default_rng(0)
    silent = [LabelledClip(f"s{i}", SILENCE, np.zeros(8000, np.int16)) for i in range(3)]
    loud = [LabelledClip(f"l{i}", "loud", rng.normal(0, 3000, 8000).astype(np.int16)) for i in range(4)]
    level = find_silence_level(runner, [*silent, *loud], "validation")
    assert 0.01 < level.value < 0.99 and level.chosen_on == "validation"
    confusion = confusion_of(runner, [*silent, *loud[:2]], level.value)
    assert confusion.classes == ("loud", NONE) and confusion.counts.tolist() == [[2, 0], [0, 3]]


@pytest.mark.parametrize(("suffix", "start"), [(".png", b"\x89PNG"), (".svg", b"<?xml"), (".pdf", b"%PDF")])
def test_picture(tmp_path: Path, suffix: str, start: bytes) -> None:
    path = tmp_path / f"confusion{suffix}"
    path.write_bytes(b"an earlier one")
    draw_confusion(path, report().confusion, "m, test")
    assert path.read_bytes().startswith(start)
    assert [item.name for item in tmp_path.iterdir()] == [path.name]


def test_picture_of_another_kind(tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match=r"accepted suffixes of a picture are \.png, \.svg, \.pdf"):
        draw_confusion(tmp_path / "confusion.gif", report().confusion)
