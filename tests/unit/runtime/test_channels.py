"""`ChannelPlan`, `ChannelMixer`, `BestRow`: what is heard of several channels."""

import numpy as np
import pytest

from kws.errors import AudioError, ConfigError
from kws.runtime.beamformer import LATENCY_SAMPLES, Beamformer
from kws.runtime.channels import AUTO, BEAM_LABEL, FUSIONS, BestRow, ChannelPlan


def noise(n_channels: int, n_samples: int = 4000, scale: float = 0.1) -> np.ndarray:
    return np.random.default_rng(1).normal(0, scale, (n_channels, n_samples)).astype(np.float32)


@pytest.mark.parametrize(
    ("text", "labels", "fusion"),
    [
        ("all", (0, 1, 2, 3), "any"),
        ("vote", (0, 1, 2, 3), "vote"),
        ("max", (0, 1, 2, 3), "max"),
        ("best", (0, 1, 2, 3), "best"),
        ("mean", (0,), "any"),
        ("beam", (BEAM_LABEL,), "any"),
        ("all+beam", (0, 1, 2, 3, BEAM_LABEL), "any"),
        ("max+beam", (0, 1, 2, 3, BEAM_LABEL), "max"),
        ("0,2", (0, 2), "any"),
        ("3", (3,), "any"),
        ("1-3", (1, 2, 3), "any"),
        ("2, 0-1,2", (0, 1, 2), "any"),
        (" max:0,2", (0, 2), "max"),
        ("best+beam:1-2", (1, 2, BEAM_LABEL), "best"),
        ("mean:2,3", (2,), "any"),
        ("all:0-3", (0, 1, 2, 3), "any"),
    ],
)
def test_what_users_write(text, labels, fusion):
    plan = ChannelPlan.parse(text)
    assert plan.open(4).labels == labels and plan.fusion == fusion
    assert plan.open(4).process(noise(4)).shape == (len(labels), 4000)


@pytest.mark.parametrize(
    "text",
    [
        *("", "some", "-1", "0,", ",", "0-", "3-1", "64", "0-64", "1.5", "max:", "max:a", "²", "1e9", "0-99999999999"),
        *("mean+beam", "beam+beam", "+beam", "max beam", "0,2+beam", "auto+beam", "vote+beam"),
    ],
)
def test_what_is_refused(text):
    with pytest.raises(ConfigError, match="channels is .*; accepted are auto, all, vote, max") as error:
        ChannelPlan.parse(text)
    assert repr(text) in str(error.value) and "\n" not in str(error.value)


def test_auto_is_one_of_the_others():
    assert ChannelPlan.parse("auto") == ChannelPlan.parse(AUTO)
    assert ChannelPlan.parse("auto:0,1") == ChannelPlan.parse(f"{AUTO}:0,1")
    assert ChannelPlan.parse("auto").fusion in FUSIONS


def test_channels_that_a_device_must_have():
    assert ChannelPlan.parse("max").min_channels == 1 and not ChannelPlan.parse("max").names_channels
    assert ChannelPlan.parse("0,2").min_channels == 3 and ChannelPlan.parse("0,2").names_channels
    with pytest.raises(ConfigError, match="channel 2 was asked for and the source has 2; accepted are 0 to 1"):
        ChannelPlan.parse("0,2").open(2)


@pytest.mark.parametrize("text", ["auto", "all", "vote", "max", "mean", "best", "beam", "max+beam", "0"])
def test_one_channel_passes_as_it_is(text):
    samples = noise(1)
    mixer = ChannelPlan.parse(text).open(1)
    assert mixer.process(samples) is samples and mixer.labels == (0,)


def test_one_channel_of_many_passes_alone():
    samples = noise(3)
    mixer = ChannelPlan.parse("beam:1").open(3)
    assert np.array_equal(mixer.process(samples), samples[1:2]) and mixer.labels == (1,)


def test_mean():
    samples = np.array([[1, 2], [3, 6], [5, 1]], np.float32) / 8
    assert np.allclose(ChannelPlan.parse("mean").open(3).process(samples), [[3 / 8, 3 / 8]])
    assert np.allclose(ChannelPlan.parse("mean:0,2").open(3).process(samples), [[3 / 8, 1.5 / 8]])


@pytest.mark.parametrize("text", ["mean", "beam", "max+beam", "1,3"])
def test_chunks_do_not_matter(text):
    samples = noise(9)
    expected = ChannelPlan.parse(text).open(9).process(samples)
    mixer = ChannelPlan.parse(text).open(9)
    sizes = [1, 1, 7, 500, 12, 1280, 4000]
    cuts = np.cumsum(sizes)[:-1]
    parts = [mixer.process(part) for part in np.split(samples, cuts, axis=1)]
    assert np.array_equal(np.concatenate(parts, axis=1), expected)


def test_the_beam_is_one_more_row():
    samples = noise(3)
    rows = ChannelPlan.parse("max+beam").open(3).process(samples)
    assert np.array_equal(rows[:3], samples)
    assert np.array_equal(rows[3:], Beamformer(3).process(samples))


def test_reset_forgets_the_beam():
    samples = noise(2)
    mixer = ChannelPlan.parse("beam").open(2)
    first = mixer.process(samples)
    assert not np.array_equal(mixer.process(samples)[:, :LATENCY_SAMPLES], first[:, :LATENCY_SAMPLES])
    mixer.reset()
    assert np.array_equal(mixer.process(samples), first)


@pytest.mark.parametrize("shape", [(1, 10), (3, 10), (2,)])
def test_other_numbers_of_channels(shape):
    with pytest.raises(AudioError, match=r"accepted is \(2, N\)"):
        ChannelPlan.parse("max").open(2).process(np.zeros(shape, np.float32))


def with_word(loud_row: int) -> np.ndarray:
    """Two rows of equal noise for 2 s, then 0.5 s of sound that is 20 dB louder in one of them, then 2 s of noise."""
    samples = noise(2, 72_000, 0.01)
    samples[loud_row, 32_000:40_000] *= 10
    samples[1 - loud_row, 32_000:40_000] *= 3
    return samples


@pytest.mark.parametrize("loud_row", [0, 1])
def test_best_row_is_where_the_word_stands_out(loud_row):
    best, samples = BestRow(2), with_word(loud_row)
    found = [best.update(samples[:, start : start + 1280]) for start in range(0, 56_000, 1280)]
    # From soon after the word's start to a second after its end.
    assert set(found[27:]) == {loud_row}


def test_best_row_fades():
    best, samples = BestRow(2), with_word(1)
    best.update(samples[:, :40_000])
    later = np.random.default_rng(2).normal(0, 0.01, (2, 6 * 16_000)).astype(np.float32)
    later[0, -8000:] *= 4
    assert best.update(later[:, :1280]) == 1 and best.update(later[:, 1280:]) == 0


def test_best_row_of_a_louder_channel_is_not_the_noisier_one():
    samples = with_word(0)
    samples[1] *= 8
    assert BestRow(2).update(samples[:, :42_000]) == 0


def test_best_row_of_silence_and_of_a_dead_channel():
    assert BestRow(3).update(np.zeros((3, 5000), np.float32)) == 0
    assert BestRow(2).update(np.zeros((2, 1), np.float32)) == 0
    samples = with_word(1)
    samples[0] = 0.0
    assert BestRow(2).update(samples[:, :42_000]) == 1
