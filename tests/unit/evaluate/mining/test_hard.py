"""Hard negatives: the peaks of a model in their order, with the audio before them."""

from pathlib import Path

import numpy as np
import pytest

from kws.audio import to_float32
from kws.errors import ConfigError
from kws.evaluate.mining import hard_negatives
from kws.evaluate.recordings import Recording
from tests.tiny_model import bursts, write_tiny_model


@pytest.fixture(scope="module")
def model(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return write_tiny_model(tmp_path_factory.mktemp("model") / "tiny.onnx")


def recording(name: str, *starts_s: float, gain: float = 1.0, duration_s: float = 12.0) -> Recording:
    return Recording(name, gain * to_float32(bursts(starts_s, duration_s)))


def test_the_hardest_come_first_with_what_was_said_before_them(model: Path) -> None:
    quiet, loud = recording("quiet", 4.0, gain=0.2), recording("loud", 2.0, 8.0)
    found = hard_negatives(model, [quiet, loud, recording("silent")], "loud")
    assert [item.recording.name for item in found] == ["loud", "loud", "quiet"]
    assert found[0].score >= found[1].score > found[2].score
    # The burst ends at 4.5 s: 1.6 s before a peak within it, and 0.4 s after.
    assert 4.0 < (found[2].end / 16_000) - 0.4 <= 4.5
    assert found[2].end - found[2].start == 32_000
    np.testing.assert_array_equal(found[2].samples, quiet.samples[found[2].start : found[2].end])


def test_stretches_of_a_recording_do_not_overlap(model: Path) -> None:
    found = hard_negatives(model, [recording("loud", 1.0, 2.0, 3.0, 6.0, 9.0)], "loud")
    ranges = sorted((item.start, item.end) for item in found)
    assert len(ranges) >= 3
    assert all(end <= start for (_, end), (start, _) in zip(ranges, ranges[1:], strict=False))


def test_a_peak_at_the_start_is_cut_at_the_recording(model: Path) -> None:
    first = hard_negatives(model, [recording("early", 0.0, duration_s=1.0)], "loud")[0]
    assert first.start == 0
    assert first.end <= 16_000


def test_limits(model: Path) -> None:
    loud = recording("loud", 2.0, 8.0)
    assert len(hard_negatives(model, [loud], "loud", most=1)) == 1
    assert hard_negatives(model, [recording("quiet", 4.0, gain=0.001)], "loud") == []
    with pytest.raises(ConfigError, match="has no keyword 'computer'; accepted: loud"):
        hard_negatives(model, [loud], "computer")
    with pytest.raises(ConfigError, match="least_score is 2"):
        hard_negatives(model, [loud], "loud", least_score=2.0)
