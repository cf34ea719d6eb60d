"""`Detector`: samples in, events out."""

from __future__ import annotations

import dataclasses
import os
from collections.abc import Callable, Iterable
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from kws.audio import FloatArray
from kws.config import require, require_one_of
from kws.decision import Decider, step_time_s
from kws.decision.policy import refractory_steps
from kws.runtime.channels import FUSIONS, BestRow
from kws.runtime.runner import Runner, open_runner
from kws.runtime.scorer import Scorer
from kws.spec import ModelSpec

# A word arrives at all microphones of a room within less than this.
_SAME_WORD_S = 0.5


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
        Row of the samples in which it was heard, from 0.
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

    Every keyword is decided on its own. The same audio gives the same events, whatever the sizes in which it comes,
    as int16 or as float32. Channels that have been identical from the start are computed once.

    Several channels are one room: a word is told once, however many of them hear it.

    - ``"any"``: every channel is decided on its own. After an event the keyword on another channel is the same word
      for its refractory time, at least 0.5 s. Of channels that fire in the same step the highest score is told.
    - ``"vote"``: one decision on the score that half of the channels reach in each step (of four the second
      highest, of two the highest).
    - ``"max"``: one decision on the highest score of all channels in each step.
    - ``"best"``: one decision on the scores of the channel with the best signal-to-noise ratio; see
      :class:`kws.runtime.channels.BestRow`.

    Parameters
    ----------
    runner : Runner
        A loaded model, used by this detector only.
    threshold : float, optional
        Smoothed score at which every keyword fires, 0 to 1; by default what the spec says.
    on_scores : callable, optional
        Called with the raw scores ``(C, T, K)`` of each block before they are decided. It may be set later.
    fusion : {"any", "vote", "max", "best"}
        How several channels are decided.
    spec : ModelSpec, optional
        The runner's spec with other decision rules.

    Raises
    ------
    ConfigError
        If `threshold` is out of range, or `fusion` is none of these.

    Examples
    --------
    >>> detector = Detector.open("computer.onnx")  # doctest: +SKIP
    >>> for block in blocks:  # doctest: +SKIP
    ...     for event in detector.process(block):
    ...         print(event.keyword, event.time_s)
    """

    def __init__(
        self,
        runner: Runner,
        threshold: float | None = None,
        on_scores: Callable[[FloatArray], None] | None = None,
        fusion: str = "any",
        spec: ModelSpec | None = None,
    ) -> None:
        self._spec = spec or runner.spec
        if threshold is not None:
            require("threshold", threshold, 0.0, 1.0)
            self._spec = self._spec.with_rule(threshold=threshold)
        require_one_of("fusion", fusion, FUSIONS)
        self._fusion = fusion
        self.on_scores = on_scores
        self._scorer = Scorer(runner)
        self.reset()

    @classmethod
    def open(
        cls,
        path: str | os.PathLike[str],
        threshold: float | None = None,
        on_scores: Callable[[FloatArray], None] | None = None,
        fusion: str = "any",
    ) -> Detector:
        """Load a model file; the other parameters are those of the class.

        Raises
        ------
        ModelFileError
            If the file is missing, damaged, of a newer format or no model of this toolkit.
        MissingPackageError
            If the package that runs it is not installed.
        ConfigError
            If `threshold` is out of range, or `fusion` is unknown.
        """
        if threshold is not None:
            require("threshold", threshold, 0.0, 1.0)
        return cls(open_runner(path), threshold, on_scores, fusion)

    @property
    def spec(self) -> ModelSpec:
        """What the model says about itself, with the rules that are used."""
        return self._spec

    @property
    def block_samples(self) -> int:
        """Samples that are decided at once; blocks of this size are the cheapest."""
        return self._scorer.block_samples

    def reset(self) -> None:
        """Forget all audio, the number of channels too: what comes next follows silence and starts at 0 s."""
        self._scorer.reset()
        self._n_steps = 0
        # Made when the number of channels is known.
        self._words: list[_Word] = []
        self._best: BestRow | None = None

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
            if self.on_scores is not None:
                self.on_scores(scores)
            if scores.shape[1] == 0:
                continue
            if not self._words:
                self._open_channels(len(scores))
            fused, origins = self._fuse(scores)
            # Python numbers once a block: cheaper than one array element at a time.
            for step, rows in zip(fused.swapaxes(0, 1).tolist(), origins, strict=True):
                self._decide_step(step, rows, events)
        return events

    def _open_channels(self, n_channels: int) -> None:
        n_tracks = n_channels if self._fusion == "any" else 1
        self._words = [_Word(keyword, self._spec, n_tracks) for keyword in self._spec.keywords]
        if self._fusion == "best" and n_channels > 1:
            self._best = BestRow(n_channels)

    def _fuse(self, scores: FloatArray) -> tuple[FloatArray, list[list[int]]]:
        """Return the tracks ``(tracks, T, K)`` that are decided, and for each step and keyword the row told of."""
        n_steps, n_keywords = scores.shape[1:]
        if self._fusion in ("max", "vote") and len(scores) > 1:
            rank = 1 if self._fusion == "max" else (len(scores) + 1) // 2
            track = np.sort(scores, axis=0)[len(scores) - rank]
            # The first channel that has this score.
            return track[np.newaxis], (scores == track).argmax(axis=0).tolist()
        row = 0 if self._best is None else self._best.update(self._scorer.heard)
        tracks = scores if self._fusion == "any" else scores[row : row + 1]
        return tracks, [[row] * n_keywords] * n_steps

    def _decide_step(self, scores: list[list[float]], rows: list[int], events: list[Event]) -> None:
        time_s = step_time_s(self._n_steps, self._spec.step_s)
        for index, (word, row) in enumerate(zip(self._words, rows, strict=True)):
            fired = word.update([track[index] for track in scores], self._n_steps)
            if fired is not None:
                score, track = fired
                events.append(Event(word.keyword, time_s, score, row + track))
        self._n_steps += 1


class _Word:
    """One keyword on all tracks: a decision on each, told once."""

    def __init__(self, keyword: str, spec: ModelSpec, n_tracks: int) -> None:
        rule = spec.decision_of(keyword)
        self.keyword = keyword
        self._deciders = [Decider(rule, spec.step_s) for _ in range(n_tracks)]
        long_enough = dataclasses.replace(rule, refractory_s=max(rule.refractory_s, _SAME_WORD_S))
        self._same_word_steps = refractory_steps(long_enough, spec.step_s)
        self._told_track = -1
        self._told_step = -self._same_word_steps

    def update(self, scores: list[float], step: int) -> tuple[float, int] | None:
        """Take the scores of a step; return score and track of an event."""
        best: tuple[float, int] | None = None
        # The track that was told last keeps to its own refractory time.
        is_other_free = step - self._told_step >= self._same_word_steps
        for track, (decider, score) in enumerate(zip(self._deciders, scores, strict=True)):
            fired = decider.update(score)
            if fired is None or not (is_other_free or track == self._told_track):
                continue
            if best is None or fired > best[0]:
                best = (fired, track)
        if best is not None:
            self._told_track, self._told_step = best[1], step
        return best
