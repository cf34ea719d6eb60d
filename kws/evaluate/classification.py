"""A detector read as a classifier of clips: the class is the output whose score peaks highest.

The scores are those of the live chain, so that one model is both: what :class:`kws.runtime.Detector` hears in a stream
is what is classified here. A clip follows silence, and is followed by half a second of it, in which a word at the
very end still peaks. Where no output reaches a level, nothing was said.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field

import numpy as np
import numpy.typing as npt

from kws.audio import FloatArray, to_float32
from kws.config import SAMPLE_RATE_HZ, require
from kws.errors import ConfigError
from kws.evaluate.scoring import score_recording
from kws.runtime import Runner
from kws.spec import UNKNOWN

SILENCE = "_silence_"
NONE = "_none_"
"""Class of all that is no keyword, of a model without an output for other words."""

TAIL_S = 0.5
_BATCH_CLIPS = 32


@dataclass(frozen=True, eq=False)
class LabelledClip:
    """A recording and what is said in it.

    Parameters
    ----------
    name : str
    label : str
        A keyword, ``_unknown_`` for another word, ``_silence_`` for none.
    samples : array of int16 or float32, shape (N,)
        16 kHz.
    speaker : str
    """

    name: str
    label: str
    samples: npt.NDArray[np.int16] | FloatArray = field(repr=False)
    speaker: str = ""


def classes_of(outputs: Sequence[str]) -> tuple[str, ...]:
    """Return the classes that a model with these outputs can tell: keywords, other words, silence."""
    keywords = [output for output in outputs if output != UNKNOWN]
    return (*keywords, UNKNOWN, SILENCE) if UNKNOWN in outputs else (*keywords, NONE)


def class_of(label: str, classes: Sequence[str]) -> str:
    """Return the class that stands for a label: the label itself, or ``_none_`` where other words have no output.

    Raises
    ------
    ConfigError
        If no class does.
    """
    if label in classes:
        return label
    if label in (UNKNOWN, SILENCE) and NONE in classes:
        return NONE
    raise ConfigError(f"class is {label!r}; accepted are those that the model tells: {', '.join(classes)}")


def peak_scores(
    runner: Runner, clips: Sequence[LabelledClip], on_progress: Callable[[int], None] | None = None
) -> FloatArray:
    """Return the highest score of each output over each clip and the half second after it.

    Parameters
    ----------
    runner : Runner
    clips : sequence of LabelledClip
        M of them.
    on_progress : callable, optional
        Called with the number of clips that were just scored.

    Returns
    -------
    array of float32, shape (M, K)
    """
    peaks = np.zeros((len(clips), len(runner.spec.keywords)), np.float32)
    # Clips of like length together, each as a channel of its own.
    order = sorted(range(len(clips)), key=lambda index: len(clips[index].samples))
    for chosen in _batches(order, _BATCH_CLIPS):
        audio = [to_float32(clips[index].samples) for index in chosen]
        n_steps = [-(-_padded_samples(item) // runner.spec.step_samples) for item in audio]
        block = np.zeros((len(audio), max(n_steps) * runner.spec.step_samples), np.float32)
        for row, item in zip(block, audio, strict=True):
            row[: len(item)] = item
        scores = score_recording(runner, block)
        for index, row_scores, steps in zip(chosen, scores, n_steps, strict=True):
            peaks[index] = row_scores[:steps].max(axis=0)
        if on_progress is not None:
            on_progress(len(chosen))
    return peaks


def _padded_samples(samples: FloatArray) -> int:
    return len(samples) + round(TAIL_S * SAMPLE_RATE_HZ)


def _batches(order: list[int], size: int) -> Iterator[list[int]]:
    return (order[first : first + size] for first in range(0, len(order), size))


def classify(peaks: FloatArray, outputs: Sequence[str], silence_below: float) -> list[str]:
    """Return the class of each clip.

    Parameters
    ----------
    peaks : array, shape (M, K)
    outputs : sequence of str, K of them
    silence_below : float
        The class is silence (or ``_none_``) where no peak reaches this, 0 to 1.

    Raises
    ------
    ConfigError
        If the level is out of range.
    """
    require("silence_below", silence_below, 0.0, 1.0)
    nothing = classes_of(outputs)[-1]
    best = peaks.argmax(axis=1)
    return [
        outputs[index] if peak >= silence_below else nothing
        for index, peak in zip(best, peaks.max(axis=1).tolist(), strict=True)
    ]


def choose_silence_level(peaks: FloatArray, labels: Sequence[str], outputs: Sequence[str]) -> float:
    """Return the level below which a clip is silence that makes the most clips right.

    Parameters
    ----------
    peaks : array, shape (M, K)
        Of clips that are not those which the accuracy is then reported on.
    labels : sequence of str, M of them
    outputs : sequence of str, K of them

    Returns
    -------
    float
        In the middle, on the logit, of the widest stretch of levels that are best; 0 where no clip is silent.
    """
    classes = classes_of(outputs)
    truth = [class_of(label, classes) for label in labels]
    if classes[-1] not in truth:
        return 0.0
    tops = peaks.max(axis=1)
    order = np.argsort(tops)
    is_word_right = np.array([outputs[i] == t for i, t in zip(peaks.argmax(axis=1), truth, strict=True)])[order]
    is_silent = np.array([t == classes[-1] for t in truth])[order]
    # With a level above the i lowest peaks: those are silence, all others are what they peak at.
    n_right = np.concatenate([[0], np.cumsum(is_silent)]) + np.concatenate([np.cumsum(is_word_right[::-1])[::-1], [0]])
    edges = _logit(np.concatenate([[0.0], tops[order], [1.0]]))
    widths = np.where(n_right == n_right.max(), np.diff(edges), -1.0)
    widest = int(widths.argmax())
    return float(1.0 / (1.0 + np.exp(-(edges[widest] + edges[widest + 1]) / 2)))


def _logit(p: npt.NDArray[np.float32]) -> npt.NDArray[np.float64]:
    inside = np.clip(p.astype(np.float64), 1e-6, 1 - 1e-6)
    return np.log(inside) - np.log1p(-inside)
