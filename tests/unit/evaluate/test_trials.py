"""Trials: what is made, where the word is, and that nothing else moves when one thing changes."""

import numpy as np
import pytest

from kws.errors import ConfigError, DataError
from kws.evaluate.negatives import divide, fold_key, join_negatives
from kws.evaluate.recordings import Recording
from kws.evaluate.results import NEGATIVES
from kws.evaluate.trials import Material, TrialSettings, make_trials


def recording(name: str, speaker: str = "", seconds: float = 1.0, seed: int = 0, **attributes: str) -> Recording:
    rng = np.random.default_rng([seed, *name.encode()])
    samples = (0.1 * rng.standard_normal(round(seconds * 16_000))).astype(np.float32)
    return Recording(name, samples, speaker, attributes, (0.25, 0.75) if seconds == 1.0 else None)


def response(name: str, delay: int) -> Recording:
    samples = np.zeros(2_000, np.float32)
    samples[delay] = 0.5
    samples[delay + 100] = 0.25
    return Recording(name, samples)


WORDS = [recording(f"w{i}", f"s{i % 2}", gender="female") for i in range(4)]
MATERIAL = Material(
    {"go": WORDS},
    {"radio": [recording(f"r{i}", "reader", 40.0) for i in range(3)]},
    [recording("hum", seconds=9.0)],
    [recording("long", "t", 8.0), recording("short", "t", 2.0)],
    [response("hall", 160), response("bath", 480)],
)


def test_conditions_and_numbers():
    trials = make_trials(MATERIAL, TrialSettings(noise_snr_db=(10.0, 0.0), mixes=3))
    counts = {}
    for trial in trials:
        counts[trial.condition] = counts.get(trial.condition, 0) + 1
    assert counts == {"clean": 4, "noise 10 dB": 12, "noise 0 dB": 12, "speech 10 dB": 12, "far": 12, NEGATIVES: 2}
    assert len({trial.name for trial in trials}) == len(trials)


def test_what_a_trial_says_of_itself():
    trials = {trial.name: trial for trial in make_trials(MATERIAL, TrialSettings(mixes=1))}
    noisy = trials["noise 10 dB: w1 #1"]
    assert (noisy.keyword, noisy.speaker, noisy.sources) == ("go", "s1", ("w1", "hum"))
    assert noisy.attributes == {"gender": "female", "snr_db": "10"}
    # 1.5 s before the recording, and the word ends 0.75 s into it.
    assert noisy.word_ends_s == (2.25,)
    assert noisy.audio_s == 3.5
    assert trials["clean: w1"].attributes == {"gender": "female"}
    # The talker is one that speaks for longer than 3 s.
    assert trials["speech 10 dB: w0 #1"].sources == ("w0", "long")


def test_word_in_a_room_ends_later_by_the_direct_path():
    far = [trial for trial in make_trials(MATERIAL, TrialSettings(mixes=5)) if trial.condition == "far"]
    delays = {trial.attributes["rir"]: trial.word_ends_s[0] - 2.25 for trial in far}
    assert delays == pytest.approx({"hall": 0.01, "bath": 0.03})
    for trial in far:
        end = round(trial.word_ends_s[0] * 16_000)
        word = trial.samples[end - 8_000 : end]
        dry = WORDS[int(trial.sources[0][1])].samples[4_000:12_000]
        assert np.sqrt(np.mean(word**2)) == pytest.approx(np.sqrt(np.mean(dry**2)), rel=1e-3)


def test_simulated_rooms_have_a_distance():
    trials = make_trials(Material({"go": WORDS}), TrialSettings((), (), rooms=2, mixes=2))
    rooms = [trial for trial in trials if trial.condition == "far simulated"]
    assert len(rooms) == 8
    assert {trial.attributes["distance_m"] for trial in rooms} <= {"1", "2"}


def test_same_seed_same_trials_and_another_condition_changes_none():
    few = make_trials(MATERIAL, TrialSettings(mixes=2, seed=5))
    more = {trial.name: trial for trial in make_trials(MATERIAL, TrialSettings((10.0, 5.0), (10.0, 0.0), 0, 3, 5))}
    assert all(np.array_equal(trial.samples, more[trial.name].samples) for trial in few)
    other = make_trials(MATERIAL, TrialSettings(mixes=2, seed=6))
    same = [np.array_equal(a.samples, b.samples) for a, b in zip(few, other, strict=True)]
    # Words as recorded and negatives have nothing that is drawn.
    drawn = [trial.condition not in ("clean", NEGATIVES) and trial.condition != "far" for trial in few]
    assert not any(s for s, d in zip(same, drawn, strict=True) if d)
    assert all(s for s, t in zip(same, few, strict=True) if t.condition in ("clean", NEGATIVES))


@pytest.mark.parametrize(("n", "mixes"), [(1, 5), (44, 5), (50, 5), (51, 4), (125, 2), (126, 1), (1000, 1)])
def test_mixes_make_about_250_trials(n, mixes):
    assert TrialSettings().mixes_of(n) == mixes
    assert TrialSettings(mixes=7).mixes_of(n) == 7


@pytest.mark.parametrize(
    "changes",
    [{"noise_snr_db": (float("nan"),)}, {"speech_snr_db": (99.0,)}, {"mixes": 0}, {"rooms": -1}, {"seed": -1}],
)
def test_settings_out_of_range(changes):
    with pytest.raises(ConfigError, match=next(iter(changes))):
        TrialSettings(**changes)


def test_nothing_to_lay_under():
    with pytest.raises(DataError, match="'noise 10 dB': there are no recordings"):
        make_trials(Material({"go": WORDS}))
    with pytest.raises(DataError, match="nothing to evaluate on"):
        make_trials(Material({}))


def test_negatives_alone_are_enough():
    assert [trial.condition for trial in make_trials(Material({}, MATERIAL.negatives))] == [NEGATIVES] * 2


def test_progress_is_told():
    told = []
    make_trials(Material({"go": WORDS}), TrialSettings((), ()), lambda done, total: told.append((done, total)))
    assert told == [(1, 4), (2, 4), (3, 4), (4, 4)]


def test_material_is_described_by_counts_and_fingerprints():
    parts = MATERIAL.describe()
    assert set(parts) == {"words: go", "negatives: radio", "noise", "talkers", "rirs"}
    assert (parts["words: go"]["recordings"], parts["words: go"]["speakers"]) == (4, 2)
    assert parts["negatives: radio"]["hours"] == pytest.approx(120 / 3600, abs=1e-4)
    assert len(parts["noise"]["sha256"]) == 64


def test_negatives_are_joined_to_a_minute_or_more():
    recordings = [recording(f"r{i}", "reader", 25.0, tone="low") for i in range(5)]
    first, second = join_negatives("radio", recordings, {"speaker reader": "B"})
    assert (first.name, first.condition, first.speaker, first.fold) == ("negatives: radio 1", NEGATIVES, "reader", "B")
    assert (first.audio_s, second.audio_s) == (75.0, 50.0)
    assert first.sources == ("r0", "r1", "r2") and first.source_starts_s == (0.0, 25.0, 50.0)
    assert first.attributes == {"tone": "low", "set": "radio"}
    assert np.array_equal(first.samples[400_000:800_000], recordings[1].samples)
    assert [first.source_at(t) for t in (0.0, 24.9, 25.0, 70.0)] == ["r0", "r0", "r1", "r2"]


def test_folds_are_never_joined_and_speakers_never_divided():
    recordings = [recording(f"r{i}", f"s{i % 5}", 3.0) for i in range(10)]
    folds = divide([recordings])
    trials = join_negatives("x", recordings, folds)
    assert [trial.fold for trial in trials] == ["A", "B"]
    speakers = [{r.speaker for r in recordings if r.name in trial.sources} for trial in trials]
    assert not speakers[0] & speakers[1]
    assert all(trial.speaker == "" for trial in trials)


def test_folds_are_balanced_group_by_group():
    long = [recording("a", "anna", 6.0), recording("b", "ben", 3.0), recording("c", "carl", 2.0)]
    # anna 6 s, then ben and carl to the other side.
    folds = divide([long])
    assert folds == {"speaker anna": "A", "speaker ben": "B", "speaker carl": "B"}
    # A later group keeps who has a place, and fills up the shorter fold: anna's 5 s stand in A.
    words = [recording("d", "anna", 5.0), recording("e", "dora", 4.0), recording("f", "", 2.0), recording("g", "", 1.0)]
    folds = divide([long, words])
    assert [folds[fold_key(r)] for r in words] == ["A", "B", "B", "A"]
