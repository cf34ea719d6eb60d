"""A few seconds around a mistake: to hear, as audio within the page, and to see, as a small picture."""

from __future__ import annotations

import base64
import io
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt
from matplotlib import image

from kws.audio import FloatArray, encode_for_browser
from kws.config import SAMPLE_RATE_HZ
from kws.evaluate.results import Trial

BEFORE_S, AFTER_S = 2.2, 1.2
"""How much is heard before and after the end of the word, or the event."""

_WINDOW, _HOP = 512, 400
_N_ROWS = 64
_DYNAMIC_DB = 60.0
# Few grey levels make a small file, and nobody sees more in a picture as high as two lines of text.
_N_LEVELS = 24


@dataclass(frozen=True, eq=False)
class Clip:
    """A part of a trial.

    Parameters
    ----------
    samples : array of float32, shape (N,)
    start_s : float
        Where it begins in the trial.
    """

    samples: FloatArray
    start_s: float

    @property
    def audio_s(self) -> float:
        """Length in seconds."""
        return len(self.samples) / SAMPLE_RATE_HZ

    def audio_uri(self) -> str:
        """Return the audio as a ``data:`` address."""
        media_type, data = encode_for_browser(self.samples)
        return _data_uri(media_type, data)

    def spectrogram_uri(self) -> str:
        """Return the spectrogram as a ``data:`` address of a PNG, 0 to 8 kHz upwards, the loudest 60 dB."""
        file = io.BytesIO()
        image.imsave(file, _spectrogram(self.samples), format="png", cmap="magma", vmin=0.0, vmax=1.0)
        return _data_uri("image/png", file.getvalue())

    def place(self, time_s: float) -> float:
        """Return where a time of the trial lies in the clip: 0 at its start, 1 at its end."""
        return (time_s - self.start_s) / self.audio_s


def cut(trial: Trial, time_s: float) -> Clip:
    """Return what is heard around a time; less at the ends of the trial."""
    first = max(0, round((time_s - BEFORE_S) * SAMPLE_RATE_HZ))
    last = min(len(trial.samples), round((time_s + AFTER_S) * SAMPLE_RATE_HZ))
    # Without a sample there is nothing to play; a word may end beyond the audio.
    first = max(0, min(first, last - 1))
    return Clip(trial.samples[first:last], first / SAMPLE_RATE_HZ)


def score_points(scores: npt.ArrayLike, step_s: float, clip: Clip) -> str:
    """Return the points of an SVG line: time from 0 to 100 over the clip, score 1 at the top (0) and 0 at 100."""
    track = np.asarray(scores, np.float64)
    places = (((np.arange(len(track)) + 1) * step_s) - clip.start_s) / clip.audio_s
    shown = (places >= 0.0) & (places <= 1.0)
    return _points(100 * places[shown], 100 * (1 - np.clip(track[shown], 0, 1)))


def _points(x: npt.NDArray[Any], y: npt.NDArray[Any]) -> str:
    return " ".join(f"{a:.1f},{b:.1f}" for a, b in zip(x, y, strict=True))


def _data_uri(media_type: str, data: bytes) -> str:
    return f"data:{media_type};base64,{base64.b64encode(data).decode('ascii')}"


def _spectrogram(samples: FloatArray) -> npt.NDArray[np.float64]:
    """Return levels from 0 to 1, shape (rows, columns), the highest frequency first."""
    padded = np.pad(samples.astype(np.float64), (0, max(0, _WINDOW - len(samples))))
    frames = np.lib.stride_tricks.sliding_window_view(padded, _WINDOW)[::_HOP]
    power = np.square(np.abs(np.fft.rfft(frames * np.hanning(_WINDOW))))[:, 1:]
    rows = power.reshape(len(frames), _N_ROWS, -1).mean(axis=2).T[::-1]
    level_db = 10 * np.log10(np.maximum(rows, 1e-12))
    shown = np.clip(1 + (level_db - max(level_db.max(), -60.0)) / _DYNAMIC_DB, 0, 1)
    return np.asarray(np.round(shown * (_N_LEVELS - 1)) / (_N_LEVELS - 1))
