"""Where in a clip the sound is: the active part by short-time energy."""

from __future__ import annotations

import numpy as np

from kws.audio import FloatArray
from kws.config import SAMPLE_RATE_HZ

_FRAME_SAMPLES = SAMPLE_RATE_HZ // 100
_SMOOTH_FRAMES = 5


def active_region(clip: FloatArray, *, range_db: float = 22.0, headroom_db: float = 8.0) -> tuple[int, int]:
    """Find the first and last active sample of a clip.

    A 10 ms frame, smoothed over 50 ms, is active when its energy is within `range_db` of the loudest
    frame and at least `headroom_db` above the clip's noise floor (its 10th percentile), whichever asks for
    more; the headroom never asks for more than 6 dB below the loudest. Of several active stretches, those
    closer than 250 ms to the loudest are joined with it: a click far from the word is left out.

    Parameters
    ----------
    clip : array of float32, shape (N,)
    range_db : float
        Dynamic range of the word.
    headroom_db : float
        Distance to the noise floor.

    Returns
    -------
    start, end : int
        Half-open range in samples; the whole clip if it is silent or shorter than one frame.
    """
    n_frames = len(clip) // _FRAME_SAMPLES
    if n_frames == 0:
        return 0, len(clip)
    frames = clip[: n_frames * _FRAME_SAMPLES].reshape(n_frames, _FRAME_SAMPLES)
    power = np.mean(np.square(frames, dtype=np.float64), axis=1)
    if power.max() <= 0.0:
        return 0, len(clip)
    # Entry i is the mean of frames i - 4 to i, silence beyond the clip: a sound in frames s to t shows in
    # entries s to t + 4, at the clip's edges too.
    level_db = 10.0 * np.log10(np.convolve(power, np.ones(_SMOOTH_FRAMES) / _SMOOTH_FRAMES) + 1e-12)
    reach = _SMOOTH_FRAMES - 1
    peak, peak_db = int(level_db.argmax()), level_db.max()
    floor_db = _tenth_percentile(level_db[reach // 2 : reach // 2 + n_frames])
    threshold_db = max(peak_db - range_db, min(floor_db + headroom_db, peak_db - 6.0))
    first, last = _joined_run(level_db >= threshold_db, peak, max_gap=25)
    # However narrow the stretch, the loudest frame lies in it.
    earliest = max(0, peak - reach)
    centre = earliest + int(power[earliest : peak + 1].argmax())
    start = min(first, centre) * _FRAME_SAMPLES
    end = max(last + 1 - reach, centre + 1) * _FRAME_SAMPLES
    return start, end


def active_rms(clip: FloatArray) -> float:
    """Return the root mean square of a clip's active part, 0.0 for silence."""
    start, end = active_region(clip)
    return float(np.sqrt(np.mean(np.square(clip[start:end], dtype=np.float64)))) if end > start else 0.0


def _tenth_percentile(values: np.ndarray) -> float:
    # As np.percentile, whose checks take ten times as long as the work; every augmented clip comes here.
    below, share = divmod(0.1 * (len(values) - 1), 1.0)
    first = int(below)
    last = min(first + 1, len(values) - 1)
    low, high = np.partition(values, (first, last))[[first, last]]
    return float(low + (high - low) * share)


def _joined_run(active: np.ndarray, centre: int, max_gap: int) -> tuple[int, int]:
    first = last = centre
    for frame in range(centre, -1, -1):
        if active[frame]:
            first = frame
        elif first - frame > max_gap:
            break
    for frame in range(centre, len(active)):
        if active[frame]:
            last = frame
        elif frame - last > max_gap:
            break
    return first, last
