"""The interface of openWakeWord 0.6: ``Model(...).predict(frame) -> {name: score}``.

References
----------
https://github.com/dscripka/openWakeWord, sections "Usage" and "Recommendations for Usage" of its README.
"""

from __future__ import annotations

import os
import time
from collections import defaultdict, deque
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from kws.audio import read_audio, to_pcm16
from kws.config import SAMPLE_RATE_HZ, require, require_one_of, shown
from kws.errors import AudioError, ConfigError
from kws.runtime import Scorer, open_runner

Prediction = dict[str, float]
Clip = str | os.PathLike[str] | npt.NDArray[np.int16]

BUNDLED = {"computer": Path(__file__).parents[1] / "assets" / "computer.onnx"}
"""Models that come with the toolkit, by name."""

_BUFFER_CALLS = 30
_HISTORY_BLOCKS = 1000
# Settings of openWakeWord's own features and threads: nothing here depends on them.
_WITHOUT_EFFECT = {"ncpu", "device", "melspec_model_path", "embedding_model_path"}


class Model:
    """openWakeWord's `Model` on models of this toolkit.

    Parameters
    ----------
    wakeword_models : sequence of path or str
        Model files of this toolkit, or names of bundled ones; by default ``["computer"]``. A score is called after
        its file, without folder and suffix; those of a model with several keywords after the keywords.
    class_mapping_dicts, custom_verifier_models : empty
        There are none here.
    enable_speex_noise_suppression : False
    vad_threshold : 0
    custom_verifier_threshold : float
        Without a verifier it has no effect.
    inference_framework : {"onnx", "tflite"}
        No effect: the suffix of a file says what runs it.
    **others
        ``ncpu``, ``device``, ``melspec_model_path`` and ``embedding_model_path`` have no effect.

    Raises
    ------
    ConfigError
        For an argument that would change what is heard, and is not to be had here.
    ModelFileError, MissingPackageError
        If a model cannot be opened.

    Examples
    --------
    >>> model = Model()  # doctest: +SKIP
    >>> model.predict(frame)  # doctest: +SKIP
    {'computer': 0.0012}
    """

    def __init__(
        self,
        wakeword_models: Sequence[str | os.PathLike[str]] = (),
        class_mapping_dicts: Sequence[Mapping[str, str]] = (),
        enable_speex_noise_suppression: bool = False,
        vad_threshold: float = 0,
        custom_verifier_models: Mapping[str, str] | None = None,
        custom_verifier_threshold: float = 0.1,
        inference_framework: str = "tflite",
        **others: object,
    ) -> None:
        _refuse("class_mapping_dicts", class_mapping_dicts)
        _refuse("enable_speex_noise_suppression", enable_speex_noise_suppression)
        _refuse("vad_threshold", vad_threshold)
        _refuse("custom_verifier_models", custom_verifier_models)
        require_one_of("inference_framework", inference_framework, ("onnx", "tflite"))
        for name in others:
            require_one_of("argument", name, _WITHOUT_EFFECT)
        self.models: dict[str, Scorer] = {}
        """The loaded models by name."""
        for given in wakeword_models or ["computer"]:
            path = _path_of(given)
            if path.stem in self.models:
                raise ConfigError(f"wakeword_models has two files called {path.stem}; accepted are different names")
            self.models[path.stem] = Scorer(open_runner(path))
        self._names = _score_names(self.models)
        self.reset()

    def reset(self) -> None:
        """Forget all audio and all scores."""
        for scorer in self.models.values():
            scorer.reset()
        self.prediction_buffer: defaultdict[str, deque[float]] = defaultdict(lambda: deque(maxlen=_BUFFER_CALLS))
        """Scores of the latest 30 calls, by name."""
        self._last = dict.fromkeys(self._all_names, 0.0)
        # Scores of 80 ms each, for `patience`; samples up to the latest score that `debounce_time` let pass.
        self._history: dict[str, deque[float]] = {name: deque(maxlen=_HISTORY_BLOCKS) for name in self._all_names}
        self._passed_at: dict[str, int] = {}
        self._n_samples = 0

    def predict(
        self,
        x: npt.NDArray[np.int16],
        patience: Mapping[str, int] | None = None,
        threshold: Mapping[str, float] | None = None,
        debounce_time: float = 0.0,
        timing: bool = False,
    ) -> Any:
        """Take the next audio and return the score of every wake word.

        Parameters
        ----------
        x : array of int16, shape (N,)
            16 kHz, any N. Scores are computed every 1280 samples (80 ms); a call that completes no such block
            returns the scores of the call before.
        patience : dict of str to int, optional
            Blocks in a row that must reach the threshold; before that the score is returned as 0.
        threshold : dict of str to float, optional
            Needed by `patience` and `debounce_time`, for the names that these are meant for.
        debounce_time : float
            Seconds for which, once a score has reached its threshold, others that do are returned as 0.
        timing : bool
            Return a tuple: the scores, and the seconds that each model took as ``{"models": {name: seconds}}``.

        Returns
        -------
        dict of str to float
            0 to 1: the raw score, the highest of the steps in `x`; or the tuple that `timing` asks for.

        Raises
        ------
        AudioError
            If `x` is no int16 array of that shape.
        ConfigError
            If a name is unknown, a threshold is missing, or `patience` comes with `debounce_time`.
        """
        if not isinstance(x, np.ndarray) or x.dtype != np.int16 or x.ndim != 1:
            found = f"{x.dtype} {x.shape}" if isinstance(x, np.ndarray) else type(x).__name__
            raise AudioError(f"x is {found}; accepted is an int16 array of shape (N,)")
        patience, threshold = patience or {}, threshold or {}
        self._check(patience, threshold, debounce_time)
        seconds = {name: self._score(name, x) for name in self.models}
        self._n_samples += len(x)
        shown_scores = dict(self._last)
        for name, n_blocks in patience.items():
            if not self._is_patient(name, n_blocks, threshold[name]):
                shown_scores[name] = 0.0
        if debounce_time > 0.0:
            self._debounce(shown_scores, threshold, debounce_time)
        for name, score in self._last.items():
            self.prediction_buffer[name].append(score)
        return (shown_scores, {"models": seconds}) if timing else shown_scores

    def predict_clip(self, clip: Clip, padding: int = 1, chunk_size: int = 1280, **options: Any) -> list[Any]:
        """Predict on a whole clip as if it came live, after a :meth:`reset`.

        Parameters
        ----------
        clip : path or array of int16, shape (N,)
            16 kHz if an array; a file may have any rate and number of channels.
        padding : int
            Seconds of silence before and after it.
        chunk_size : int
            Samples a call.
        **options
            Of :meth:`predict`.

        Returns
        -------
        list
            What :meth:`predict` returned, a call each.
        """
        require("chunk_size", chunk_size, 1, 2**31)
        samples = clip if isinstance(clip, np.ndarray) else to_pcm16(read_audio(clip))
        silence = np.zeros(round(padding * SAMPLE_RATE_HZ), np.int16)
        if samples.ndim == 1:
            samples = np.concatenate([silence, samples, silence])
        self.reset()
        return [self.predict(samples[i : i + chunk_size], **options) for i in range(0, len(samples), chunk_size)]

    @property
    def _all_names(self) -> list[str]:
        return [name for names in self._names.values() for name in names]

    def _score(self, model: str, x: npt.NDArray[np.int16]) -> float:
        """Give the samples to a model, keep its scores; return the seconds that it took."""
        start = time.perf_counter()
        blocks = [scores[0].max(axis=0).tolist() for scores in self.models[model].process(x)]
        for index, name in enumerate(self._names[model]):
            if blocks:
                self._last[name] = max(block[index] for block in blocks)
            self._history[name].extend(block[index] for block in blocks)
        return time.perf_counter() - start

    def _check(self, patience: Mapping[str, int], threshold: Mapping[str, float], debounce_time: float) -> None:
        for name in (*patience, *threshold):
            require_one_of("name", name, self._all_names)
        for name, n_blocks in patience.items():
            require(f"patience of {name}", n_blocks, 1, _HISTORY_BLOCKS)
        if patience and debounce_time > 0.0:
            raise ConfigError("patience and debounce_time were both given; accepted is one of them")
        if (debounce_time > 0.0 and not threshold) or not threshold.keys() >= patience.keys():
            raise ConfigError("threshold is missing; patience and debounce_time need one for each name")

    def _is_patient(self, name: str, n_blocks: int, threshold: float) -> bool:
        latest = list(self._history[name])[-n_blocks:]
        return len(latest) == n_blocks and min(latest) >= threshold

    def _debounce(self, scores: Prediction, threshold: Mapping[str, float], debounce_s: float) -> None:
        for name, least in threshold.items():
            if scores[name] < least:
                continue
            passed_at = self._passed_at.get(name)
            if passed_at is not None and self._n_samples - passed_at <= debounce_s * SAMPLE_RATE_HZ:
                scores[name] = 0.0
            else:
                self._passed_at[name] = self._n_samples


def _refuse(name: str, value: Any) -> None:
    if value:
        raise ConfigError(f"{name} is {shown(value)}; this toolkit has no such thing, accepted is to leave it out")


def _path_of(given: str | os.PathLike[str]) -> Path:
    # Names as openWakeWord takes them: with or without the underscore.
    name = os.fspath(given).replace(" ", "_")
    return BUNDLED[name] if name in BUNDLED and not Path(given).exists() else Path(given)


def _score_names(models: Mapping[str, Scorer]) -> dict[str, list[str]]:
    names = {
        model: [model] if len(scorer.spec.keywords) == 1 else list(scorer.spec.keywords)
        for model, scorer in models.items()
    }
    every = [name for group in names.values() for name in group]
    if len(set(every)) != len(every):
        raise ConfigError(f"the models share names of scores ({', '.join(sorted(every))}); accepted are different ones")
    return names
