"""What the plot window shows, as arrays: the last seconds of spectrogram, scores and detections. No window."""

from __future__ import annotations

from collections import deque

import numpy as np

from kws.audio import FloatArray, to_float32
from kws.config import SAMPLE_RATE_HZ, FrontEndConfig
from kws.features.numpy_front_end import NumpyFrontEnd
from kws.runtime.sinks.plot_messages import Audio, Hello, Marker, Message, Scores

BANDS = FrontEndConfig(n_bands=80, window_samples=512, hop_samples=320, floor=1e-10)
"""A mel spectrogram of 20 ms a column."""

_GAP_STEPS = 2.5
_SAME_WORD_S = 0.4


class Track:
    """The last `seconds` of everything.

    Parameters
    ----------
    hello : Hello
    """

    def __init__(self, hello: Hello) -> None:
        self._hello = hello
        self.n_columns = round(hello.seconds / BANDS.hop_s)
        self._columns = np.full((BANDS.n_bands, self.n_columns), np.nan, np.float32)
        self._n_heard_columns = 0
        self._front_end: NumpyFrontEnd | None = None
        self._end = 0
        self._scores: list[deque[tuple[float, FloatArray]]] = [deque() for _ in hello.models]
        self._markers: list[Marker] = []

    @property
    def now_s(self) -> float:
        """Time of the newest audio, in seconds from the start of the stream."""
        return self._end / SAMPLE_RATE_HZ

    @property
    def spectrogram_db(self) -> FloatArray:
        """Mean power of the channels in each band, in dB, shape ``(F, n_columns)``; NaN where nothing was heard."""
        return self._columns

    @property
    def markers(self) -> list[Marker]:
        """The detections of the last seconds."""
        oldest_s = self.now_s - self._hello.seconds
        self._markers = [marker for marker in self._markers if marker.time_s >= oldest_s]
        return self._markers

    def take(self, message: Message) -> None:
        """Add what a message brings; what is older than what is shown goes."""
        if isinstance(message, Audio):
            self._hear(message)
        elif isinstance(message, Scores):
            self._score(message)
        elif isinstance(message, Marker):
            self._mark(message)

    def curve(self, model: int) -> tuple[FloatArray, FloatArray]:
        """Return the times of a model's scores in seconds from now, shape (T,), and the scores, shape (T, K).

        Where the model heard nothing for a while there is a NaN, so that no line is drawn across.
        """
        kept = self._scores[model]
        n_keywords = len(self._hello.models[model])
        if not kept:
            return np.zeros(0, np.float32), np.zeros((0, n_keywords), np.float32)
        step_s = self._hello.step_samples[model] / SAMPLE_RATE_HZ
        times_s = [end_s - self.now_s + step_s * np.arange(1 - len(rows), 1) for end_s, rows in kept]
        times = np.concatenate(times_s).astype(np.float32)
        gaps = np.flatnonzero(np.diff(times) > _GAP_STEPS * step_s) + 1
        return np.insert(times, gaps, np.nan), np.insert(
            np.concatenate([rows for _, rows in kept]), gaps, np.nan, axis=0
        )

    def _hear(self, audio: Audio) -> None:
        lost = audio.end - self._end - audio.samples.shape[1]
        if lost or self._front_end is None or self._front_end.n_channels != len(audio.samples):
            self._front_end = NumpyFrontEnd(BANDS, len(audio.samples))
        features = self._front_end.process(to_float32(audio.samples))
        power = BANDS.floor * np.exp(features).mean(axis=0)
        self._end = audio.end
        self._append(10.0 * np.log10(power.T))

    def _append(self, columns: FloatArray) -> None:
        # Counted from the start of the stream, so that the picture stays on the time axis through gaps.
        n_new = self._end // BANDS.hop_samples - self._n_heard_columns
        self._n_heard_columns += n_new
        gap = np.full((BANDS.n_bands, max(0, min(n_new, self.n_columns) - columns.shape[1])), np.nan, np.float32)
        joined = np.concatenate([self._columns, gap, columns.astype(np.float32)], axis=1)
        self._columns = joined[:, -self.n_columns :]

    def _score(self, scores: Scores) -> None:
        kept = self._scores[scores.model]
        kept.append((scores.end / SAMPLE_RATE_HZ, scores.scores))
        while kept[0][0] < self.now_s - self._hello.seconds:
            kept.popleft()

    def _mark(self, marker: Marker) -> None:
        # Several channels hear one word: one mark is enough.
        if not any(
            marker.keyword == other.keyword and abs(marker.time_s - other.time_s) < _SAME_WORD_S
            for other in self._markers
        ):
            self._markers.append(marker)
