"""Hours without any word, and two halves of all recordings that share nobody."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Mapping, Sequence

import numpy as np

from kws.config import SAMPLE_RATE_HZ
from kws.evaluate.recordings import Recording
from kws.evaluate.results import NEGATIVES, Trial

FOLDS = ("A", "B")
_PIECE_SAMPLES = 60 * SAMPLE_RATE_HZ


def fold_key(recording: Recording) -> str:
    """Return what must not be on both sides: the speaker, or the recording where nobody is known."""
    return f"speaker {recording.speaker}" if recording.speaker else f"recording {recording.name}"


def divide(groups: Iterable[Sequence[Recording]]) -> dict[str, str]:
    """Divide all speakers into two folds of about equal length, group by group.

    The longest come first, each to the shorter fold; a speaker that an earlier group placed stays there.

    Returns
    -------
    dict of str to str
        Fold of each :func:`fold_key`.
    """
    folds: dict[str, str] = {}
    for group in groups:
        lengths: Counter[str] = Counter()
        for recording in group:
            lengths[fold_key(recording)] += len(recording.samples)
        totals = {fold: sum(n for key, n in lengths.items() if folds.get(key) == fold) for fold in FOLDS}
        for key, n in sorted(lengths.items(), key=lambda item: (-item[1], item[0])):
            if key not in folds:
                folds[key] = min(FOLDS, key=lambda fold: totals[fold])
                totals[folds[key]] += n
    return folds


def join_negatives(name: str, recordings: Sequence[Recording], folds: Mapping[str, str]) -> list[Trial]:
    """Join the recordings of a set to trials of a minute or more.

    The network runs on from one recording to the next, as it does live. The two folds are never joined.

    Parameters
    ----------
    name : str
        Of the set; it becomes the attribute ``set``.
    recordings : sequence of Recording
    folds : mapping
        As :func:`divide` returns it.
    """
    pieces: list[list[Recording]] = [[]]
    for recording in sorted(recordings, key=lambda r: (folds[fold_key(r)], r.speaker, r.name)):
        last = pieces[-1]
        is_full = sum(len(r.samples) for r in last) >= _PIECE_SAMPLES
        if last and (is_full or folds[fold_key(last[0])] != folds[fold_key(recording)]):
            pieces.append([])
        pieces[-1].append(recording)
    return [_join(f"{name} {i + 1}", name, piece, folds[fold_key(piece[0])]) for i, piece in enumerate(pieces) if piece]


def _join(name: str, set_name: str, piece: Sequence[Recording], fold: str) -> Trial:
    starts = np.cumsum([0, *(len(r.samples) for r in piece[:-1])]) / SAMPLE_RATE_HZ
    speakers = {r.speaker for r in piece}
    # What all of the piece has in common can be told of it.
    shared = set.intersection(*(set(r.attributes.items()) for r in piece))
    return Trial(
        name=f"{NEGATIVES}: {name}",
        condition=NEGATIVES,
        keyword="",
        samples=np.concatenate([r.samples for r in piece]),
        sources=tuple(r.name for r in piece),
        speaker=speakers.pop() if len(speakers) == 1 else "",
        attributes={**dict(sorted(shared)), "set": set_name},
        fold=fold,
        source_starts_s=tuple(starts.tolist()),
    )
