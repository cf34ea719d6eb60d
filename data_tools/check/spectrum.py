"""The long-term spectrum of a clip: how far up it reaches, and whether it is white."""

from __future__ import annotations

import numpy as np

from kws.audio import FloatArray
from kws.config import SAMPLE_RATE_HZ

_WINDOW_SAMPLES = 512
_BLOCK_FRAMES = 4096

NARROW_BANDS_HZ = {4000: 8000, 5512: 11_025}
"""Upper end of a band that is no microphone's own, and the sample rate that it comes from."""

_STEP_DB = 30.0
_SOUND_SHARE_DB = -35.0


def loud_spectrum(samples: FloatArray) -> np.ndarray:
    """Return the mean power spectrum, shape (257,), of the louder half of a clip's frames at 16 kHz."""
    short = max(0, _WINDOW_SAMPLES - len(samples))
    padded = np.pad(samples, (0, short))
    frames = np.lib.stride_tricks.sliding_window_view(padded, _WINDOW_SAMPLES)[:: _WINDOW_SAMPLES // 2]
    energy = np.einsum("ij,ij->i", frames, frames)
    chosen = np.flatnonzero(energy >= np.median(energy))
    window = np.hanning(_WINDOW_SAMPLES).astype(np.float32)
    total = np.zeros(_WINDOW_SAMPLES // 2 + 1)
    for first in range(0, len(chosen), _BLOCK_FRAMES):
        part = frames[chosen[first : first + _BLOCK_FRAMES]] * window
        total += np.square(np.abs(np.fft.rfft(part, axis=1))).sum(axis=0)
    return total / len(chosen)


def source_rate_hz(spectrum: np.ndarray) -> int:
    """Return the low sample rate that a sound must once have had, 0 if there is no sign of one.

    A cliff is looked for: the band just above 4 kHz (or 5.5 kHz) 30 dB weaker than the one just below, though that
    one holds sound. A voice falls by 10 dB there, a dull one by 25 dB.
    """
    for edge_hz, rate_hz in NARROW_BANDS_HZ.items():
        below, above = _power(spectrum, 0.72 * edge_hz, 0.92 * edge_hz), _power(spectrum, 1.08 * edge_hz, 1.3 * edge_hz)
        base = _power(spectrum, 300.0, 0.72 * edge_hz)
        holds_sound = below > 0.0 and 10.0 * np.log10(below / base) > _SOUND_SHARE_DB
        if holds_sound and 10.0 * np.log10(below / (above + 1e-30)) >= _STEP_DB:
            return rate_hz
    return 0


def flatness(spectrum: np.ndarray) -> float:
    """Return the geometric over the arithmetic mean of a spectrum, 100 Hz to 7 kHz: 1 for white noise, 0 for a tone."""
    part = spectrum[_bin(100.0) : _bin(7000.0)] + 1e-30
    return float(np.exp(np.mean(np.log(part))) / np.mean(part))


def _power(spectrum: np.ndarray, from_hz: float, to_hz: float) -> float:
    return float(spectrum[_bin(from_hz) : _bin(to_hz)].mean())


def _bin(frequency_hz: float) -> int:
    return round(frequency_hz * _WINDOW_SAMPLES / SAMPLE_RATE_HZ)
