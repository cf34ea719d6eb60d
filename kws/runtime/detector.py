"""`Detector`: samples in, events out."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterable
from dataclasses import dataclass

import numpy.typing as npt

from kws.audio import FloatArray
from kws.config import require
from kws.decision import Decider, step_time_s
from kws.runtime.runner import Runner, open_runner
from kws.runtime.scorer import Scorer
from kws.spec import ModelSpec


@dataclass(frozen=True)
class Event:
    """One detection.

    Parameters
    ----------
    keyword : str
    time_s : float
        Audio time in seconds, since open or reset, at which it fires.
    score : float
        Smoothed score, 0 to 1.
    channel : int
        Channel of the samples, from 0.
    unix_s : float or None
        Unix time in seconds at which that audio was captured; None for recordings.
    """

    keyword: str
    time_s: float
    score: float
    channel: int
    unix_s: float | None = None


class Detector:
    """A model at work: features, network and decision over one stream of audio.

    Every channel and every keyword is decided on its own. The same audio gives the same events, whatever the
    sizes in which it comes, as int16 or as float32.

    Parameters
    ----------
    runner : Runner
        A loaded model, used by this detector only.
    threshold : float, optional
        Smoothed score at which every keyword fires, 0 to 1; by default what the model's spec says.
    on_scores : callable, optional
        Called with the raw scores ``(C, T, K)`` of each block before they are decided.

    Raises
    ------
    ConfigError
        If `threshold` is out of range.

    Examples
    --------
    >>> detector = Detector.open("computer.onnx")  # doctest: +SKIP
    >>> for block in blocks:  # doctest: +SKIP
    ...     for event in detector.process(block):
    ...         print(event.keyword, event.time_s)
    """

    def __init__(
        self, runner: Runner, threshold: float | None = None, on_scores: Callable[[FloatArray], None] | None = None
    ) -> None:
        self._spec = runner.spec
        if threshold is not None:
            require("threshold", threshold, 0.0, 1.0)
            self._spec = runner.spec.with_thresholds(threshold)
        self._on_scores = on_scores
        self._scorer = Scorer(runner)
        self.reset()

    @classmethod
    def open(
        cls,
        path: str | os.PathLike[str],
        threshold: float | None = None,
        on_scores: Callable[[FloatArray], None] | None = None,
    ) -> Detector:
        """Load a model file; the other parameters are those of the class.

        Raises
        ------
        ModelFileError
            If the file is missing, damaged, of a newer format or no model of this toolkit.
        MissingPackageError
            If the package that runs it is not installed.
        ConfigError
            If `threshold` is out of range.
        """
        if threshold is not None:
            require("threshold", threshold, 0.0, 1.0)
        return cls(open_runner(path), threshold, on_scores)

    @property
    def spec(self) -> ModelSpec:
        """What the model says about itself, with the thresholds that are used."""
        return self._spec

    @property
    def block_samples(self) -> int:
        """Samples that are decided at once; blocks of this size are the cheapest."""
        return self._scorer.block_samples

    def reset(self) -> None:
        """Forget all audio, the number of channels too: what comes next follows silence and starts at 0 s."""
        self._scorer.reset()
        self._n_steps = 0
        # One list of K deciders a channel, made when the number of channels is known.
        self._deciders: list[list[Decider]] = []

    def process(self, samples: npt.ArrayLike) -> list[Event]:
        """Take the next samples of the stream.

        Parameters
        ----------
        samples : array of int16 or float32, shape (N,) or (C, N)
            16 kHz, any N. The first call sets the number of channels.

        Returns
        -------
        list of Event
            In order of time. An event is returned once the block of :attr:`block_samples` that it lies in is
            full, at most 80 ms (or one model step) after it fires.

        Raises
        ------
        AudioError
            On NaN, infinity, another dtype or shape, or another number of channels than before. The stream is
            then as it was before the call.
        """
        return self._decide(self._scorer.process(samples))

    def flush(self) -> list[Event]:
        """Decide on the whole model steps that are left at the end of a recording; then call :meth:`reset`."""
        return self._decide([self._scorer.flush()])

    def _decide(self, blocks: Iterable[FloatArray]) -> list[Event]:
        events: list[Event] = []
        for scores in blocks:
            if self._on_scores is not None:
                self._on_scores(scores)
            # Python numbers once a block: cheaper than one array element at a time.
            for step in scores.swapaxes(0, 1).tolist():
                self._decide_step(step, events)
        return events

    def _decide_step(self, scores: list[list[float]], events: list[Event]) -> None:
        if not self._deciders:
            self._deciders = [self._new_deciders() for _ in scores]
        for channel, (deciders, row) in enumerate(zip(self._deciders, scores, strict=True)):
            for keyword, decider, score in zip(self._spec.keywords, deciders, row, strict=True):
                fired = decider.update(score)
                if fired is not None:
                    time_s = step_time_s(self._n_steps, self._spec.step_s)
                    events.append(Event(keyword, time_s, fired, channel))
        self._n_steps += 1

    def _new_deciders(self) -> list[Decider]:
        return [Decider(self._spec.decision_of(keyword), self._spec.step_s) for keyword in self._spec.keywords]
