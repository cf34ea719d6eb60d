"""`Detector`: the same events for any blocks, types and channels."""

import numpy as np
import pytest

from kws.config import DecisionConfig
from kws.errors import AudioError, ConfigError
from kws.evaluate.scoring import score_recording
from kws.runtime import Detector, Event, open_runner
from tests.tiny_model import STEP_S, bursts, tiny_spec, write_tiny_model

SIZES = [1, 7, 160, 1280, 100_000]


def events_in_blocks(detector, samples, size):
    starts = range(0, samples.shape[-1], size)
    return [event for start in starts for event in detector.process(samples[..., start : start + size])]


@pytest.fixture
def detector(model_path):
    return Detector.open(model_path)


def test_hears_each_burst_once(detector):
    events = detector.process(bursts())
    assert [event.keyword for event in events] == ["loud", "loud"]
    for event, start_s in zip(events, (1.0, 3.0), strict=True):
        # Two steps of 40 ms until the features are loud, one more until the average of two scores is.
        assert start_s < event.time_s <= start_s + 0.16
        assert event.time_s == pytest.approx(round(event.time_s / STEP_S) * STEP_S)
        assert 0.5 <= event.score <= 1.0 and event.channel == 0


@pytest.mark.parametrize("dtype", [np.int16, np.float32])
@pytest.mark.parametrize("size", SIZES)
def test_blocks_and_types_do_not_matter(detector, model_path, size, dtype):
    samples = bursts()
    expected = Detector.open(model_path).process(samples)
    given = samples if dtype is np.int16 else samples.astype(np.float32) / np.float32(32768)
    assert events_in_blocks(detector, given, size) == expected
    assert len(expected) == 2


@pytest.mark.parametrize("size", [333, 1280, 5000])
def test_scores_are_the_same_to_the_bit(model_path, size):
    samples = bursts()
    heard = []
    detector = Detector.open(model_path, on_scores=heard.append)
    events_in_blocks(detector, samples, size)
    detector.flush()
    assert np.array_equal(np.concatenate(heard, axis=1), score_recording(open_runner(model_path), samples))


def test_reset_starts_at_zero_again(detector):
    samples = bursts(duration_s=2.03, starts_s=(1.0,))
    first = detector.process(samples)
    detector.reset()
    assert detector.process(samples) == first


def test_time_goes_on_between_calls(detector):
    samples = bursts(duration_s=2.0, starts_s=(1.0,))
    first, second = detector.process(samples)[0], detector.process(samples)[0]
    assert second.time_s == pytest.approx(first.time_s + 2.0, abs=0.041)


def test_channels_are_decided_on_their_own(detector, model_path):
    left, right = bursts((1.0,)), bursts((2.0,), seed=5)
    events = detector.process(np.stack([left, right]))
    assert [event.channel for event in events] == [0, 1]
    assert events[0] == Detector.open(model_path).process(left)[0]
    alone = Detector.open(model_path).process(right)[0]
    assert events[1].time_s == alone.time_s and events[1].score == pytest.approx(alone.score, abs=1e-6)


def test_one_channel_as_a_matrix(detector, model_path):
    samples = bursts()
    assert detector.process(samples[np.newaxis]) == Detector.open(model_path).process(samples)


def test_number_of_channels_is_fixed_until_reset(detector):
    detector.process(np.zeros((2, 100), np.int16))
    with pytest.raises(AudioError, match="samples have 1 channels; this stream has 2"):
        detector.process(np.zeros(100, np.int16))
    detector.reset()
    assert detector.process(np.zeros(100, np.int16)) == []


def test_bad_samples_leave_the_stream_as_it_was(detector, model_path):
    samples = bursts()
    expected = Detector.open(model_path).process(samples)
    events = detector.process(samples[:20_000])
    bad = np.full(2000, 0.1, np.float32)
    for value in (np.nan, np.inf, 20_000.0):
        bad[-1] = value
        with pytest.raises(AudioError):
            detector.process(bad)
    assert events + detector.process(samples[20_000:]) == expected


@pytest.mark.parametrize(
    "samples", [np.zeros(10, np.int32), np.zeros((2, 2, 10), np.float32), np.zeros((100, 5), np.int16), ["a"]]
)
def test_other_types_and_shapes(detector, samples):
    with pytest.raises(AudioError, match="samples"):
        detector.process(samples)


def test_nothing_one_sample_and_silence(detector):
    assert detector.process(np.zeros(0, np.int16)) == []
    assert detector.flush() == []
    assert detector.process(np.zeros(1, np.float32)) == []
    assert detector.process(np.zeros(50_000, np.float64)) == []
    assert detector.flush() == []


def test_strided_and_read_only_samples(detector, model_path):
    samples = bursts()
    expected = Detector.open(model_path).process(samples)
    strided = np.repeat(samples, 2)[::2]
    strided.flags.writeable = False
    assert detector.process(strided) == expected


def test_flush_decides_the_last_whole_steps(detector):
    # Silence up to the middle of a block, then loud for one step and a half.
    samples = bursts((1.0,), duration_s=2.0)
    n_heard = next(n for n in range(16_000, 32_000, 640) if detector_events(detector, samples[:n]))
    assert n_heard % 1280 == 640
    detector.reset()
    assert detector.process(samples[:n_heard]) == []
    assert len(detector.flush()) == 1


def detector_events(detector, samples):
    detector.reset()
    return detector.process(samples) + detector.flush()


def test_threshold_overrides_the_spec(model_path):
    assert Detector.open(model_path).spec.decision_of("loud").threshold == 0.5
    strict = Detector.open(model_path, threshold=1.0)
    assert strict.spec.decision_of("loud").threshold == 1.0
    assert strict.spec.decision_of("loud").smoothing_steps == 2
    assert strict.process(bursts()) == []


@pytest.mark.parametrize("threshold", [-0.1, 1.1, float("nan")])
def test_threshold_out_of_range(model_path, threshold):
    with pytest.raises(ConfigError, match="threshold"):
        Detector.open(model_path, threshold)


def test_keywords_have_their_own_rules(tmp_path):
    rules = {"loud": DecisionConfig(refractory_s=0.5), "louder": DecisionConfig(threshold=1.0)}
    path = write_tiny_model(tmp_path / "two.onnx", tiny_spec(keywords=("loud", "louder"), decision=rules))
    assert [event.keyword for event in Detector.open(path).process(bursts())] == ["loud", "loud"]
    both = Detector.open(path, threshold=0.5).process(bursts())
    assert [event.keyword for event in both] == ["loud", "louder"] * 2 or {e.keyword for e in both} == {
        "loud",
        "louder",
    }


def test_events_are_plain_values():
    assert Event("a", 1.0, 0.5, 0) == Event("a", 1.0, 0.5, 0)
    with pytest.raises(AttributeError):
        Event("a", 1.0, 0.5, 0).score = 1.0


def test_default_rule_block_is_80_ms(detector):
    assert detector.block_samples == 1280


class Script:
    """A runner that gives scores that were written down: `(C, steps, 1)`, as many channels as it is asked for."""

    def __init__(self, scores):
        self.spec = tiny_spec(decision={"loud": DecisionConfig(threshold=0.5, rearm_ratio=0.5, refractory_s=0.2)})
        self.scores, self.step = np.array(scores, np.float32)[:, :, None], 0

    def run(self, inputs):
        self.step += inputs.shape[1] // 4
        return self.scores[: len(inputs), self.step - inputs.shape[1] // 4 : self.step]

    def reset(self):
        self.step = 0

    def select(self, channels):
        raise AssertionError("all channels differ from the start")


def told(scores, fusion, samples=None):
    """Return step, channel and score of the events that are made of scores, one row a channel."""
    detector = Detector(Script(scores), fusion=fusion)
    n_samples = 640 * len(scores[0])
    if samples is None:
        samples = np.random.default_rng(0).normal(0, 0.01, (len(scores), n_samples))
    events = detector.process(samples.astype(np.float32)) + detector.flush()
    return [(round(event.time_s / STEP_S) - 1, event.channel, pytest.approx(event.score)) for event in events]


def peaks(n_steps, **steps):
    """Return scores of zero but for some: `s3=0.9` is 0.9 at step 3."""
    track = [0.0] * n_steps
    for step, score in steps.items():
        track[int(step[1:])] = score
    return track


def test_any_tells_a_word_once():
    # 0.5 s are 13 steps of 40 ms.
    tracks = [peaks(40, s4=0.6), peaks(40, s16=0.9, s30=0.7), peaks(40, s8=0.9, s17=0.8)]
    assert told(tracks, "any") == [(4, 0, 0.6), (17, 2, 0.8), (30, 1, 0.7)]


def test_any_tells_the_highest_of_one_step():
    assert told([peaks(10, s4=0.6), peaks(10, s4=0.9), peaks(10, s4=0.9)], "any") == [(4, 1, 0.9)]


def test_any_leaves_a_channel_its_own_refractory_time():
    # 0.2 s are 5 steps; a channel that repeats itself says another word, another channel does not.
    assert told([peaks(20, s4=0.6, s9=0.6), peaks(20, s10=0.9)], "any") == [(4, 0, 0.6), (9, 0, 0.6)]
    assert told([peaks(20, s4=0.6, s9=0.6)], "any") == [(4, 0, 0.6), (9, 0, 0.6)]


def test_max_decides_on_the_highest_score():
    tracks = [peaks(40, s4=0.6, s20=0.4), peaks(40, s4=0.7, s10=0.9, s21=0.3)]
    assert told(tracks, "max") == [(4, 1, 0.7), (10, 1, 0.9)]
    # What never falls on one of the channels does not arm again.
    assert told([[0.3] * 20, peaks(20, s4=0.7, s10=0.9)], "max") == [(4, 1, 0.7)]


def test_vote_wants_half_of_the_channels():
    tracks = [peaks(40, s4=0.9, s20=0.6), peaks(40, s20=0.8, s30=0.6), peaks(40, s30=0.7), peaks(40, s20=0.7, s30=0.8)]
    # Of four and of three the second highest counts; its channel is told.
    assert told(tracks, "vote") == [(20, 3, 0.7), (30, 2, 0.7)]
    assert told(tracks[:3], "vote") == [(20, 0, 0.6), (30, 1, 0.6)]
    assert told(tracks[:2], "vote") == [(4, 0, 0.9), (20, 1, 0.8), (30, 1, 0.6)]


def test_best_decides_on_the_channel_that_stands_out():
    samples = np.random.default_rng(0).normal(0, 0.01, (2, 640 * 60))
    samples[1, 640 * 40 : 640 * 55] *= 10
    tracks = [peaks(60, s30=0.6, s50=0.9), peaks(60, s28=0.9, s50=0.8, s51=0.7)]
    samples[0, 640 * 10 : 640 * 20] *= 3
    assert told(tracks, "best", samples) == [(30, 0, 0.6), (50, 1, 0.8)]


@pytest.mark.parametrize("fusion", ["any", "vote", "max", "best"])
def test_one_channel_is_decided_alike(model_path, fusion):
    samples = bursts()
    expected = Detector.open(model_path).process(samples)
    assert Detector.open(model_path, fusion=fusion).process(samples) == expected and len(expected) == 2


@pytest.mark.parametrize("fusion", ["any", "vote", "max", "best"])
@pytest.mark.parametrize("size", SIZES)
def test_blocks_do_not_matter_on_several_channels(model_path, fusion, size):
    samples = np.stack([bursts((1.0,)), bursts((1.1, 2.0), seed=3), bursts((2.0,), seed=3)])[:, :50_000]
    samples[2] //= 2
    expected = Detector.open(model_path, fusion=fusion).process(samples)
    assert events_in_blocks(Detector.open(model_path, fusion=fusion), samples, size) == expected
    assert [round(event.time_s) for event in expected] == [1, 2]


@pytest.mark.parametrize("fusion", ["any", "vote", "max", "best"])
def test_copies_of_one_microphone_are_one(model_path, fusion):
    samples = bursts()
    detector = Detector.open(model_path, fusion=fusion)
    assert detector.process(np.stack([samples] * 4)) == Detector.open(model_path).process(samples)


def test_unknown_fusion(model_path):
    with pytest.raises(ConfigError, match="fusion is 'min'.*accepted are: any, best, max, vote"):
        Detector.open(model_path, fusion="min")


def test_spec_with_other_rules(model_path):
    runner = open_runner(model_path)
    strict = Detector(runner, spec=runner.spec.with_rule(threshold=1.0))
    assert strict.spec.decision_of("loud").threshold == 1.0 and strict.process(bursts()) == []
