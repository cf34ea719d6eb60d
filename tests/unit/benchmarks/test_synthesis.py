"""The comparison is fair: both ways make the same content."""

from __future__ import annotations

import numpy as np
import pytest

from benchmarks import synthesis


def test_both_ways_make_streams_of_the_same_length_level_and_word_share():
    content = synthesis.Content("test", 10.0, 4, 2.0)
    clips, noise = synthesis.make_material(content, np.random.default_rng(0))
    classic = synthesis.ClassicWay(content, clips, noise, n_tries=100)
    ours = synthesis.our_way(content, clips, noise)
    rng = np.random.default_rng(1)
    figures = {"classic": [], "ours": []}
    for name, make in (("classic", classic.stream), ("ours", ours)):
        for _ in range(40):
            samples = make(rng)
            assert samples.shape == (160_000,)
            samples = samples / 32768 if samples.dtype == np.int16 else samples
            blocks = np.sqrt(np.mean(samples.reshape(-1, 1600) ** 2, axis=1))
            figures[name].append(
                (20 * np.log10(np.sqrt(np.mean(samples**2))), np.mean(blocks > 1.3 * np.quantile(blocks, 0.2)))
            )
    for classic_figure, our_figure in zip(
        np.mean(figures["classic"], axis=0), np.mean(figures["ours"], axis=0), strict=True
    ):
        assert classic_figure == pytest.approx(our_figure, rel=0.05)


def test_a_row_of_the_table():
    row = synthesis.compare(synthesis.Content("short", 2.0, 1, 0.5), budget_s=0.02, n_tries=10)
    assert row["ratio"] == pytest.approx(row["our_streams_per_s"] / row["classic_streams_per_s"])
