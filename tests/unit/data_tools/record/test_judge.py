import numpy as np
import pytest

from data_tools.record import Rejection, Take, TakeConfig, judge
from data_tools.record.detector import Stretch
from data_tools.record.take import broken_edge, find_word, noise_level
from tests.unit.data_tools.record.sounds import n_samples, quiet, session, stretches, word


def verdict(*parts, config=None, finish=False):
    samples = session(*parts)
    found, detector = stretches(samples, config=config)
    found += detector.finish() if finish else []
    (stretch,) = found
    return judge(stretch, config or TakeConfig())


def code(*parts, **how):
    found = verdict(*parts, **how)
    assert isinstance(found, Rejection) and found.what and found.advice
    return found.code


def test_a_good_take_keeps_a_margin_around_the_word():
    take = verdict(quiet(1.0), word(0.5), quiet(1.0))
    assert isinstance(take, Take)
    # The sound is found to 10 ms; it may begin up to 32 ms within a piece of the voice detector.
    assert take.word_s == pytest.approx(0.5, abs=0.02)
    assert take.start == pytest.approx(n_samples(0.85), abs=n_samples(0.02))
    assert take.duration_s == pytest.approx(0.8, abs=0.03)
    # A sine of peak 0.3: 0.3 / sqrt(2) is -13.5 dB; the hangover counts the margin behind it too, 10 log(0.5 / 0.65).
    assert take.level_dbfs == pytest.approx(-14.6, abs=0.3)
    # Its noise is at -60 dB.
    assert take.snr_db == pytest.approx(46.5, abs=1.5)
    assert take.n_flat_tops == 0 and take.channel == 0


def test_what_is_wrong_is_named():
    assert code(quiet(1.0), word(0.06), quiet(1.0)) == "not-speech"
    assert code(quiet(1.0), word(0.18), quiet(1.0), config=TakeConfig(min_word_s=0.3)) == "too-short"
    assert code(quiet(1.0), np.clip(word(0.5, 3.0), -0.99, 0.99), quiet(1.0)) == "clipped"
    assert code(quiet(1.0) / 10, word(0.5, 0.0065), quiet(1.0) / 10) == "too-quiet"
    assert code(word(0.5), quiet(1.0)) == "cut"
    assert "beginning" in verdict(word(0.5), quiet(1.0)).what
    assert "end" in verdict(quiet(1.0), word(0.5), finish=True).what
    assert (
        judge(Stretch(np.zeros((1, 0), np.float32), 0, (0, 0), 9.0, is_too_long=True), TakeConfig()).code == "too-long"
    )


def test_a_word_that_ends_before_the_recording_is_whole():
    take = verdict(quiet(1.0), word(0.5), quiet(0.2), finish=True)
    assert isinstance(take, Take) and take.duration_s == pytest.approx(0.8, abs=0.03)


def test_the_channel_that_stands_out_is_taken_and_all_are_kept():
    noise = np.random.default_rng(1).normal(0.0, 0.005, n_samples(2.5)).astype(np.float32)
    clear = session(quiet(1.0), word(0.5), quiet(1.0))[0]
    found, _ = stretches(np.stack([clear / 2 + noise, clear]), config=TakeConfig(start_probability=0.5))
    take = judge(found[0], TakeConfig())
    assert isinstance(take, Take) and take.channel == 1 and take.channels.shape == (2, len(take.samples))
    np.testing.assert_array_equal(take.channels[1], take.samples)


def test_a_click_louder_than_the_word_is_not_the_word():
    samples = session(quiet(0.45), word(0.4, 0.05), quiet(0.45))[0].copy()
    samples[100:160] = 0.9
    speech = n_samples(0.45), n_samples(0.85)
    first, last = find_word(samples, speech)
    assert first == pytest.approx(speech[0], abs=n_samples(0.02)) and last == pytest.approx(
        speech[1], abs=n_samples(0.02)
    )


def test_what_is_surely_speech_is_in_the_word_however_quiet():
    # The first half is 30 dB below the second: out of the range of the energy.
    samples = session(quiet(0.45) / 100, word(0.4, 0.01), word(0.4, 0.3), quiet(0.45) / 100)[0]
    first, _ = find_word(samples, (n_samples(0.45), n_samples(1.25)))
    assert first <= n_samples(0.55)


def test_noise_is_measured_around_the_word_only():
    samples = session(quiet(0.5), word(0.5), quiet(0.5))[0]
    assert noise_level(samples, (n_samples(0.5), n_samples(1.0))) == pytest.approx(-60.0, abs=0.5)
    assert noise_level(samples, (0, len(samples))) == -120.0


def test_a_sound_that_breaks_off_into_digital_silence_is_cut():
    zeros = np.zeros(n_samples(1.0), np.float32)
    found = verdict(quiet(1.0), word(0.5), zeros)
    assert (found.code, found.what) == ("cut", "cut off at its end by digital silence")
    assert verdict(zeros, word(0.5), quiet(1.0)).what == "cut off at its beginning by digital silence"
    # A recording that fades out first, as a noise gate makes it, and a few zeros inside a sound.
    fade = np.linspace(1.0, 0.0, n_samples(0.1), dtype=np.float32) * word(0.1)
    assert isinstance(verdict(quiet(1.0), word(0.5), fade, zeros), Take)
    assert broken_edge(np.concatenate([word(0.1), zeros[:100], word(0.1)])) == ""
    assert broken_edge(zeros) == broken_edge(zeros[:0]) == ""
