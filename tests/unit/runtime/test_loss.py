"""Lost frames, found by the clock."""

import numpy as np
import pytest

from kws.runtime.sources.loss import LossMeter

RATE_HZ, BLOCK = 16_000, 1280
BLOCK_S = BLOCK / RATE_HZ


def total_lost(arrivals_s) -> int:
    meter = LossMeter(RATE_HZ)
    return sum(meter.update(at_s, BLOCK) for at_s in arrivals_s)


def steady(n: int, start_s: float = 100.0) -> np.ndarray:
    return start_s + BLOCK_S * np.arange(n)


def test_nothing_is_lost_by_a_steady_card():
    assert total_lost(steady(5000)) == 0


def test_nor_by_one_that_delivers_unevenly():
    # As PulseAudio does: 100 ms at a time.
    sawtooth_s = np.array([0.0, 0.02, 0.04, 0.06, -0.02])
    assert total_lost(steady(5000) + np.tile(sawtooth_s, 1000)) == 0
    random_s = np.random.default_rng(0).exponential(0.02, 5000)
    assert total_lost(np.maximum.accumulate(steady(5000) + random_s)) == 0


@pytest.mark.parametrize("drift", [-3e-4, 3e-4])
def test_nor_by_a_clock_that_is_not_exact(drift):
    assert total_lost(100.0 + BLOCK_S * (1 + drift) * np.arange(45_000)) == 0


@pytest.mark.parametrize("lost_s", [0.08, 0.5, 2.5, 60.0])
def test_a_loss_is_counted(lost_s):
    arrivals_s = steady(200)
    arrivals_s[100:] += lost_s
    assert total_lost(arrivals_s) == pytest.approx(lost_s * RATE_HZ, abs=16)


def test_a_loss_is_found_within_a_second():
    meter = LossMeter(RATE_HZ)
    arrivals_s = steady(200)
    arrivals_s[100:] += 0.3
    found = [index for index, at_s in enumerate(arrivals_s) if meter.update(at_s, BLOCK)]
    assert len(found) == 1 and 100 < found[0] <= 100 + 1.0 / BLOCK_S


@pytest.mark.parametrize("per_block_s", [0.0, 0.01, 0.065])
def test_a_backlog_that_is_worked_off_is_no_loss(per_block_s):
    arrivals_s = steady(400)
    busy_until_s = arrivals_s[100] + 2.0
    for index in range(100, 400):
        busy_until_s += per_block_s
        arrivals_s[index] = max(arrivals_s[index], busy_until_s)
    assert total_lost(arrivals_s) == 0


def test_a_backlog_with_a_loss_inside():
    arrivals_s = steady(400)
    arrivals_s[150:] += 1.5
    arrivals_s[100:] = np.maximum(arrivals_s[100:], arrivals_s[100] + 3.0)
    assert total_lost(arrivals_s) == pytest.approx(1.5 * RATE_HZ, abs=BLOCK)


def test_when_a_frame_was_captured():
    meter = LossMeter(RATE_HZ)
    assert meter.captured_s(0, 0) is None
    for at_s in steady(100):
        meter.update(at_s, BLOCK)
    assert meter.captured_s(100 * BLOCK, 0) == pytest.approx(100.0 + 99 * BLOCK_S)
    assert meter.captured_s(0, 1600) == pytest.approx(100.0 - BLOCK_S + 0.1)
