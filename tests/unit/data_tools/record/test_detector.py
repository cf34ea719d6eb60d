import numpy as np
import pytest

from data_tools.record import TakeConfig, TakeDetector
from tests.unit.data_tools.record.sounds import CHUNK, LoudIsSpeech, n_samples, quiet, session, stretches, word


def test_a_word_between_pauses():
    (found,), detector = stretches(session(quiet(1.0), word(0.5), quiet(1.0)))
    first, last = found.start + found.speech[0], found.start + found.speech[1]
    # To a piece of the voice detector.
    assert n_samples(1.0) - CHUNK <= first <= n_samples(1.0)
    assert n_samples(1.5) <= last <= n_samples(1.5) + CHUNK
    assert found.speech[0] == n_samples(0.45) and found.samples.shape[1] - found.speech[1] == n_samples(0.45)
    assert not (found.is_open_before or found.is_open_after or found.is_too_long or detector.is_hearing)


@pytest.mark.parametrize("block", [1, 100, 512, 4096, 40_000])
def test_blocks_of_any_size_give_the_same(block):
    samples = session(quiet(0.7), word(0.3), quiet(0.8), word(0.6), quiet(0.7))[:, :: 1 if block > 1 else 1]
    samples = samples if block > 1 else samples[:, : n_samples(1.8)]
    expected = [
        s for s in stretches(samples, 1280)[0] if s.start + s.samples.shape[1] <= samples.shape[1] // CHUNK * CHUNK
    ]
    found = stretches(samples, block)[0]
    assert [s.start for s in found] == [s.start for s in expected] and found
    for one, other in zip(found, expected, strict=True):
        np.testing.assert_array_equal(one.samples, other.samples)


def test_a_short_pause_is_inside_a_word_and_a_long_one_parts_two():
    inside = session(quiet(0.6), word(0.2), quiet(0.3), word(0.2), quiet(0.8))
    parted = session(quiet(0.6), word(0.2), quiet(0.7), word(0.2), quiet(0.8))
    assert len(stretches(inside)[0]) == 1 and len(stretches(parted)[0]) == 2


def test_speech_is_counted_without_its_pauses():
    ((found,), _) = stretches(session(quiet(1.024), word(0.256), quiet(0.256), word(0.256), quiet(1.0)))
    assert found.speech_s == pytest.approx(0.512) and found.speech[1] - found.speech[0] == n_samples(0.768)


def test_what_goes_on_is_told_once_and_kept_by_nobody():
    detector = TakeDetector(LoudIsSpeech(), TakeConfig(max_word_s=1.0))
    found = []
    for _ in range(60):
        found += detector.process(word(1.0)[None])
    assert [s.is_too_long for s in found] == [True] and found[0].samples.shape[1] == 0
    assert detector._kept.shape[1] <= n_samples(0.5)
    # After a pause all is as before.
    found += detector.process(session(quiet(1.0), word(0.4), quiet(1.0)))
    assert [s.is_too_long for s in found] == [True, False] and detector.finish() == []


def test_silence_is_not_collected():
    detector = TakeDetector(LoudIsSpeech())
    for _ in range(100):
        detector.process(quiet(1.0)[None])
    assert detector._kept.shape[1] <= n_samples(0.5)


def test_a_word_at_the_beginning_and_one_at_the_end_are_open():
    (first,), detector = stretches(session(word(0.4), quiet(1.0), word(0.4)))
    (second,) = detector.finish()
    assert first.is_open_before and not first.is_open_after and first.start == 0
    assert second.is_open_after and not second.is_open_before


def test_a_loss_ends_a_word_and_the_next_one_begins_open():
    found, detector = stretches(session(quiet(1.0), word(0.4)))
    assert found == [] and detector.is_hearing
    (cut,) = detector.finish(lost_samples=n_samples(2.0))
    assert cut.is_open_after
    (after,) = detector.process(session(word(0.4), quiet(1.0)))
    assert after.is_open_before and after.start == n_samples(3.4)


def test_the_mean_of_the_channels_is_heard_and_all_are_kept():
    mono = session(quiet(1.0), word(0.5), quiet(1.0))
    ((found,), _) = stretches(np.concatenate([mono, 0.5 * mono, 0.0 * mono]))
    assert found.samples.shape[0] == 3
    np.testing.assert_array_equal(found.samples[1], np.float32(0.5) * found.samples[0])
