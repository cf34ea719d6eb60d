"""The layers of one stream and their gains, all known before a sample is touched."""

from __future__ import annotations

import math

import numpy as np

from data_tools.synthesize.mixing import FULL_SCALE, db_to_gain, gain_for_snr, keep_full_scale
from data_tools.synthesize.sounds import Clip, Recording
from kws.audio import FloatArray

# A word over a hole in the noise would vanish beside the rest of the stream; no hole counts as deeper.
_DEEPEST_HOLE_POWER = 10.0 ** (-30.0 / 10.0)


class LayeredMix:
    """The gains of everything in one stream, known before a single sample is touched.

    Energies are measured beforehand, so that the samples of the background are read and written once:
    that is what makes synthesis fast.
    """

    def __init__(self, n_samples: int, noise: tuple[Recording, int] | None) -> None:
        self._n_samples = n_samples
        self._layers: list[tuple[Recording, int, float]] = [(*noise, 1.0)] if noise else []
        self._energy = sum(layer.energy(at, at + n_samples) for layer, at, _ in self._layers)
        self._least_power = self._energy / n_samples * _DEEPEST_HOLE_POWER
        self._clips: list[tuple[Clip, int, float]] = []

    def add_clip(self, clip: Clip, start: int, snr_db: float) -> None:
        """Lay a clip over the noise; its active part is `snr_db` above what lies under that part."""
        gain = 1.0
        if self._layers:
            recording, offset, _ = self._layers[0]
            first = offset + start + clip.active_start
            power = recording.energy(first, first + clip.active_end - clip.active_start)
            power /= max(1, clip.active_end - clip.active_start)
            gain = gain_for_snr(clip.active_rms, math.sqrt(max(power, self._least_power)), snr_db)
        self._clips.append((clip, start, gain))

    def add_speech(self, speech: tuple[Recording, int] | None, snr_db: float, is_keyword: list[bool]) -> None:
        """Lay a talker under the whole stream, `snr_db` below the keywords, or below all clips if there are none."""
        assert speech is not None
        recording, offset = speech
        levels = [clip.active_rms * gain for clip, _, gain in self._clips]
        chosen = [level for level, is_one in zip(levels, is_keyword, strict=True) if is_one] or levels
        reference = math.sqrt(sum(level**2 for level in chosen) / len(chosen)) if chosen else 0.0
        gain = gain_for_snr(recording.speech_rms(offset), reference, -snr_db)
        self._layers.append((recording, offset, gain))
        self._energy += gain**2 * recording.energy(offset, offset + self._n_samples)

    def render(self, level_dbfs: float) -> FloatArray:
        """Write the samples at a level; parts count as uncorrelated. Full scale is kept by scaling."""
        energy = self._energy + sum(gain**2 * clip.energy for clip, _, gain in self._clips)
        scale = db_to_gain(level_dbfs) / math.sqrt(energy / self._n_samples) if energy > 0.0 else 1.0
        samples = self._write(scale)
        bound = sum(gain * layer.peak(at) for layer, at, gain in self._layers)
        bound += max((gain * clip.peak for clip, _, gain in self._clips), default=0.0)
        # The sum of the peaks bounds the peak of the sum; most streams need no look at their samples.
        return samples if bound * scale <= FULL_SCALE else keep_full_scale(samples)

    def _write(self, scale: float) -> FloatArray:
        samples: FloatArray | None = None
        for recording, offset, gain in self._layers:
            layer = recording.piece(offset) * np.float32(gain * scale * recording.unit)
            samples = layer if samples is None else np.add(samples, layer, out=samples)
        if samples is None:
            samples = np.zeros(self._n_samples, dtype=np.float32)
        for clip, start, gain in self._clips:
            # Not `samples[...] += `, which writes every sum a second time.
            place = samples[start : start + len(clip.samples)]
            np.add(place, clip.samples * np.float32(gain * scale * clip.unit), out=place)
        return samples
