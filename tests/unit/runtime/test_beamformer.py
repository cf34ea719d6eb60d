"""`Beamformer`: delays that are known come out, and what they bring."""

import math

import numpy as np
import pytest

from kws.errors import AudioError, ConfigError
from kws.runtime.beamformer import LATENCY_SAMPLES, MAX_DELAY_SAMPLES, Beamformer

N_SAMPLES = 48_000
QUIET_SAMPLES = 8000


def source(seed: int = 0) -> np.ndarray:
    """Return noise in the band of speech, quiet for half a second: `MAX_DELAY_SAMPLES` more at either end."""
    rng = np.random.default_rng(seed)
    spectrum = np.fft.rfft(rng.normal(0, 0.1, N_SAMPLES + 2 * MAX_DELAY_SAMPLES))
    hz = np.fft.rfftfreq(N_SAMPLES + 2 * MAX_DELAY_SAMPLES, 1 / 16_000)
    samples = np.fft.irfft(np.where(hz < 6000, spectrum, 0))
    samples[:QUIET_SAMPLES] *= 0.01
    return samples.astype(np.float32)


def arriving(delays: list[float], self_noise: float = 1e-4) -> np.ndarray:
    """Return one source that reaches each microphone later by so many samples."""
    clean = source()
    hz = np.fft.rfftfreq(len(clean))
    rows = [np.fft.irfft(np.fft.rfft(clean) * np.exp(-2j * np.pi * hz * delay)) for delay in delays]
    rows_here = np.stack(rows)[:, MAX_DELAY_SAMPLES:-MAX_DELAY_SAMPLES]
    own = np.random.default_rng(1).normal(0, self_noise, rows_here.shape)
    return (rows_here + own).astype(np.float32)


@pytest.mark.parametrize("delays", [[0, 7, -13, 30], [0, 0], [0, -MAX_DELAY_SAMPLES], [0, MAX_DELAY_SAMPLES, 1]])
def test_known_delays(delays):
    samples = arriving(delays)
    beamformer = Beamformer(len(delays))
    beam = beamformer.process(samples)
    assert beamformer.delays_samples == tuple(map(float, delays))
    late = slice(24_000, N_SAMPLES - LATENCY_SAMPLES)
    error = beam[0, LATENCY_SAMPLES:][late] - samples[0, :-LATENCY_SAMPLES][late]
    assert np.abs(error).max() < 1e-3


def test_parts_of_samples():
    samples = arriving([0, 0.25, -2.5, 3.75])
    beamformer = Beamformer(4)
    beam = beamformer.process(samples)
    assert beamformer.delays_samples == (0.0, 0.25, -2.5, 3.75)
    late = slice(24_000, N_SAMPLES - LATENCY_SAMPLES)
    error = beam[0, LATENCY_SAMPLES:][late] - samples[0, :-LATENCY_SAMPLES][late]
    # The eight taps are that good up to 6 kHz; without the parts the error would be as large as the signal.
    assert rms(error) < 0.04 * rms(samples[0, late])


def test_a_speaker_who_moves_is_followed():
    beamformer = Beamformer(2)
    beamformer.process(arriving([0, 9]))
    beamformer.process(arriving([0, -9]))
    assert beamformer.delays_samples == (0.0, -9.0)


@pytest.mark.parametrize("n_channels", [2, 4, 8])
def test_gain_on_uncorrelated_noise(n_channels):
    noise = np.random.default_rng(2).normal(0, 0.1, (n_channels, N_SAMPLES)).astype(np.float32)
    beam = Beamformer(n_channels).process(noise)
    gain_db = 20 * math.log10(rms(noise[0]) / rms(beam[0, LATENCY_SAMPLES:]))
    assert gain_db == pytest.approx(10 * math.log10(n_channels), abs=0.15)


def rms(samples: np.ndarray) -> float:
    return float(np.sqrt(np.mean(np.square(samples, dtype=np.float64))))


def test_uncorrelated_noise_has_no_direction():
    noise = np.random.default_rng(3).normal(0, 0.1, (2, N_SAMPLES)).astype(np.float32)
    noise[:, :QUIET_SAMPLES] *= 0.01
    beamformer = Beamformer(2)
    beamformer.process(noise)
    assert beamformer.delays_samples == (0.0, 0.0)


@pytest.mark.parametrize("sizes", [[1, 2, 3], [37], [511, 513], [1280], [5000, 1]])
def test_chunks_do_not_matter(sizes):
    samples = arriving([0, 3.5, -8])[:, :30_000]
    expected = Beamformer(3).process(samples)
    beamformer, parts, start = Beamformer(3), [], 0
    while start < samples.shape[1]:
        size = sizes[len(parts) % len(sizes)]
        parts.append(beamformer.process(samples[:, start : start + size]))
        start += size
    assert np.array_equal(np.concatenate(parts, axis=1), expected)


def test_new_delays_are_faded_in():
    # A tone that jumps by 20 samples would click; its steps stay those of a tone.
    step = 2 * math.pi * 300 / 16_000
    tone = 0.1 * np.sin(step * np.arange(N_SAMPLES))
    samples = arriving([0, 20], self_noise=0.0) * 0.05 + tone
    beam = Beamformer(2).process(samples.astype(np.float32))[0, LATENCY_SAMPLES:]
    assert np.abs(np.diff(beam)).max() < 0.1 * step + 0.05 * np.abs(np.diff(source())).max() * 1.2


def test_a_dead_channel_does_not_count():
    samples = arriving([0, 5, 0])
    samples[2] = 0.0
    beam = Beamformer(3).process(samples)
    late = slice(24_000, N_SAMPLES - LATENCY_SAMPLES)
    assert np.abs(beam[0, LATENCY_SAMPLES:][late] - samples[0, :-LATENCY_SAMPLES][late]).max() < 1e-3


def test_a_dead_first_channel():
    samples = arriving([0, 4, 9])
    samples[0] = 0.0
    beamformer = Beamformer(3)
    beam = beamformer.process(samples)
    assert beamformer.delays_samples == (0.0, 0.0, 5.0)
    late = slice(24_000, N_SAMPLES - LATENCY_SAMPLES)
    assert np.abs(beam[0, LATENCY_SAMPLES:][late] - samples[1, :-LATENCY_SAMPLES][late]).max() < 1e-3


def test_copies_of_one_microphone_pass_as_they_are():
    mono = arriving([0])
    assert np.array_equal(Beamformer(3).process(np.repeat(mono, 3, axis=0)), mono)


def test_copies_that_depart():
    samples = np.repeat(arriving([0]), 2, axis=0)
    samples[1, 20_000:] = 0.5
    beam = Beamformer(2).process(samples)
    assert np.array_equal(beam[0, :20_000], samples[0, :20_000])
    assert beam[0, 20_000] == np.float32(samples[0, 20_000 - LATENCY_SAMPLES])


@pytest.mark.parametrize("where", [511, 512, 513, 12_800])
def test_chunks_do_not_matter_where_copies_depart(where):
    samples = arriving([0, 3])[:, :20_000]
    samples[1, :where] = samples[0, :where]
    expected = Beamformer(2).process(samples)
    beamformer = Beamformer(2)
    parts = [beamformer.process(part) for part in np.split(samples, range(100, 20_000, 100), axis=1)]
    assert np.array_equal(np.concatenate(parts, axis=1), expected)
    assert beamformer.delays_samples == (0.0, 3.0)


def test_silence_nothing_and_one_sample():
    beamformer = Beamformer(2)
    assert not beamformer.process(np.zeros((2, 5000), np.float32)).any()
    assert beamformer.process(np.zeros((2, 0), np.float32)).shape == (1, 0)
    assert beamformer.process(np.full((2, 1), 0.5, np.float32)).tolist() == [[0.5]]
    assert beamformer.delays_samples == (0.0, 0.0)


def test_one_channel_and_reset():
    samples = arriving([0, 6])
    beamformer = Beamformer(2)
    first = beamformer.process(samples)
    beamformer.reset()
    assert beamformer.delays_samples == (0.0, 0.0)
    assert np.array_equal(beamformer.process(samples), first)
    assert np.array_equal(Beamformer(1).process(samples[:1]), samples[:1])


def test_what_is_refused():
    with pytest.raises(AudioError, match=r"accepted is \(2, N\)"):
        Beamformer(2).process(np.zeros((3, 10), np.float32))
    with pytest.raises(ConfigError, match="n_channels is 0"):
        Beamformer(0)
