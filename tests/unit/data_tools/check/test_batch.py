"""Scrambled axes and shifted labels of a batch, told by numbers."""

import dataclasses

import numpy as np
import pytest

from data_tools.check.batch import BatchView, check_batch, figures
from data_tools.check.findings import Severity
from kws.errors import DataError

N_STREAMS, N_FRAMES, N_BANDS, N_STEPS = 24, 400, 40, 100
DURATION_S = 4.0


def smooth(values: np.ndarray, axis: int, length: int) -> np.ndarray:
    kernel = np.ones(length) / length**0.5
    return np.apply_along_axis(lambda row: np.convolve(row, kernel, mode="same"), axis, values)


@pytest.fixture
def batch() -> BatchView:
    """Streams of smooth noise with a loud word of 0.6 s in each; labels for 0.3 s from where it ends."""
    rng = np.random.default_rng(0)
    features = smooth(smooth(rng.standard_normal((N_STREAMS, N_FRAMES, N_BANDS)), 1, 12), 2, 8)
    labels = np.zeros((N_STREAMS, N_STEPS, 1), np.float32)
    for stream in range(N_STREAMS):
        end = int(rng.integers(40, 65))
        features[stream, 4 * end - 60 : 4 * end] += 3.0
        labels[stream, end : end + 8] = 1.0
    return BatchView(features.astype(np.float32), labels.astype(np.int8), labels, ("up",), DURATION_S)


def codes(batch: BatchView) -> list[str]:
    findings = list(check_batch(batch))
    assert all(finding.severity == Severity.ERROR for finding in findings)
    return [finding.code for finding in findings]


def shifted(batch: BatchView, steps: int) -> BatchView:
    return dataclasses.replace(
        batch, windows=np.roll(batch.windows, steps, axis=1), labels=np.roll(batch.labels, steps, axis=1)
    )


def test_a_right_batch_has_no_finding(batch: BatchView) -> None:
    found = figures(batch)
    assert found.frame_correlation > 0.9 and found.band_correlation > 0.8
    assert found.label_lag_s == pytest.approx(0.0, abs=0.05)
    assert found.n_ends == N_STREAMS
    assert codes(batch) == []


def test_a_reshape_in_place_of_a_transpose_is_told(batch: BatchView) -> None:
    transposed = np.ascontiguousarray(batch.features.transpose(0, 2, 1))
    scrambled = dataclasses.replace(batch, features=transposed.reshape(batch.features.shape))
    assert codes(scrambled) == ["axes-scrambled"]


@pytest.mark.parametrize("steps", [-12, 12])
def test_labels_shifted_by_half_a_second_are_told(batch: BatchView, steps: int) -> None:
    found = figures(shifted(batch, steps))
    assert found.label_lag_s == pytest.approx(-steps * 0.04, abs=0.05)
    assert codes(shifted(batch, steps)) == ["batch-labels-shifted"]


def test_the_axes_of_streams_and_steps_may_not_be_exchanged(batch: BatchView) -> None:
    with pytest.raises(DataError, match=r"accepted are \(B, T, F\)"):
        dataclasses.replace(batch, labels=batch.labels.transpose(1, 0, 2))
    with pytest.raises(DataError, match="1 keywords"):
        dataclasses.replace(batch, windows=np.repeat(batch.windows, 2, 2), labels=np.repeat(batch.labels, 2, 2))


def test_few_words_say_nothing_of_labels(batch: BatchView) -> None:
    few = dataclasses.replace(batch, labels=np.where(np.arange(N_STREAMS)[:, None, None] < 7, batch.labels, 0.0))
    found = figures(few)
    assert np.isnan(found.label_lag_s) and np.isnan(found.contrast) and found.n_ends == 7
    assert codes(few) == []


def test_noise_and_silence_are_no_scramble(batch: BatchView) -> None:
    rng = np.random.default_rng(1)
    noise = rng.standard_normal(batch.features.shape).astype(np.float32)
    assert codes(dataclasses.replace(batch, features=noise)) == []
    assert codes(dataclasses.replace(batch, features=np.zeros_like(noise))) == []
