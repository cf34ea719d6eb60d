"""Mixing of speakers, on vectors whose mixtures are known."""

from __future__ import annotations

import numpy as np

from data_tools.voices.kokoro import mix


def test_speakers_who_are_alike_mix_to_themselves() -> None:
    same = np.tile(np.arange(4, dtype=np.float32), (5, 1))
    np.testing.assert_allclose(mix(same, np.random.default_rng(0), 0.6), np.arange(4), atol=1e-6)


def test_weights_add_up_to_one_and_reach_a_little_beyond() -> None:
    # Rows of the identity: without noise a mixture is its own weights.
    mixed = np.stack([mix(np.eye(5, dtype=np.float32), np.random.default_rng(seed), 0.0) for seed in range(300)])
    np.testing.assert_allclose(mixed.sum(axis=1), 1.0, atol=1e-9)
    # Half as far again from 1/5: -0.1 to 1.4.
    assert -0.1 <= mixed.min() < 0.0 and 1.0 < mixed.max() <= 1.4


def test_noise_is_relative_to_the_spread() -> None:
    near, far = np.eye(5, dtype=np.float32), 10.0 * np.eye(5, dtype=np.float32)
    one, ten = (mix(vectors, np.random.default_rng(3), 0.6) for vectors in (near, far))
    np.testing.assert_allclose(ten, 10.0 * one, rtol=1e-6)
    assert not np.allclose(one, mix(near, np.random.default_rng(4), 0.6))
