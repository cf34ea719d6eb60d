"""Judge a network by what users meet: words missed and false accepts, through the one decision rule."""

from __future__ import annotations

import dataclasses
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt
import torch
from torch import nn

from kws.audio import FloatArray
from kws.evaluate.counting import Counts
from kws.evaluate.operating_point import Track, allowed_in, count_tracks, lowest_within
from kws.spec import ModelSpec
from kws.train.network import network_inputs
from kws.train.validation_streams import NEGATIVES, ValidationStream

# Even steps of the logit: max-pooling drives scores close to 1, where even steps of probability are too coarse.
THRESHOLDS = tuple(float(p) for p in 1.0 / (1.0 + np.exp(-np.arange(-4.0, 11.01, 0.125))))

# Epochs are compared at several numbers of false accepts: with an hour of negatives a single one is a lottery.
_BUDGETS = (0, 1, 2, 4)
# And at a threshold this far above the one with no false accept: a margin for speech that was not heard here.
_MARGIN_STEPS = 8
_BATCH_STREAMS = 16


@dataclass(frozen=True)
class Outcome:
    """What a validation found.

    Parameters
    ----------
    thresholds : dict of str to float
        Chosen threshold of each keyword.
    misses : dict of str to Counts
        Words and misses of each condition at those thresholds, all keywords together.
    negatives : Counts
        False accepts and hours of the negatives at those thresholds.
    cost : float
        Mean false reject rate over conditions and several rates of false accepts; smaller is better.
    """

    thresholds: dict[str, float]
    misses: dict[str, Counts]
    negatives: Counts
    cost: float

    def apply(self, spec: ModelSpec) -> ModelSpec:
        """Return a spec that decides at the chosen thresholds and says what was measured."""
        chosen = {k: dataclasses.replace(spec.decision_of(k), threshold=t) for k, t in self.thresholds.items()}
        # An output that was not judged keeps its rule.
        decision = {**spec.decision, **chosen}
        return dataclasses.replace(spec, decision=decision, training={**spec.training, "validation": self.to_dict()})

    def to_dict(self) -> dict[str, Any]:
        """Return the figures as plain values, with their counts."""
        return {
            "cost": self.cost,
            "frr": {condition: counts.false_reject_rate for condition, counts in self.misses.items()},
            "words": {condition: counts.n_words for condition, counts in self.misses.items()},
            "missed": {condition: counts.n_misses for condition, counts in self.misses.items()},
            "false_accepts": self.negatives.n_false_accepts,
            "negative_hours": round(self.negatives.hours, 3),
            "thresholds": self.thresholds,
        }


class Validator:
    """Scores fixed streams with a network and counts events.

    Parameters
    ----------
    streams : list of ValidationStream
    spec : ModelSpec
    target_fa_per_h : float
        Rate of false accepts at which the threshold is chosen.
    """

    def __init__(self, streams: list[ValidationStream], spec: ModelSpec, target_fa_per_h: float) -> None:
        self._spec, self._target_fa_per_h = spec, target_fa_per_h
        # Streams of like length share a batch; the order of the streams carries no meaning.
        self._streams = sorted(streams, key=lambda stream: len(stream.samples))
        self._inputs = [network_inputs(s.samples[None], spec.front_end)[0] for s in self._streams]
        self._said = {keyword for stream in self._streams for keyword in stream.word_ends_s}

    def judge(self, network: nn.Module) -> Outcome:
        """Return the outcome of a network in its present state."""
        scores = self.scores(network)
        per_keyword = [
            _KeywordJudge(self._spec, keyword, self._tracks(keyword, scores[index]), self._target_fa_per_h)
            for index, keyword in enumerate(self._spec.keywords)
            if keyword in self._said
        ]
        conditions = per_keyword[0].conditions
        return Outcome(
            {judge.keyword: judge.threshold for judge in per_keyword},
            {c: sum((judge.counts_at_threshold(c) for judge in per_keyword), Counts()) for c in conditions},
            _together([judge.counts_at_threshold(NEGATIVES) for judge in per_keyword]),
            float(np.mean([judge.cost for judge in per_keyword])),
        )

    @torch.no_grad()
    def scores(self, network: nn.Module) -> list[list[npt.NDArray[np.float32]]]:
        """Return for each keyword the score track ``(T,)`` of each stream, from a zero state."""
        network.eval()
        device = next(network.parameters()).device
        found: list[list[npt.NDArray[np.float32]]] = [[] for _ in self._spec.keywords]
        for first in range(0, len(self._inputs), _BATCH_STREAMS):
            inputs = self._inputs[first : first + _BATCH_STREAMS]
            logits, _ = network(torch.from_numpy(_padded(inputs)).to(device))
            scores = torch.sigmoid(logits).cpu().numpy()
            for row, item in enumerate(inputs):
                n_steps = len(item) // self._spec.step_frames
                for column, tracks in enumerate(found):
                    tracks.append(scores[row, :n_steps, column])
        return found

    def _tracks(self, keyword: str, scores: list[npt.NDArray[np.float32]]) -> dict[str, list[Track]]:
        tracks: dict[str, list[Track]] = {}
        for stream, track in zip(self._streams, scores, strict=True):
            ends_s = stream.word_ends_s.get(keyword, ())
            # Another keyword's words are negatives of this one.
            condition = stream.condition if ends_s else NEGATIVES
            tracks.setdefault(condition, []).append(Track(track, ends_s))
        return tracks


class _KeywordJudge:
    def __init__(self, spec: ModelSpec, keyword: str, tracks: dict[str, list[Track]], target_fa_per_h: float) -> None:
        self.keyword = keyword
        rule = spec.decision_of(keyword)
        self._counts = {c: count_tracks(t, rule, THRESHOLDS, spec.step_s) for c, t in tracks.items()}
        self.conditions = [c for c in tracks if c != NEGATIVES]
        negatives = self._counts[NEGATIVES]
        allowed = allowed_in(negatives[0].hours, target_fa_per_h)
        self._index = self._plateau(self._lowest_within(allowed))
        self.threshold = THRESHOLDS[self._index]

    @property
    def cost(self) -> float:
        lowest = [self._lowest_within(budget) for budget in _BUDGETS]
        points = [*lowest, min(lowest[0] + _MARGIN_STEPS, len(THRESHOLDS) - 1)]
        return float(np.mean([self._counts[c][p].false_reject_rate for c in self.conditions for p in points]))

    def counts_at_threshold(self, condition: str) -> Counts:
        return self._counts[condition][self._index]

    def _lowest_within(self, allowed: int) -> int:
        lowest = lowest_within([counts.n_false_accepts for counts in self._counts[NEGATIVES]], allowed)
        return min(lowest, len(THRESHOLDS) - 1)

    def _plateau(self, lowest: int) -> int:
        """Return the middle of the thresholds that keep to the limit and miss no word more than the lowest of them.

        Held-out negatives are few: the threshold that just keeps them quiet is too low for those to come.
        """
        misses = [sum(self._counts[c][i].n_misses for c in self.conditions) for i in range(len(THRESHOLDS))]
        best = min(misses[lowest:])
        plateau = [i for i in range(lowest, len(THRESHOLDS)) if misses[i] == best]
        return (plateau[0] + plateau[-1]) // 2


def _together(counts: list[Counts]) -> Counts:
    # The keywords heard the same audio: their false accepts add up, its hours do not.
    return dataclasses.replace(counts[0], n_false_accepts=sum(c.n_false_accepts for c in counts))


def _padded(inputs: list[FloatArray]) -> FloatArray:
    result = np.zeros((len(inputs), max(map(len, inputs)), inputs[0].shape[1]), np.float32)
    for row, item in zip(result, inputs, strict=True):
        row[: len(item)] = item
    return result
