"""The numpy executor: exact small cases, the reference, any chunking, errors that leave the stream whole."""

from __future__ import annotations

import subprocess
import sys

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from kws.config import FrontEndConfig, PcenConfig
from kws.errors import AudioError, ConfigError, KwsError
from kws.features import NumpyFrontEnd, clip_features
from kws.features.tables import band_points_hz

LOG = FrontEndConfig()
PCEN = FrontEndConfig(compression="pcen")
CLASSIC = FrontEndConfig(
    window_samples=512, hop_samples=29, n_fft=512, n_bands=101, scale="linear", f_min_hz=0.0, f_max_hz=8000.0
)
CONFIGS = {"log": LOG, "pcen": PCEN, "classic": CLASSIC, "no_overlap": FrontEndConfig(hop_samples=480)}


@pytest.mark.parametrize("frequency_hz", [300.0, 1000.0, 3500.0, 7000.0])
@pytest.mark.parametrize("scale", ["mel", "linear"])
def test_tone_lands_in_its_band(frequency_hz: float, scale: str) -> None:
    config = FrontEndConfig(scale=scale)
    tone = 0.5 * np.sin(2.0 * np.pi * frequency_hz * np.arange(16_000) / 16_000).astype(np.float32)
    centres_hz = band_points_hz(config)[1:-1]
    # Wide bands average the tone away a little, so the loudest may be the narrower neighbour.
    loudest = clip_features(tone, config)[50].argmax()
    assert abs(loudest - np.abs(centres_hz - frequency_hz).argmin()) <= 1


@pytest.mark.parametrize("config", [LOG, CLASSIC], ids=["log", "classic"])
def test_white_noise_has_its_variance_in_every_band(config: FrontEndConfig) -> None:
    noise = 0.01 * np.random.default_rng(1).standard_normal(160_000).astype(np.float32)
    energies = config.floor * np.expm1(clip_features(noise, config)[10:].astype(np.float64))
    # The outermost classic bands hold bin 0 or the last, where a real signal's power varies twice as much.
    np.testing.assert_allclose(energies.mean(axis=0), 1e-4, rtol=0.15)


@pytest.mark.parametrize("config", CONFIGS.values(), ids=CONFIGS)
def test_silence_is_exactly_zero(config: FrontEndConfig) -> None:
    assert not clip_features(np.zeros(5000, np.float32), config).any()


@pytest.mark.parametrize("config", CONFIGS.values(), ids=CONFIGS)
def test_frame_ends_at_its_hop(config: FrontEndConfig) -> None:
    # A click at sample n is in frame t from n < (t + 1) * hop on, and Hann is zero at its first sample.
    click = np.zeros(3000, np.float32)
    click[1500] = 1.0
    is_sounding = clip_features(click, config).any(axis=1)
    assert is_sounding.argmax() == 1500 // config.hop_samples
    assert len(is_sounding) == 3000 // config.hop_samples


@pytest.mark.parametrize("name", ["log", "pcen"])
def test_matches_the_float64_reference_on_hard_signals(reference, signals, gate: float, name: str) -> None:
    for signal_name, samples in signals.items():
        expected = reference.reference_features(samples, CONFIGS[name])
        np.testing.assert_allclose(clip_features(samples, CONFIGS[name]), expected, atol=gate, err_msg=signal_name)


@pytest.mark.parametrize("name", ["log", "pcen", "classic", "per_band"])
def test_matches_the_golden_vectors(reference, golden, gate: float, name: str) -> None:
    features = clip_features(golden["pcm16"], reference.CONFIGS[name])
    np.testing.assert_allclose(features[:: reference.STORED_EVERY[name]], golden[name], atol=gate)


def test_golden_vectors_are_what_their_script_makes(reference, golden) -> None:
    np.testing.assert_allclose(golden["pcm16"], reference.synthetic_signal(), atol=1)
    assert (reference.TARGET).stat().st_size < 100_000


@given(
    cuts=st.lists(st.integers(0, 4000), max_size=60),
    crumbs=st.tuples(st.integers(0, 4000), st.integers(0, 20)),
    name=st.sampled_from(sorted(CONFIGS)),
)
@settings(max_examples=60, deadline=None)
def test_any_chunking_gives_the_same_frames_to_the_last_bit(cuts, crumbs, name: str) -> None:
    samples = 0.1 * np.random.default_rng(2).standard_normal((2, 4000)).astype(np.float32)
    # Some chunks of one sample in a row, and empty ones where two cuts fall together.
    places = sorted([*cuts, *range(crumbs[0], min(sum(crumbs), 4000))])
    front_end = NumpyFrontEnd(CONFIGS[name], n_channels=2)
    parts = [front_end.process(chunk) for chunk in np.split(samples, places, axis=1)]
    np.testing.assert_array_equal(np.concatenate(parts, axis=1), clip_features(samples, CONFIGS[name]))


@pytest.mark.parametrize("config", [LOG, PCEN], ids=["log", "pcen"])
def test_channels_share_nothing(config: FrontEndConfig) -> None:
    samples = 0.1 * np.random.default_rng(3).standard_normal((3, 2000)).astype(np.float32)
    together = NumpyFrontEnd(config, n_channels=3).process(samples)
    for channel in range(3):
        np.testing.assert_array_equal(together[channel], clip_features(samples[channel], config))


@pytest.mark.parametrize("config", [LOG, PCEN], ids=["log", "pcen"])
def test_reset_forgets_everything(config: FrontEndConfig) -> None:
    samples = 0.1 * np.random.default_rng(4).standard_normal((1, 1234)).astype(np.float32)
    front_end = NumpyFrontEnd(config)
    first = front_end.process(samples)
    front_end.reset()
    np.testing.assert_array_equal(front_end.process(samples), first)


def test_features_are_the_callers_own() -> None:
    samples = 0.1 * np.random.default_rng(5).standard_normal((1, 1280)).astype(np.float32)
    front_end = NumpyFrontEnd(LOG)
    features = front_end.process(samples)
    kept = features.copy()
    front_end.process(-3.0 * samples)
    np.testing.assert_array_equal(features, kept)
    assert features.dtype == np.float32 and features.flags.c_contiguous and features.flags.owndata


def test_the_callers_samples_are_left_alone() -> None:
    samples = np.full((1, 500), 0.25, np.float32)
    front_end = NumpyFrontEnd(LOG)
    front_end.process(samples)
    samples[:] = 9.0
    expected = clip_features(np.full(1000, 0.25, np.float32), LOG)[3:]
    np.testing.assert_array_equal(front_end.process(np.full((1, 500), 0.25, np.float32))[0], expected)


def test_int16_float64_and_strided_samples_are_accepted() -> None:
    pcm16 = np.arange(-2000, 2000, dtype=np.int16)[None]
    scaled = (pcm16 / 32768.0).astype(np.float32)
    expected = NumpyFrontEnd(LOG).process(scaled)
    for same in (pcm16, pcm16 / 32768.0, np.repeat(scaled, 2, axis=1)[:, ::2], np.asfortranarray(scaled)):
        np.testing.assert_array_equal(NumpyFrontEnd(LOG).process(same), expected)


@pytest.mark.parametrize("n_samples", [0, 1, 159])
def test_less_than_a_hop_gives_no_frame(n_samples: int) -> None:
    assert NumpyFrontEnd(LOG).process(np.zeros((1, n_samples), np.float32)).shape == (1, 0, 40)
    assert clip_features(np.zeros(n_samples, np.float32), PCEN).shape == (0, 40)


def test_clip_features_keeps_the_number_of_axes() -> None:
    assert clip_features(np.zeros(1600, np.float32), LOG).shape == (10, 40)
    assert clip_features(np.zeros((100, 1600), np.float32), LOG).shape == (100, 10, 40)
    assert clip_features(np.zeros((0, 1600), np.float32), LOG).shape == (0, 10, 40)


@pytest.mark.parametrize("shape", [(160,), (2, 160), (1, 1, 160), (0, 160)])
def test_wrong_channels_are_named(shape: tuple[int, ...]) -> None:
    with pytest.raises(AudioError, match="accepted are"):
        NumpyFrontEnd(LOG).process(np.zeros(shape, np.float32))


@pytest.mark.parametrize("bad", [np.nan, np.inf, -np.inf, 1e30, 20_000.0])
def test_impossible_samples_are_rejected_and_leave_the_stream_whole(bad: float) -> None:
    samples = 0.1 * np.random.default_rng(6).standard_normal((1, 800)).astype(np.float32)
    broken = samples.copy()
    broken[0, 100] = bad
    front_end = NumpyFrontEnd(PCEN)
    head = front_end.process(samples[:, :300])
    with pytest.raises(KwsError, match="samples"):
        front_end.process(broken)
    tail = front_end.process(samples[:, 300:])
    np.testing.assert_array_equal(np.concatenate((head, tail), axis=1)[0], clip_features(samples[0], PCEN))


def test_clip_features_rejects_three_axes_and_whole_numbers() -> None:
    with pytest.raises(AudioError, match="shape"):
        clip_features(np.zeros((1, 1, 160), np.float32), LOG)
    with pytest.raises(AudioError, match="int64"):
        clip_features(np.zeros(160, np.int64), LOG)


def test_no_channels_is_an_error() -> None:
    with pytest.raises(ConfigError, match="n_channels is 0"):
        NumpyFrontEnd(LOG, n_channels=0)


def test_pcen_by_hand() -> None:
    # Root 1, delta 0, smoothing 1: the energy divided by itself, whatever the level.
    pcen = PcenConfig(alpha=(1.0,), delta=(0.0,), root=(1.0,), smoothing=(1.0,), eps=1e-12)
    noise = np.random.default_rng(8).standard_normal(4000).astype(np.float32)
    features = clip_features(0.1 * noise, FrontEndConfig(compression="pcen", pcen=pcen))
    np.testing.assert_allclose(features, 1.0, atol=1e-5)


def test_pcen_forgets_the_level() -> None:
    noise = np.random.default_rng(9).standard_normal(48_000).astype(np.float32)
    loud, soft = (clip_features(level * noise, PCEN)[200:].mean() for level in (0.3, 0.03))
    assert abs(loud - soft) < 0.1


def test_import_needs_numpy_only() -> None:
    code = "import kws.features, sys; assert not {'torch', 'scipy', 'soundfile'} & set(sys.modules)"
    subprocess.run([sys.executable, "-c", code], check=True)
