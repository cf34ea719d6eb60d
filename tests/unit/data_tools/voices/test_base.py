"""What an engine made, at the rate and within the scale of all audio here."""

import numpy as np

from data_tools.voices.base import at_16_khz


def test_resampling_never_leaves_full_scale() -> None:
    square = np.sign(np.sin(2 * np.pi * 700 * np.arange(22_050) / 22_050)).astype(np.float32)
    spoken = at_16_khz(square, 22_050)
    assert spoken.dtype == np.float32 and len(spoken) == 16_000
    assert np.abs(spoken).max() == 1.0


def test_what_is_quiet_stays_as_it_is_and_nothing_stays_nothing() -> None:
    quiet = (0.1 * np.sin(2 * np.pi * 700 * np.arange(16_000) / 16_000)).astype(np.float32)
    assert np.array_equal(at_16_khz(quiet, 16_000), quiet)
    assert len(at_16_khz(np.zeros(0), 22_050)) == 0
