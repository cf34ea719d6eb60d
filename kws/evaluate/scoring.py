"""Scores of whole recordings through the chain of the live program."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

from kws.audio import FloatArray
from kws.runtime import Runner, Scorer


def score_recording(runner: Runner, samples: npt.ArrayLike) -> FloatArray:
    """Return the raw scores of one recording, heard after silence.

    Parameters
    ----------
    runner : Runner
        Any loaded model; it is reset first.
    samples : array of int16 or float32, shape (N,) or (C, N)
        16 kHz.

    Returns
    -------
    array of float32, shape (C, T, K)
        One row a whole model step, T of them.

    Raises
    ------
    AudioError
        If the samples are not audio.
    """
    scorer = Scorer(runner)
    blocks = list(scorer.process(samples))
    return np.concatenate([*blocks, scorer.flush()], axis=1)
