"""Tables: unit energy of the window, bands that average, never an empty band, cached and read-only."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from kws.config import FrontEndConfig, PcenConfig
from kws.features import tables

CLASSIC = dict(window_samples=512, hop_samples=29, n_fft=512, n_bands=101, scale="linear", f_min_hz=0.0, f_max_hz=8e3)


def test_hann_window_is_periodic() -> None:
    np.testing.assert_allclose(tables.hann_window(4), [0.0, 0.5, 1.0, 0.5], atol=1e-15)


def test_window_has_unit_energy() -> None:
    assert np.sum(np.square(tables.front_end_tables(FrontEndConfig()).window)) == pytest.approx(1.0, abs=1e-6)


@pytest.mark.parametrize(("frequency_hz", "mel"), [(0.0, 0.0), (700.0, 2595.0 * np.log10(2.0)), (6300.0, 2595.0)])
def test_mel_scale_known_places(frequency_hz: float, mel: float) -> None:
    assert float(tables.hz_to_mel(frequency_hz)) == pytest.approx(mel)
    assert float(tables.mel_to_hz(mel)) == pytest.approx(frequency_hz)


def test_linear_bands_of_two_bins_by_hand() -> None:
    # Bins every 2000 Hz, centres at 2000, 4000 and 6000 Hz: each triangle holds its centre bin alone.
    config = FrontEndConfig(
        window_samples=16, hop_samples=16, n_fft=16, n_bands=3, scale="linear", f_min_hz=0.0, f_max_hz=8000.0
    )
    expected = np.zeros((9, 3))
    for band, centre in enumerate((2, 4, 6)):
        expected[centre - 1 : centre + 2, band] = 0.25, 0.5, 0.25
    np.testing.assert_allclose(tables.band_matrix(config), expected, atol=1e-15)


@given(
    n_fft=st.integers(16, 2048),
    n_bands=st.integers(1, 128),
    scale=st.sampled_from(["mel", "linear"]),
    edges_hz=st.tuples(st.floats(0.0, 7999.0), st.floats(1.0, 8000.0)),
)
@settings(max_examples=150, deadline=None)
def test_no_band_is_empty_and_each_sums_to_one(
    n_fft: int, n_bands: int, scale: str, edges_hz: tuple[float, float]
) -> None:
    f_min_hz = min(edges_hz[0], 7999.0)
    f_max_hz = min(max(edges_hz[1], f_min_hz + 1.0), 8000.0)
    config = FrontEndConfig(
        window_samples=16,
        hop_samples=16,
        n_fft=n_fft,
        n_bands=min(n_bands, n_fft // 2 + 1),
        scale=scale,
        f_min_hz=f_min_hz,
        f_max_hz=f_max_hz,
    )
    bands = tables.band_matrix(config)
    assert np.isfinite(bands).all() and (bands >= 0.0).all()
    np.testing.assert_allclose(bands.sum(axis=0), 1.0, atol=1e-12)


@pytest.mark.parametrize("settings_", [{}, CLASSIC, dict(n_bands=128, f_min_hz=0.0), dict(n_bands=1)])
def test_bands_match_the_plain_reference(reference, settings_: dict) -> None:
    config = FrontEndConfig(**settings_)
    # The two mel formulas, in log10 and in ln, agree to the digits that their constants have.
    np.testing.assert_allclose(tables.front_end_tables(config).bands, reference.reference_bands(config).T, atol=1e-6)


def test_tables_are_cached_and_read_only() -> None:
    first, second = tables.front_end_tables(FrontEndConfig()), tables.front_end_tables(FrontEndConfig())
    assert first is second
    assert first.window.dtype == first.bands.dtype == np.float32
    with pytest.raises(ValueError, match="read-only"):
        first.bands[0, 0] = 1.0
    with pytest.raises(ValueError, match="read-only"):
        tables.pcen_tables(FrontEndConfig())["alpha"][0] = 1.0


def test_pcen_tables_take_one_value_or_one_a_band() -> None:
    config = FrontEndConfig(n_bands=2, pcen=PcenConfig(alpha=(0.5,), delta=(1.0, 3.0)))
    values = tables.pcen_tables(config)
    np.testing.assert_array_equal(values["alpha"], np.float32([0.5, 0.5]))
    np.testing.assert_array_equal(values["delta"], np.float32([1.0, 3.0]))
