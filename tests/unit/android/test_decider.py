"""The decision rule in Java against `Decider`: the same steps and the same numbers to the last bit, for any rule."""

from __future__ import annotations

import json

import numpy as np

from kws.config import DecisionConfig, to_dict
from kws.decision import Decider
from tests.java_engine import JavaEngine


def test_same_events_to_the_last_bit_for_any_rule(engine: JavaEngine) -> None:
    rng = np.random.default_rng(0)
    lines, expected = [], []
    for index in range(300):
        rule = DecisionConfig(
            threshold=float(rng.choice([0.0, 0.3, 0.5, 1.0, rng.random()])),
            smoothing_steps=int(rng.integers(1, 9)),
            patience_steps=int(rng.integers(1, 5)),
            rearm_ratio=float(rng.choice([0.0, 0.8, 1.0, rng.random()])),
            refractory_s=float(rng.choice([0.0, 0.28, 1.0, 3 * rng.random()])),
        )
        step_s = float(rng.choice([0.04, 0.01, 0.07, 0.0725]))
        # Scores in runs, as those of speech are: below and above the threshold for some steps.
        track = np.clip(np.convolve(rng.normal(0.4, 1.5, 500), np.ones(5) / 5, "same"), 0, 1).astype(np.float32)
        if index % 10 == 0:
            track[::37] = np.nan
        expected.append([(i, fired) for i, fired in Decider(rule, step_s).run(track.tolist())])
        lines += [f"{step_s!r} {json.dumps(to_dict(rule))}", " ".join(str(score) for score in track)]
    text = "\n".join(lines).replace("nan", "NaN") + "\n"
    told = [line.split() for line in engine.call("decide", lines=text).splitlines()]
    found = [list(zip(map(int, words[::2]), map(float, words[1::2]), strict=True)) for words in told]
    assert found == expected
    assert sum(map(len, expected)) > 1000
