"""What the gate lets through, to the sample."""

import numpy as np
import pytest

from kws.errors import AudioError, ConfigError
from kws.runtime.gate import GatedPiece, SilenceGate

RATE_HZ = 16_000
FRAME = 1280


def noise(level_db: float, seconds: float, seed: int = 0) -> np.ndarray:
    samples = np.random.default_rng(seed).standard_normal((1, round(seconds * RATE_HZ)))
    return (10 ** (level_db / 20) * samples).astype(np.float32)


def scene(*starts_s: float, seconds: float = 30.0) -> np.ndarray:
    """A quiet room with loud sounds of 0.5 s."""
    samples = noise(-60.0, seconds)
    for start_s in starts_s:
        start = round(start_s * RATE_HZ)
        samples[:, start : start + RATE_HZ // 2] += noise(-25.0, 0.5, seed=1)
    return samples


def feed(gate: SilenceGate, samples: np.ndarray, n_samples: int = 1280) -> list[GatedPiece]:
    chunks = range(0, samples.shape[1], n_samples)
    return [piece for start in chunks for piece in gate.process(samples[:, start : start + n_samples])]


def runs(pieces: list[GatedPiece]) -> list[tuple[int, int]]:
    """Return the stretches ``(start, end)`` between restarts; check that each has no hole."""
    found: list[tuple[int, int]] = []
    for piece in pieces:
        if piece.restart or not found:
            found.append((piece.start, piece.start))
        assert piece.start == found[-1][1]
        found[-1] = (found[-1][0], piece.start + piece.samples.shape[1])
    return found


def test_starts_open_and_sleeps_after_the_hold():
    gate = SilenceGate(1, hold_s=2.0)
    assert not gate.is_asleep
    assert runs(feed(gate, noise(-60.0, 10.0))) == [(0, 2 * RATE_HZ)]
    assert gate.is_asleep


def test_a_sound_opens_it_and_the_preroll_comes_first():
    samples = scene(10.0)
    pieces = feed(SilenceGate(1, hold_s=2.0, preroll_s=1.5), samples)
    (first, second) = runs(pieces)
    assert first == (0, 2 * RATE_HZ)
    # It opens within two frames of the onset, and closes 2 s after the smoothed level is back at the floor.
    onset = 10 * RATE_HZ
    assert onset + FRAME - 1.5 * RATE_HZ <= second[0] <= onset + 2 * FRAME - 1.5 * RATE_HZ
    assert 12.5 * RATE_HZ < second[1] < 13.5 * RATE_HZ
    assert [piece.restart for piece in pieces].count(True) == 1


def test_what_is_given_is_the_audio_itself():
    samples = scene(6.0, 12.0)
    for piece in feed(SilenceGate(1), samples):
        np.testing.assert_array_equal(piece.samples, samples[:, piece.start : piece.start + piece.samples.shape[1]])


def test_no_more_left_out_than_the_preroll_goes_on_without_a_restart():
    # Asleep from 2 s on; the sound comes 1 s later.
    samples = scene(3.0, seconds=5.0)
    assert runs(feed(SilenceGate(1, hold_s=2.0, preroll_s=1.5), samples)) == [(0, 5 * RATE_HZ)]


def test_a_sound_within_the_hold_keeps_it_open():
    samples = scene(1.5, 3.5, 5.5, seconds=8.0)
    assert runs(feed(SilenceGate(1, hold_s=2.0), samples)) == [(0, samples.shape[1])]


@pytest.mark.parametrize("n_samples", [101, 1281, 16_000, 480_000])
def test_any_chunking_gives_the_same_stretches(n_samples):
    samples = scene(3.5, 10.0, 11.0, 20.003)
    expected = feed(SilenceGate(1), samples)
    found = feed(SilenceGate(1), samples, n_samples)
    assert len(runs(expected)) == 3
    assert runs(found) == runs(expected)
    np.testing.assert_array_equal(
        np.concatenate([piece.samples for piece in found], axis=1),
        np.concatenate([piece.samples for piece in expected], axis=1),
    )


def test_what_is_contiguous_comes_in_one_piece():
    gate, samples, begin = SilenceGate(1), scene(10.2), 10 * RATE_HZ
    assert feed(gate, samples[:, :begin])[-1].start < begin and gate.is_asleep
    (piece,) = gate.process(samples[:, begin : begin + RATE_HZ])
    assert piece.restart
    assert piece.start + piece.samples.shape[1] == begin + RATE_HZ


def test_any_channel_opens_it():
    samples = np.concatenate([noise(-60.0, 20.0), scene(10.0, seconds=20.0)])
    pieces = feed(SilenceGate(2), samples)
    assert len(runs(pieces)) == 2
    assert pieces[-1].samples.shape[0] == 2


def test_margin_decides_over_steady_noise():
    samples = noise(-50.0, 20.0)
    samples[:, 10 * RATE_HZ : 11 * RATE_HZ] *= np.float32(10 ** (4.5 / 20))
    assert len(runs(feed(SilenceGate(1, margin_db=3.0), samples))) == 2
    assert len(runs(feed(SilenceGate(1, margin_db=6.0), samples))) == 1


def test_nothing_below_the_least_level_opens_it():
    samples = np.zeros((1, 20 * RATE_HZ), np.float32)
    samples[:, 10 * RATE_HZ : 11 * RATE_HZ] = noise(-85.0, 1.0)
    assert len(runs(feed(SilenceGate(1), samples))) == 1
    assert len(runs(feed(SilenceGate(1, min_level_db=-90.0), samples))) == 2


def test_kept_audio_is_a_copy():
    gate, samples = SilenceGate(1), scene(10.0)
    block = np.zeros((1, 1280), np.float32)
    pieces = []
    for start in range(0, samples.shape[1], 1280):
        block[...] = samples[:, start : start + 1280]
        # What passes at once is the caller's own block; only what was kept is looked at.
        pieces += [piece for piece in gate.process(block) if piece.restart]
    (piece,) = pieces
    kept = piece.samples[:, : -2 * 1280]
    np.testing.assert_array_equal(kept, samples[:, piece.start : piece.start + kept.shape[1]])


def test_reset_opens_and_counts_anew():
    gate = SilenceGate(1)
    feed(gate, noise(-60.0, 10.0))
    assert gate.is_asleep
    gate.reset()
    assert not gate.is_asleep
    (piece,) = gate.process(noise(-60.0, 0.08))
    assert (piece.start, piece.restart, piece.samples.shape) == (0, False, (1, 1280))


@pytest.mark.parametrize(
    ("settings", "message"),
    [
        ({"margin_db": -1.0}, "margin is -1.0"),
        ({"hold_s": 0.0}, "hold is 0.0"),
        ({"preroll_s": 3.0}, "preroll is 3.0; accepted are numbers from 0.08 to 2"),
        ({"min_level_db": 3.0}, "min-level is 3.0"),
        ({"n_channels": 0}, "n_channels is 0"),
    ],
)
def test_values_out_of_range_are_refused(settings, message):
    with pytest.raises(ConfigError, match=message):
        SilenceGate(**({"n_channels": 1} | settings))


def test_impossible_audio_is_refused():
    with pytest.raises(AudioError, match="NaN or infinity"):
        SilenceGate(1).process(np.full((1, 1280), np.nan, np.float32))
    with pytest.raises(AudioError, match="accepted is"):
        SilenceGate(2).process(np.zeros((1, 1280), np.float32))
