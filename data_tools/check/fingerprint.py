"""Audio fingerprints: which clips may hold the same recording, without comparing each with each."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from kws.audio import FloatArray, resample

PRINT_RATE_HZ = 8000
HOP_S = 0.01

_HOP_SAMPLES = round(HOP_S * PRINT_RATE_HZ)
_WINDOW_SAMPLES = 2048
_SPAN_FRAMES = 4
_N_BITS = 20
_LOW_HZ, _HIGH_HZ = 300.0, 3300.0
_RANGE_DB = 20.0
_FLOOR_POWER = 1e-9
_BLOCK_FRAMES = 2048

# A word that many clips share says little; it is compared with so many of its equals at most.
_NEIGHBOURS = 24
_MIN_VOTES = 2
_VOTE_FRAMES = 4
_OFFSET_STEPS = (-1, 1)
_MAX_ERROR_RATE = 0.25
_MIN_OVERLAP_FRAMES = 15


@dataclass(frozen=True)
class Fingerprint:
    """One word of 20 bits every 10 ms.

    Parameters
    ----------
    words : array of uint32, shape (T,)
    is_loud : array of bool, shape (T,)
        Frames within 20 dB of the loudest: only these tell anything.
    """

    words: npt.NDArray[np.uint32]
    is_loud: npt.NDArray[np.bool_]


def fingerprint(samples: FloatArray, rate_hz: int) -> Fingerprint:
    """Return the fingerprint of mono audio, shape (N,).

    A bit says whether the energy of a band, against the next higher band, rises over 40 ms: gain changes nothing, and
    noise, another sample rate and a lossy codec change few bits. Windows of 256 ms make it indifferent to small shifts.

    References
    ----------
    Haitsma and Kalker, "A Highly Robust Audio Fingerprinting System", ISMIR 2002 (there 32 bits, 370 ms, 11.6 ms).
    """
    audio = resample(samples, rate_hz, PRINT_RATE_HZ)
    half = _WINDOW_SAMPLES // 2
    padded = np.pad(audio, half)
    frames = np.lib.stride_tricks.sliding_window_view(padded, _WINDOW_SAMPLES)[::_HOP_SAMPLES]
    window = np.hanning(_WINDOW_SAMPLES).astype(np.float32)
    edges_hz = np.geomspace(_LOW_HZ, _HIGH_HZ, _N_BITS + 2)
    edges = np.rint(edges_hz * _WINDOW_SAMPLES / PRINT_RATE_HZ).astype(np.int64)
    parts = []
    for first in range(0, len(frames), _BLOCK_FRAMES):
        power = np.square(np.abs(np.fft.rfft(frames[first : first + _BLOCK_FRAMES] * window, axis=1)))
        parts.append(np.add.reduceat(power, edges, axis=1)[:, :-1])
    bands = np.concatenate(parts)
    slope = np.diff(np.log(bands + 1e-12), axis=1)
    rising = slope[_SPAN_FRAMES:] > slope[:-_SPAN_FRAMES]
    power = bands.sum(axis=1)[_SPAN_FRAMES:] / _WINDOW_SAMPLES
    loud = power > max(_FLOOR_POWER, power.max(initial=0.0) * 10.0 ** (-_RANGE_DB / 10.0))
    return Fingerprint((rising @ (1 << np.arange(_N_BITS))).astype(np.uint32), loud)


def candidates(prints: Mapping[str, Fingerprint]) -> list[tuple[str, str]]:
    """Return pairs of clips that may hold the same recording: enough equal words in step, few different bits.

    The work grows with the number of words, not with that of pairs.
    """
    names = list(prints)
    pairs = []
    for first, second, offset in _votes([prints[name] for name in names]):
        near = (error_rate(prints[names[first]], prints[names[second]], offset + step) for step in _OFFSET_STEPS)
        if min(near) <= _MAX_ERROR_RATE:
            pairs.append((names[first], names[second]))
    return sorted(set(pairs))


def error_rate(first: Fingerprint, second: Fingerprint, offset_frames: int) -> float:
    """Return the share of different bits where frame `t` of the first meets ``t + offset_frames`` of the second.

    Only frames that are loud in both count; 1.0 if they are fewer than 15.
    """
    start, end = max(0, -offset_frames), min(len(first.words), len(second.words) - offset_frames)
    if end - start < _MIN_OVERLAP_FRAMES:
        return 1.0
    here, there = slice(start, end), slice(start + offset_frames, end + offset_frames)
    loud = first.is_loud[here] & second.is_loud[there]
    n_loud = int(np.count_nonzero(loud))
    if n_loud < _MIN_OVERLAP_FRAMES:
        return 1.0
    different = (first.words[here] ^ second.words[there])[loud]
    return int(np.unpackbits(different.view(np.uint8)).sum()) / (_N_BITS * n_loud)


def _votes(prints: list[Fingerprint]) -> list[tuple[int, int, int]]:
    """Return pairs of clips, and the offset in frames at which enough of their words agree."""
    loud = [np.flatnonzero(p.is_loud) for p in prints]
    words = np.concatenate(
        [p.words[frames] for p, frames in zip(prints, loud, strict=True)] or [np.zeros(0, np.uint32)]
    )
    owner = np.concatenate([np.full(len(f), i) for i, f in enumerate(loud)] or [np.zeros(0, np.int64)])
    frame = np.concatenate(loud or [np.zeros(0, np.int64)])
    order = np.argsort(words, kind="stable")
    words, owner, frame = words[order], owner[order], frame[order]
    reach = int(frame.max(initial=0)) + 1
    keys = [np.zeros(0, np.int64)]
    for distance in range(1, _NEIGHBOURS + 1):
        same = (words[distance:] == words[:-distance]) & (owner[distance:] != owner[:-distance])
        index = np.flatnonzero(same)
        # The sort is stable, so that the owner of the first is the lower one.
        offset = (frame[index + distance] - frame[index] + reach) // _VOTE_FRAMES
        keys.append((owner[index] * len(prints) + owner[index + distance]) * (2 * reach) + offset)
    found, counts = np.unique(np.concatenate(keys), return_counts=True)
    found = found[counts >= _MIN_VOTES]
    pair, offset = np.divmod(found, 2 * reach)
    first, second = np.divmod(pair, len(prints))
    offset = offset * _VOTE_FRAMES - reach + _VOTE_FRAMES // 2
    return list(zip(first.tolist(), second.tolist(), offset.tolist(), strict=True))
