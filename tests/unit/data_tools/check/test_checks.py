"""Checks of whole classes and of what data are used for; faults of single files are planted in the end-to-end test."""

from __future__ import annotations

import dataclasses
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest

from data_tools.check.checks import CHECKS
from data_tools.check.checks.common import none_rate_limit, some
from data_tools.check.checks.contradictions import check_contradictions
from data_tools.check.checks.labels import common_shift_s
from data_tools.check.checks.level import share_above
from data_tools.check.checks.words import count_bursts
from data_tools.check.dataset import KEYWORD, NEGATIVE, NOISE, Clip, DataSet, Limits, Listing, Segment
from data_tools.check.findings import Finding, Severity
from data_tools.check.measure import Measures, measure_file
from tests.planted import utterance, write


@pytest.fixture(scope="module")
def usual(tmp_path_factory: pytest.TempPathFactory) -> Measures:
    """Measures of one clean clip: a word of about 0.6 s from 0.4 s on."""
    path = tmp_path_factory.mktemp("usual") / "x.wav"
    write(path, utterance(np.random.default_rng(1)))
    return measure_file(path)


Make = Callable[..., DataSet]


@pytest.fixture
def make(usual: Measures) -> Make:
    """Make a data set of clips ``(label, role, clip columns, measures columns)``."""

    def build(*clips: tuple[str, str, dict, dict], limits: Limits | None = None, is_told: bool = True) -> DataSet:
        listed, measures = [], {}
        for number, (label, role, of_clip, of_measures) in enumerate(clips):
            name = of_clip.get("name", f"{label}/{number}.wav")
            listed.append(Clip(Path(name), **{"name": name, "label": label, "role": role, **of_clip}))
            measures[name] = dataclasses.replace(usual, **of_measures)
        return DataSet(Listing(Path("."), listed, is_told=is_told), measures, limits=limits or Limits())

    return build


def found(check: str, data: DataSet) -> dict[str, Finding]:
    return {finding.code: finding for finding in CHECKS[check](data)}


def test_words_for_numbers() -> None:
    assert [some(1, "file"), some(0, "file"), some(2, "copy", "copies")] == ["1 file", "0 files", "2 copies"]


def test_the_rule_of_three() -> None:
    assert none_rate_limit(60) == pytest.approx(0.05)
    assert none_rate_limit(30.0) == pytest.approx(0.1)
    # Exactly: (1 - p)^60 = 5 %.
    assert none_rate_limit(60) == pytest.approx(1 - 0.05 ** (1 / 60), abs=0.002)
    assert none_rate_limit(0) == np.inf


def test_share_above_is_the_share_of_pairs() -> None:
    # 3 > 1, 3 > 2, 2 > 1, and 2 = 2 counts half: 3.5 of 4.
    assert share_above(np.array([3.0, 2.0]), np.array([1.0, 2.0])) == pytest.approx(3.5 / 4)
    assert share_above(np.array([1.0]), np.array([2.0, 3.0])) == 0.0


def test_a_class_that_its_level_tells(make: Make) -> None:
    loud = [("up", KEYWORD, {}, {"level_dbfs": -20.0 + n % 5}) for n in range(12)]
    quiet = [("talk", NEGATIVE, {}, {"level_dbfs": -40.0 + n % 5}) for n in range(12)]
    finding = found("level", make(*loud, *quiet))["class-by-level"]
    assert finding.severity == Severity.WARNING
    assert "'up' can be told by its active speech level alone: median -18 dBFS, negatives -38 dBFS" in finding.what
    assert found("level", make(*loud, *((*clip[:2], {}, loud[n][3]) for n, clip in enumerate(quiet)))) == {}
    # Nine clips say nothing.
    assert found("level", make(*loud[:9], *quiet)) == {}


def test_a_class_that_its_noise_floor_tells(make: Make) -> None:
    # A noise gate: digital silence between the words.
    gated = [("up", KEYWORD, {}, {"levels_db": np.array([-120.0] * 50 + [-20.0] * 50)}) for _ in range(12)]
    plain = [("talk", NEGATIVE, {}, {"levels_db": np.array([-60.0] * 50 + [-20.0] * 50)}) for _ in range(12)]
    assert list(found("level", make(*gated, *plain))) == ["class-by-floor"]


def test_a_class_that_its_band_tells(make: Make) -> None:
    narrow = [("up", KEYWORD, {}, {"rate_hz": 8000, "source_rate_hz": 8000}) for _ in range(12)]
    wide = [("talk", NEGATIVE, {}, {}) for _ in range(12)]
    assert {"class-by-band", "mixed-rates"} == set(found("rates", make(*narrow, *wide)))
    # A rate below that of the network is no hidden fault.
    assert "upsampled" not in found("rates", make(*narrow))
    assert found("rates", make(*narrow)) == {}


def test_few_upsampled_clips_are_a_note_many_a_warning(make: Make) -> None:
    hidden, plain = ("up", KEYWORD, {}, {"source_rate_hz": 8000}), ("up", KEYWORD, {}, {})
    assert found("rates", make(hidden, *[plain] * 9))["upsampled"].severity == Severity.NOTE
    finding = found("rates", make(*[hidden] * 5, *[plain] * 5))["upsampled"]
    assert finding.severity == Severity.WARNING and len(finding.places) == 5


def speakers(*counts: int, label: str = "up") -> list[tuple[str, str, dict, dict]]:
    return [(label, KEYWORD, {"speaker": f"s{i}"}, {}) for i, count in enumerate(counts) for _ in range(count)]


def test_speakers_that_dominate(make: Make) -> None:
    finding = found("balance", make(*speakers(10, 5, 5, 5)))
    assert set(finding) == {"few-speakers"}
    finding = found("balance", make(*speakers(18, 5, 5, 5)))
    assert "18 of 33 clips of 'up' (55%) are of speaker 's0', one of 4" in finding["speaker-dominates"].what
    assert found("balance", make(*speakers(4, 4, 4, 4, 4))) == {}
    unknown = [("up", KEYWORD, {}, {})] * 20
    assert set(found("balance", make(*unknown))) == {"speakers-unknown"}
    assert found("balance", make(*unknown[:19])) == {}


def test_classes_of_unequal_size(make: Make) -> None:
    data = make(*speakers(5, 5), *speakers(25, 25, 25, 24, 2, label="down"))
    assert "classes-unequal" in found("balance", data)
    assert "10 clips of 'up', 101 of 'down'" in found("balance", data)["classes-unequal"].what
    assert found("balance", make(*speakers(5, 5), *speakers(20, 20, 20, 20, 20, label="down"))) == {}


@pytest.mark.parametrize(
    ("n_clips", "code"), [(7, "hardly-any-clips"), (8, "few-clips"), (19, "few-clips"), (20, None)]
)
def test_few_clips(make: Make, n_clips: int, code: str | None) -> None:
    assert set(found("amount", make(*speakers(n_clips)))) == ({code} if code else set())


def test_what_was_guessed_is_no_error(make: Make) -> None:
    assert found("amount", make(*speakers(3)))["hardly-any-clips"].severity == Severity.ERROR
    assert found("amount", make(*speakers(3), is_told=False))["hardly-any-clips"].severity == Severity.WARNING


def test_figures_that_are_allowed(make: Make) -> None:
    words = [("up", KEYWORD, {"split": "val"}, {})] * 30
    hour = {"n_samples": 3600 * 16_000, "rate_hz": 16_000}
    talk, noise = ("talk", NEGATIVE, {"split": "val"}, hour), ("hum", NOISE, {}, {})
    finding = found("amount", make(*words, talk, noise))
    assert set(finding) == {"figures-allowed"}
    assert "30 keyword clips and 1.00 h of other speech" in finding["figures-allowed"].what
    assert "an FRR below 10.0%, no false accept fewer than 3.0 an hour" in finding["figures-allowed"].what
    assert found("amount", make(*words, *words, talk, talk, talk, noise)) == {}
    assert set(found("amount", make(*words, talk))) == {"figures-allowed", "no-noise"}
    short = ("talk", NEGATIVE, {"split": "train"}, {})
    assert set(found("amount", make(*words, short, noise))) == {"few-negatives", "figures-allowed"}


def test_words_that_are_too_long(make: Make) -> None:
    words = [("up", KEYWORD, {"name": "long.wav"}, {"active_s": (0.5, 2.6)}), ("up", KEYWORD, {}, {})]
    labelled = ("up", KEYWORD, {"name": "said.wav", "segments": (Segment("up", 1.0, 5.5),)}, {})
    data = make(*words, labelled, limits=Limits(stream_s=4.0, receptive_field_s=1.91))
    stream, field = found("words", data)["longer-than-stream"], found("words", data)["longer-than-receptive-field"]
    assert stream.severity == Severity.ERROR and [place.path for place in stream.places] == ["said.wav"]
    assert field.severity == Severity.WARNING and [place.path for place in field.places] == ["said.wav", "long.wav"]
    assert "2 words are longer than the model looks back (1.91 s)" in field.what
    assert found("words", make(*words, labelled)) == {}


def test_bursts_are_counted(usual: Measures) -> None:
    assert count_bursts(usual) == 1
    pause, word = [-70.0] * 40, [-20.0] * 30

    def bursts(*parts: list[float]) -> int:
        return count_bursts(dataclasses.replace(usual, levels_db=np.array(sum(parts, []))))

    assert bursts(pause, word, pause, word, pause) == 2
    # A pause between syllables, a click, and something far weaker are no second word.
    assert bursts(pause, word, pause[:20], word, pause) == 1
    assert bursts(pause, word, pause, word[:5], pause) == 1
    assert bursts(pause, word, pause, [-40.0] * 30, pause) == 1
    assert bursts() == 0


def test_dead_time_around_a_short_sound(make: Make) -> None:
    idle = ("up", KEYWORD, {"name": "idle.wav"}, {"n_samples": 160_000})
    finding = found("silence", make(idle, ("up", KEYWORD, {}, {})))["dead-time"]
    assert finding.severity == Severity.NOTE and [place.path for place in finding.places] == ["idle.wav"]


@pytest.mark.parametrize("shift_s", [0.0, 0.3, -0.3])
def test_labels_that_are_all_shifted(make: Make, usual: Measures, shift_s: float) -> None:
    start, end = 0.4, 0.4 + usual.word_s
    clips = [
        ("up", KEYWORD, {"segments": (Segment("up", start + shift_s + 0.01 * (n % 3), end + shift_s),)}, {})
        for n in range(12)
    ]
    data = make(*clips)
    rest = [(clip, measures, segment) for clip, measures in data.heard for segment in clip.segments]
    assert common_shift_s(rest) == pytest.approx(-shift_s, abs=0.03)
    finding = found("labels", data)
    assert set(finding) == ({"labels-shifted"} if shift_s else set())
    assert all(f.severity == Severity.ERROR and len(f.places) == 12 for f in finding.values())
    # Nine labels say nothing.
    assert common_shift_s(rest[:9]) == 0.0


@pytest.mark.parametrize(
    ("keyword", "transcript", "is_said"),
    [
        ("computer", "Computer, lights!", True),
        ("computer", "two computers", True),
        ("computer", "computerised", False),
        ("think_engine", "say ThinkEngine now", True),
        ("think_engine", "I think engines are loud", True),
        ("think_engine", "an engine to think", False),
        ("cat", "the category", False),
        ("hey jarvis", "Hey, Jarvis!", True),
        ("привет", "Ну, привет!", True),
    ],
)
def test_keywords_in_transcripts(make: Make, keyword: str, transcript: str, is_said: bool) -> None:
    data = make((keyword, KEYWORD, {}, {}), ("talk", NEGATIVE, {"row": {"transcript": transcript}}, {}))
    codes = [finding.code for finding in check_contradictions(data)]
    assert codes == (["keyword-in-transcript"] if is_said else [])


@pytest.mark.parametrize(
    ("name", "is_named"),
    [
        ("neg/bed_03.wav", True),
        ("neg/my-bed.wav", True),
        ("neg/bed12.wav", True),
        ("neg/no-bed.wav", False),
        ("neg/not_bed_1.wav", False),
        ("neg/bedroom.wav", False),
        ("neg/297db0c4-b05d-43b0-bed3-511834b3ed38.wav", False),
        ("bed/other.wav", False),
    ],
)
def test_keywords_in_names_of_negatives(make: Make, name: str, is_named: bool) -> None:
    data = make(("bed", KEYWORD, {}, {}), ("neg", NEGATIVE, {"name": name}, {}))
    assert [finding.code for finding in check_contradictions(data)] == (["keyword-in-name"] if is_named else [])


def test_speakers_on_both_sides(make: Make) -> None:
    def said(label: str, role: str, speaker: str, split: str) -> tuple[str, str, dict, dict]:
        return label, role, {"speaker": speaker, "split": split}, {}

    reader = [said("talk", NEGATIVE, "r", "train"), said("talk", NEGATIVE, "r", "val")]
    finding = found("leaks", make(said("up", KEYWORD, "a", "train"), said("up", KEYWORD, "b", "val"), *reader))
    assert finding["leak-speaker"].severity == Severity.WARNING
    finding = found("leaks", make(said("up", KEYWORD, "a", "train"), said("up", KEYWORD, "a", "val")))
    # One's own voice alone cannot be split.
    assert finding["leak-speaker"].severity == Severity.WARNING
    several = make(*(said("up", KEYWORD, s, split) for s, split in (("a", "train"), ("a", "val"), ("b", "train"))))
    assert found("leaks", several)["leak-speaker"].severity == Severity.ERROR


def test_noise_on_both_sides_is_a_warning(make: Make) -> None:
    clips = [("hum", NOISE, {"name": f"{split}.wav", "split": split}, {}) for split in ("fold1", "fold2")]
    data = dataclasses.replace(make(*clips), likeness=[("fold1.wav", "fold2.wav", 0.99)])
    findings = found("leaks", data)
    assert findings["leak-noise"].severity == Severity.WARNING
    assert findings["leak-noise"].places[0].detail == "fold1; also fold2.wav in fold2 (correlation 0.99)"


def test_every_finding_says_what_to_do(make: Make) -> None:
    data = make(*speakers(3), ("talk", NEGATIVE, {}, {"level_dbfs": -70.0}))
    findings = [finding for check in CHECKS.values() for finding in check(data)]
    assert findings
    for finding in findings:
        assert finding.advice and "\n" not in finding.what + finding.advice
