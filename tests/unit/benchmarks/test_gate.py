"""The comparison with and without the gate finds the same events at the same times."""

import numpy as np
import pytest

from benchmarks.gate import events_s, heard_samples
from kws.runtime import Detector
from kws.runtime.gate import SilenceGate
from tests.tiny_model import write_tiny_model


@pytest.fixture
def detector(tmp_path):
    return Detector.open(write_tiny_model(tmp_path / "tiny.onnx"))


def burst_at(second: float, seconds: float = 20.0) -> np.ndarray:
    noise = np.random.default_rng(0).standard_normal(round(seconds * 16_000)).astype(np.float32)
    level = np.full(len(noise), 1e-4, np.float32)
    level[round(second * 16_000) : round((second + 0.5) * 16_000)] = 0.1
    return level * noise


def test_events_lie_on_the_timeline_of_the_whole(detector):
    samples = burst_at(12.3)
    ungated = events_s(detector, samples, None)
    assert ungated and abs(ungated[0] - 12.3) < 1.0
    # After a restart the steps of the model lie elsewhere: by less than a block.
    assert events_s(detector, samples, SilenceGate(1)) == pytest.approx(ungated, abs=0.08)


def test_share_that_is_heard():
    heard = heard_samples(SilenceGate(1), burst_at(12.3))
    # 2 s at the start; 2 s before the burst, itself, and 2 s after.
    assert heard / 16_000 == pytest.approx(2.0 + 2.0 + 0.5 + 2.0, abs=0.3)
