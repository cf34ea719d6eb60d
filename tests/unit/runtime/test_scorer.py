"""`Scorer`: identical channels are computed once, and nobody can tell from the scores."""

import numpy as np
import pytest

from kws.config import FrontEndConfig
from kws.runtime import Scorer, open_runner
from tests.tiny_model import N_BANDS, tiny_spec, write_tiny_model

N_SAMPLES = 12_000
# The last bit may depend on how many channels the runtime is given at once.
TOLERANCE = 1e-6


def noise(seed: int, n_samples: int = N_SAMPLES) -> np.ndarray:
    return np.random.default_rng(seed).normal(0, 0.1, n_samples).astype(np.float32)


def scores_of(scorer: Scorer, samples: np.ndarray, size: int = N_SAMPLES) -> np.ndarray:
    cuts = range(0, samples.shape[-1], size)
    blocks = [block for start in cuts for block in scorer.process(samples[..., start : start + size])]
    return np.concatenate([*blocks, scorer.flush()], axis=1)


@pytest.fixture(params=["log", "pcen"])
def path(request, tmp_path):
    """A model with states, on features with a state of their own and without."""
    front_end = FrontEndConfig(n_bands=N_BANDS, compression=request.param)
    return write_tiny_model(tmp_path / "tiny.onnx", tiny_spec(front_end=front_end))


def alone(path, samples: np.ndarray) -> np.ndarray:
    """Return the scores of every channel by a scorer of its own."""
    return np.concatenate([scores_of(Scorer(open_runner(path)), row) for row in samples])


def departing(where: int) -> np.ndarray:
    """Return five channels: 0, 1 and 3 the same until 3 departs, 2 and 4 the same until 4 departs a block later."""
    samples = np.stack([noise(1), noise(1), noise(2), noise(1), noise(2)])
    samples[3, where:] = noise(3)[where:]
    samples[4, min(where + 1280, N_SAMPLES - 1) :] = 0.0
    return samples


@pytest.mark.parametrize("size", [1, 333, 1280, N_SAMPLES])
@pytest.mark.parametrize("where", [0, 1, 1279, 1280, 4000, N_SAMPLES - 1])
def test_scores_are_those_of_every_channel_all_along(path, where, size):
    samples = departing(where)
    scorer = Scorer(open_runner(path))
    found = scores_of(scorer, samples, size)
    assert np.abs(found - alone(path, samples)).max() < TOLERANCE
    # The copy that stays gives the same to the bit, for it is the same.
    assert np.array_equal(found[0], found[1])


def test_only_what_differs_is_computed(path):
    scorer = Scorer(open_runner(path))
    assert scorer.n_computed == 0
    samples = departing(4000)
    computed = []
    for start in range(0, 7680, 1280):
        list(scorer.process(samples[:, start : start + 1280]))
        computed.append(scorer.n_computed)
    assert computed == [2, 2, 2, 3, 4, 4]


def test_copies_that_meet_again_are_not_joined(path):
    # Their pasts differ, and with them the states.
    samples = departing(1280)
    samples[3, 2560:] = samples[0, 2560:]
    scorer = Scorer(open_runner(path))
    found = scores_of(scorer, samples)
    assert scorer.n_computed == 4
    assert np.abs(found - alone(path, samples)).max() < TOLERANCE


def test_reset_joins_all(path):
    scorer = Scorer(open_runner(path))
    samples = departing(0)
    first = scores_of(scorer, samples)
    scorer.reset()
    assert scorer.n_computed == 0 and scorer.n_channels == 0
    same = np.stack([noise(1)] * 3)
    assert np.array_equal(scores_of(scorer, same)[2:], alone(path, same[:1])) and scorer.n_computed == 1
    scorer.reset()
    assert np.array_equal(scores_of(scorer, samples), first)


def test_silence_that_begins_to_speak(path):
    samples = np.zeros((2, N_SAMPLES), np.float32)
    samples[1, 5000:] = noise(1)[5000:]
    scorer = Scorer(open_runner(path))
    assert np.abs(scores_of(scorer, samples) - alone(path, samples)).max() < TOLERANCE


def test_int16_and_float_copies_are_found_alike(path):
    samples = (departing(4000) * 32767).astype(np.int16)
    scorer = Scorer(open_runner(path))
    found = scores_of(scorer, samples)
    assert scorer.n_computed == 4
    assert np.array_equal(found, scores_of(Scorer(open_runner(path)), samples.astype(np.float32) / 32768))


def test_heard_is_what_the_scores_are_of(path):
    scorer, samples = Scorer(open_runner(path)), departing(4000)[:, :3200]
    heard = [scorer.heard.copy() for _ in scorer.process(samples)]
    assert scorer.flush().shape[1] == 1
    assert np.array_equal(np.concatenate([*heard, scorer.heard], axis=1), samples)
