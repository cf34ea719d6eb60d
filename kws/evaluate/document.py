"""An evaluation as plain values for JSON: counts, intervals, hours, seeds and fingerprints. The schema is stable."""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from dataclasses import asdict
from pathlib import Path
from typing import Any

import numpy as np

from kws.evaluate.bootstrap import BootstrapInterval
from kws.evaluate.compare import Comparison
from kws.evaluate.curves import det_curves
from kws.evaluate.evaluation import Evaluation
from kws.evaluate.intervals import rate_below, share_below, wilson_interval
from kws.evaluate.tables import Breakdown, FalseAcceptsRow, WordsRow, breakdowns, false_accept_rows, words_rows
from kws.evaluate.trials import Material, TrialSettings
from kws.evaluate.wording import claims

SCHEMA = "kws-eval/1"
"""Its number rises when a key changes its meaning or goes; a new key does not raise it."""

N_RESAMPLES = 10_000


class Rows:
    """The tables of one evaluation, counted once for the terminal and for JSON.

    Parameters
    ----------
    evaluation : Evaluation
    seed : int
        Of the bootstrap.
    """

    def __init__(self, evaluation: Evaluation, seed: int) -> None:
        rng = np.random.default_rng([seed, 2])
        found = [outcome for outcome in evaluation.outcomes if outcome.audio_s > 0]
        self.evaluation = evaluation
        self.words: list[WordsRow] = words_rows(found, rng, N_RESAMPLES)
        self.false_accepts: list[FalseAcceptsRow] = false_accept_rows(found, rng, N_RESAMPLES)
        self.breakdowns: list[Breakdown] = breakdowns(found)
        self.claims: list[str] = claims(self.words, self.false_accepts)


def document(
    toolkit: str,
    rows: Sequence[Rows],
    material: Material,
    settings: TrialSettings,
    chosen_on: Material | None = None,
    comparisons: Sequence[Comparison] = (),
) -> dict[str, Any]:
    """Return everything that an evaluation found; the keys are described in ``docs/evaluation.md``.

    Parameters
    ----------
    toolkit : str
        Version of the toolkit.
    rows : sequence of Rows
        One a model and keyword.
    material : Material
        What is reported.
    settings : TrialSettings
    chosen_on : Material, optional
        What thresholds were chosen on, if it is other material.
    comparisons : sequence of Comparison
        Of two models, one a keyword.
    """
    return {
        "schema": SCHEMA,
        "toolkit": toolkit,
        "settings": asdict(settings),
        "data": material.describe(),
        "chosen_on": None if chosen_on is None else chosen_on.describe(),
        "results": [_result(one) for one in rows],
        "comparisons": [_comparison(one) for one in comparisons],
    }


def _result(rows: Rows) -> dict[str, Any]:
    evaluation = rows.evaluation
    return {
        "model": evaluation.subject.name,
        "model_sha256": hashlib.sha256(Path(evaluation.model).read_bytes()).hexdigest(),
        "keyword": evaluation.keyword,
        "threshold": {**asdict(evaluation.threshold), "sentence": evaluation.threshold.sentence},
        "rule": asdict(evaluation.subject.decision),
        "match_window_s": [evaluation.window.early_s, evaluation.window.late_s],
        "audio_hours": round(sum(s.trial.audio_s for s in evaluation.scored) / 3600, 4),
        "words": [_words(row) for row in rows.words],
        "negatives": [_false_accepts(row) for row in rows.false_accepts],
        "groups": [group for table in rows.breakdowns for group in _groups(table)],
        "det": _det(evaluation),
        "misses": [
            {"trial": o.trial.name, "word_end_s": round(end_s, 4)}
            for o in evaluation.outcomes
            for end_s in o.matching.missed_s
        ],
        "false_accepts": [
            {"trial": o.trial.name, "recording": o.trial.source_at(at_s), "event_s": round(at_s, 4)}
            for o in evaluation.outcomes
            for at_s in o.matching.false_accepts_s
        ],
        "claims": rows.claims,
    }


def _words(row: WordsRow) -> dict[str, Any]:
    counts = row.counts
    return {
        "condition": row.condition,
        "words": counts.n_words,
        "missed": counts.n_misses,
        "frr": counts.false_reject_rate,
        "wilson_95": [row.low, row.high],
        "below_95_one_sided": share_below(counts.n_misses, counts.n_words),
        "by_speaker_95": _bootstrap(row.by_speaker),
        "by_recording_95": _bootstrap(row.by_recording),
        "events_beside_words": counts.n_false_accepts,
        "delay_s": _quantiles(row.delays_s),
    }


def _false_accepts(row: FalseAcceptsRow) -> dict[str, Any]:
    counts = row.counts
    return {
        "set": row.name,
        "hours": counts.hours,
        "false_accepts": counts.n_false_accepts,
        "per_hour": counts.false_accepts_per_hour,
        "poisson_95": [row.low, row.high],
        "below_95_one_sided": rate_below(counts.n_false_accepts, counts.hours),
        "by_recording_95": _bootstrap(row.by_recording),
    }


def _bootstrap(interval: BootstrapInterval | None) -> dict[str, Any] | None:
    if interval is None:
        return None
    ends = [interval.low, interval.high] if interval.low == interval.low else None
    return {"interval": ends, "clusters": interval.n_clusters, "caution": interval.caution}


def _quantiles(delays_s: Sequence[float]) -> dict[str, float] | None:
    if not delays_s:
        return None
    median, p90, p99 = np.quantile(delays_s, [0.5, 0.9, 0.99])
    return {"median": float(median), "p90": float(p90), "p99": float(p99), "hits": len(delays_s)}


def _groups(table: Breakdown) -> list[dict[str, Any]]:
    return [
        {
            "by": table.attribute,
            "value": value,
            "condition": condition,
            "words": counts.n_words,
            "missed": counts.n_misses,
            "wilson_95": list(wilson_interval(counts.n_misses, counts.n_words)),
        }
        for value, series in table.rows
        for condition, counts in zip(table.series, series, strict=True)
        if counts.n_words
    ]


def _det(evaluation: Evaluation) -> list[dict[str, Any]]:
    return [
        {
            "condition": curve.condition,
            "threshold": curve.thresholds.tolist(),
            "frr": curve.false_reject_rates.tolist(),
            "fa_per_h": curve.false_accepts_per_hour.tolist(),
        }
        for curve in det_curves(evaluation.subject, evaluation.conditions)
    ]


def _comparison(comparison: Comparison) -> dict[str, Any]:
    accepts = comparison.false_accepts
    return {
        "keyword": comparison.a.keyword,
        "a": {"model": comparison.a.name, "threshold": comparison.a.decision.threshold},
        "b": {"model": comparison.b.name, "threshold": comparison.b.decision.threshold},
        "words": [
            {
                "condition": paired.condition,
                "both_hit": paired.n_both_hit,
                "only_a_missed": paired.n_only_a_missed,
                "only_b_missed": paired.n_only_b_missed,
                "both_missed": paired.n_both_missed,
                "mcnemar_p": paired.p_value,
                "difference_by_speaker_95": _bootstrap(paired.by_speaker),
                "difference_by_recording_95": _bootstrap(paired.by_recording),
            }
            for paired in comparison.misses
        ],
        "false_accepts": {
            "both": accepts.n_both,
            "only_a": accepts.n_only_a,
            "only_b": accepts.n_only_b,
            "hours": accepts.hours,
            "p": accepts.p_value,
        },
        "sentences": comparison.sentences(),
    }
