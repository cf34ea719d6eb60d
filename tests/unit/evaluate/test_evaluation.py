"""A whole evaluation of the tiny model: the events are those of the detector, and the counts are right by hand."""

import dataclasses
import json
from concurrent.futures.process import BrokenProcessPool

import numpy as np
import pytest

from kws.config import DecisionConfig
from kws.errors import ConfigError, KwsError, ModelFileError, ParityError
from kws.evaluate import evaluation as module
from kws.evaluate import scoring
from kws.evaluate.counting import Counts
from kws.evaluate.document import SCHEMA, Rows, document
from kws.evaluate.evaluation import evaluate
from kws.evaluate.recordings import Recording
from kws.evaluate.results import NEGATIVES, Trial
from kws.evaluate.scoring import Listener, hear_all, score_recording
from kws.evaluate.trials import Material, TrialSettings, make_trials
from kws.runtime import Detector, open_runner
from kws.spec import UNKNOWN
from tests.tiny_model import STEP_S, bursts, tiny_spec, write_tiny_model


@pytest.fixture
def model(tmp_path):
    return write_tiny_model(tmp_path / "tiny.onnx")


def audio(*starts_s: float, duration_s: float = 5.0, seed: int = 0, gain: float = 1.0) -> np.ndarray:
    """Silence with half a second of noise at each start: what the tiny model fires at."""
    return (bursts(starts_s, duration_s, seed) * (gain / 32768)).astype(np.float32)


def word(name: str, *starts_s: float, condition: str = "clean", keyword: str = "loud", **more) -> Trial:
    ends_s = tuple(start_s + 0.5 for start_s in starts_s)
    return Trial(name, condition, keyword, audio(*starts_s), ends_s, (name,), **more)


def negative(name: str, *starts_s: float, fold: str = "", gain: float = 1.0, of: str = "radio") -> Trial:
    samples = audio(*starts_s, duration_s=10.0, gain=gain)
    return Trial(name, NEGATIVES, "", samples, (), (name,), attributes={"set": of}, fold=fold)


# A word that is there, one that is silent, and two in noise of which one is said to end where nothing is.
TRIALS = [
    word("a", 1.0, speaker="anna", attributes={"room": "2"}),
    dataclasses.replace(word("b", 1.0, speaker="ben"), samples=np.zeros(80_000, np.float32)),
    word("c", 1.0, 3.0, condition="noise 10 dB", attributes={"snr_db": "10", "room": "10"}),
    negative("n1", 2.0, 6.0),
    negative("n2"),
    negative("n3", 4.0, of="street"),
]


def test_counts_by_hand(model):
    (found,) = evaluate(model, TRIALS)
    assert found.conditions == ["clean", "noise 10 dB"]
    assert found.words("clean") == Counts(1, 1, 0, 10.0)
    assert (found.words("noise 10 dB").n_hits, found.words("noise 10 dB").n_misses) == (2, 0)
    assert (found.negatives.n_false_accepts, found.negatives.audio_s) == (3, pytest.approx(30.0))
    sets = found.by("set", NEGATIVES)
    assert {name: counts.n_false_accepts for name, counts in sets.items()} == {"radio": 2, "street": 1}
    assert list(found.by("speaker", "clean")) == ["anna", "ben"]
    assert len(found.delays_s()) == 3 and len(found.delays_s("clean")) == 1
    # The burst begins half a second before its end, and the model needs a few steps of it.
    assert all(-0.5 < delay < -0.2 for delay in found.delays_s())


def test_threshold_is_the_models_own_unless_it_is_given(model):
    (own,) = evaluate(model, TRIALS)
    assert (own.threshold.value, own.threshold.origin) == (0.5, "own")
    (given,) = evaluate(model, TRIALS, threshold=1.0)
    assert (given.threshold.value, given.threshold.origin) == (1.0, "given")
    assert given.words("clean").n_hits == 0 and given.negatives.n_false_accepts == 0
    (ruled,) = evaluate(model, TRIALS, spec=tiny_spec().with_rule(patience_steps=1000))
    assert ruled.threshold.origin == "own" and ruled.negatives.n_false_accepts == 0


def test_threshold_chosen_on_what_is_reported_says_so(model):
    (found,) = evaluate(model, TRIALS, fa_per_h=0.0)
    assert found.negatives.n_false_accepts == 0
    assert found.threshold.is_same_data and "THE SAME DATA" in found.threshold.sentence


def test_threshold_chosen_elsewhere(model):
    # What it is chosen on is quieter: it keeps quiet there at a threshold that louder sounds pass.
    quiet = [negative("q", 2.0, gain=0.02)]
    (found,) = evaluate(model, TRIALS, fa_per_h=0.0, choose_on=quiet, choose_on_name="the kitchen")
    (there,) = evaluate(model, quiet, threshold=found.threshold.value)
    (below,) = evaluate(model, quiet, threshold=found.threshold.value - 0.03)
    assert (there.negatives.n_false_accepts, below.negatives.n_false_accepts) == (0, 1)
    assert found.negatives.n_false_accepts == 3
    assert not found.threshold.is_same_data
    assert found.threshold.sentence.endswith("0 FA/h on the kitchen; reported on other data")
    assert [s.trial.name for s in found.subject_elsewhere.scored] == ["q"]


def test_cross_fitting_reports_each_half_at_the_threshold_of_the_other(model):
    # Half A is loud, half B quiet: B's own threshold would be low, A's high.
    loud, quiet = negative("loud", 2.0, fold="A"), negative("quiet", 2.0, fold="B", gain=0.02)
    words = [dataclasses.replace(word(fold, 1.0), fold=fold) for fold in "AB"]
    (found,) = evaluate(model, [*words, loud, quiet], fa_per_h=0.0, is_cross_fitted=True)
    (only_quiet,) = evaluate(model, [quiet], fa_per_h=0.0)
    (only_loud,) = evaluate(model, [loud], fa_per_h=0.0)
    assert found.threshold.by_fold == {"A": only_quiet.threshold.value, "B": only_loud.threshold.value}
    assert found.threshold.value == max(found.threshold.by_fold.values())
    assert [len(o.matching.false_accepts_s) for o in found.outcomes] == [0, 0, 1, 0]
    assert [len(o.matching.hits) for o in found.outcomes] == [1, 0, 0, 0]
    assert "cross-fitted" in found.threshold.sentence


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"threshold": 1.5}, "threshold is 1.5"),
        ({"fa_per_h": -1.0}, "fa_per_h is -1"),
        ({"threshold": 0.5, "fa_per_h": 1.0}, "accepted is one of them"),
        ({"is_cross_fitted": True}, "fa_per_h"),
        ({"fa_per_h": 1.0, "choose_on": [], "is_cross_fitted": True}, "accepted is one of them"),
        ({"fa_per_h": 1.0, "choose_on": TRIALS[:1], "choose_on_name": "val"}, "val has none"),
        ({"fa_per_h": 1.0, "is_cross_fitted": True}, "half B of the speakers has none"),
    ],
)
def test_options_that_make_no_sense(model, options, message):
    with pytest.raises(ConfigError, match=message):
        evaluate(model, TRIALS, **options)


def test_nothing_to_play_or_to_play_to(model, tmp_path):
    with pytest.raises(ConfigError, match="no trials"):
        evaluate(model, [])
    with pytest.raises(ModelFileError, match="no such"):
        evaluate(tmp_path / "none.onnx", TRIALS)


def test_words_of_other_keywords_are_negatives_as_recorded(tmp_path):
    rule = DecisionConfig(threshold=0.5, smoothing_steps=2, refractory_s=0.5)
    spec = tiny_spec(keywords=("loud", "louder"), decision={"loud": rule, "louder": rule})
    path = write_tiny_model(tmp_path / "two.onnx", spec)
    other = [word("o", 1.0, keyword="louder"), word("p", 1.0, keyword="louder", condition="noise 10 dB")]
    loud, louder = evaluate(path, [*TRIALS, *other])
    assert loud.by("set", NEGATIVES)["other keywords"] == Counts(0, 0, 1, 5.0)
    assert [s.trial.name for s in loud.scored] == ["a", "b", "c", "n1", "n2", "n3", "o"]
    assert louder.words("clean") == Counts(1, 0, 0, 5.0)
    assert louder.by("set", NEGATIVES)["other keywords"].audio_s == 10.0


def test_events_are_the_detectors_to_the_sample_at_any_threshold(model):
    rng = np.random.default_rng(7)
    trials = [
        Trial(
            f"t{i}", NEGATIVES, "", (rng.uniform(0.001, 0.1) * rng.standard_normal(40_000 + 37 * i)).astype(np.float32)
        )
        for i in range(8)
    ]
    n_events = 0
    for threshold in (0.2, 0.5, 0.8, 0.95):
        (found,) = evaluate(model, trials, threshold=threshold)
        for outcome in found.outcomes:
            detector = Detector.open(model, threshold)
            # Played in other sizes than the evaluation does.
            parts = np.array_split(outcome.trial.samples, 9)
            events = [e.time_s for part in parts for e in detector.process(part)] + [e.time_s for e in detector.flush()]
            assert list(outcome.matching.false_accepts_s) == events
            n_events += len(events)
    assert n_events > 10


def test_events_that_are_not_the_detectors_are_an_error(model, monkeypatch):
    heard = module.hear_all

    def deaf(*arguments, **options):
        return [dataclasses.replace(h, events_s=((),)) for h in heard(*arguments, **options)]

    monkeypatch.setattr(module, "hear_all", deaf)
    with pytest.raises(ParityError, match="a: the events of 'loud' are not those of the detector"):
        evaluate(model, TRIALS)


def test_several_processes_hear_the_same(model):
    samples = [trial.samples for trial in TRIALS]
    told = []
    alone, together = hear_all(model, samples, None, 1, lambda *a: told.append(a)), hear_all(model, samples, None, 2)
    for one, other in zip(alone, together, strict=True):
        assert np.array_equal(one.scores, other.scores) and one.events_s == other.events_s
    assert told[-1] == (pytest.approx(45.0), pytest.approx(45.0))


def test_scores_are_those_of_the_scorer(model):
    heard = Listener(model).hear(TRIALS[0].samples)
    assert np.array_equal(heard.scores, score_recording(open_runner(model), TRIALS[0].samples)[0])
    assert heard.scores.shape == (round(5.0 / STEP_S), 1)
    # Too short for a single step.
    assert Listener(model).hear(np.zeros(100, np.float32)).scores.shape == (0, 1)


def test_a_recording_shorter_than_a_step_is_left_out(model):
    short = dataclasses.replace(negative("short"), samples=np.zeros(100, np.float32))
    (found,) = evaluate(model, [*TRIALS, short], fa_per_h=0.0)
    assert "short" not in [s.trial.name for s in found.scored]


def test_document_is_plain_json_with_counts_and_places(model):
    (found,) = evaluate(model, TRIALS)
    material = Material({"loud": [Recording("a", TRIALS[0].samples)]})
    values = document("1.2.3", [Rows(found, 1)], material, TrialSettings())
    assert json.loads(json.dumps(values, allow_nan=False)) == json.loads(json.dumps(values))
    assert (values["schema"], values["toolkit"]) == (SCHEMA, "1.2.3")
    (result,) = values["results"]
    assert result["keyword"] == "loud" and len(result["model_sha256"]) == 64
    clean = result["words"][0]
    assert (clean["condition"], clean["words"], clean["missed"], clean["frr"]) == ("clean", 2, 1, 0.5)
    assert clean["wilson_95"] == pytest.approx([0.0945, 0.9055], abs=1e-4)
    assert clean["delay_s"]["hits"] == 1
    assert [row["set"] for row in result["negatives"]] == ["radio", "street", "all"]
    assert result["negatives"][2]["false_accepts"] == 3
    assert result["misses"] == [{"trial": "b", "word_end_s": 1.5}]
    assert [accept["recording"] for accept in result["false_accepts"]] == ["n1", "n1", "n3"]
    groups = {(g["by"], g["value"], g["condition"]): (g["missed"], g["words"]) for g in result["groups"]}
    assert groups[("speaker", "ben", "clean")] == (1, 1)
    det = result["det"][0]
    assert len(det["threshold"]) == len(det["frr"]) == len(det["fa_per_h"])


def test_trials_of_material_through_a_model(model):
    burst = audio(0.25, duration_s=1.0)
    material = Material(
        {"loud": [Recording(f"w{i}", burst, f"s{i}") for i in range(2)]},
        {"quiet": [Recording("n", audio(duration_s=70.0))]},
        [Recording("hum", (0.001 * np.random.default_rng(0).standard_normal(40_000)).astype(np.float32))],
    )
    (found,) = evaluate(model, make_trials(material, TrialSettings((30.0,), ())))
    assert {c: found.words(c).n_misses for c in found.conditions} == {"clean": 0, "noise 30 dB": 0}
    assert found.negatives.n_false_accepts == 0


def test_a_process_that_was_ended_is_one_clear_error(model, monkeypatch):
    class Ended:
        def __init__(self, *arguments):
            pass

        def map(self, work, batches):
            raise BrokenProcessPool("terminated abruptly")

        def shutdown(self, wait, cancel_futures=False):
            self.is_cancelled = getattr(self, "is_cancelled", cancel_futures)
            assert self.is_cancelled

    monkeypatch.setattr(scoring, "ProcessPoolExecutor", Ended)
    with pytest.raises(KwsError, match="want of memory"):
        hear_all(model, [TRIALS[0].samples], None, 2)


def test_an_output_for_other_words_is_not_reported(tmp_path):
    rule = DecisionConfig(threshold=0.5, smoothing_steps=2, refractory_s=0.5)
    spec = tiny_spec(keywords=("loud", UNKNOWN), decision={"loud": rule, UNKNOWN: rule})
    found = evaluate(write_tiny_model(tmp_path / "two.onnx", spec), TRIALS, fa_per_h=0.0)
    assert [one.keyword for one in found] == ["loud"]
