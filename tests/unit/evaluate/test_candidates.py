"""Where a model hears its keywords, or nearly."""

from pathlib import Path

import numpy as np
import pytest

from kws.audio import write_audio
from kws.errors import ConfigError
from kws.evaluate.candidates import candidates
from kws.runtime import Detector
from tests.tiny_model import STEP_S, bursts, write_tiny_model


def test_bursts_are_found_where_the_detector_hears_them(tmp_path: Path) -> None:
    model = write_tiny_model(tmp_path / "tiny.onnx")
    samples = bursts((1.0, 3.0, 3.9), 6.0) / 32768
    samples[round(3.9 * 16_000) :] *= 0.05
    write_audio(tmp_path / "talk.wav", samples)
    heard: list[float] = []
    found = candidates(model, tmp_path / "talk.wav", 0.05, heard.append)
    detector = Detector.open(model)
    events = [event.time_s for event in [*detector.process(samples.astype(np.float32)), *detector.flush()]]
    # The first two are detections; the last one is quieter.
    assert len(found) == 3 and len(events) == 2
    for one, event_s in zip(found, events, strict=False):
        assert event_s <= one.time_s + 1e-9 <= event_s + 0.6 and one.score > 0.5
    assert 0.05 <= found[2].score < 0.5 and 3.9 < found[2].time_s <= 3.9 + 0.5 + 2 * STEP_S
    assert heard[-1] == pytest.approx(6.0) and heard == sorted(heard)


def test_a_floor_above_the_threshold_leaves_no_detection_out(tmp_path: Path) -> None:
    model = write_tiny_model(tmp_path / "tiny.onnx")
    write_audio(tmp_path / "talk.wav", bursts((1.0,), 3.0) / 32768)
    assert len(candidates(model, tmp_path / "talk.wav", 1.0)) == 1
    write_audio(tmp_path / "calm.wav", np.zeros(16_000))
    assert candidates(model, tmp_path / "calm.wav", 0.05) == []
    with pytest.raises(ConfigError, match="floor"):
        candidates(model, tmp_path / "calm.wav", 0.0)


def test_words_that_are_said_within_two_seconds_are_two(tmp_path: Path) -> None:
    model = write_tiny_model(tmp_path / "tiny.onnx")
    write_audio(tmp_path / "talk.wav", bursts((1.0, 2.2), 5.0) / 32768)
    first, second = candidates(model, tmp_path / "talk.wav", 0.05)
    assert second.time_s - first.time_s == pytest.approx(1.2, abs=0.3)
