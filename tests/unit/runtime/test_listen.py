"""From a source to sinks: order, losses, ends."""

import numpy as np
import pytest

from kws.errors import AudioError
from kws.runtime import Detector
from kws.runtime.listen import listen
from kws.runtime.sinks import Summary
from kws.runtime.sources import AudioBlock
from tests.tiny_model import bursts, tiny_spec, write_tiny_model


class Recorder:
    def __init__(self):
        self.calls, self.events, self.n_samples = [], [], 0

    def audio(self, samples):
        self.n_samples += samples.shape[-1]

    def event(self, event, model):
        self.events.append((event, model))

    def end(self, summary):
        self.calls.append(summary)

    def abort(self):
        self.calls.append("abort")


def blocks(samples, size=1000, start=0):
    return [AudioBlock(samples[i : i + size], start + i) for i in range(0, len(samples), size)]


def test_events_are_those_of_the_detector(model_path):
    samples = bursts().astype(np.float32) / 32768
    sink = Recorder()
    summary = listen(blocks(samples), [Detector.open(model_path)], [sink])
    assert [event for event, _ in sink.events] == Detector.open(model_path).process(samples)
    assert summary == Summary(5.0, 0)
    assert sink.calls == [summary] and sink.n_samples == 80_000


def test_the_end_of_the_audio_is_decided_too(model_path):
    # The score rises in the first half of the last block of 80 ms.
    samples = (bursts((1.0,), 3.0) / np.float32(32768)).astype(np.float32)
    fired_s = Detector.open(model_path).process(samples)[0].time_s
    sink = Recorder()
    listen(blocks(samples[: round(fired_s * 16_000)]), [Detector.open(model_path)], [sink])
    assert [event.time_s for event, _ in sink.events] == [fired_s]


def test_several_models(model_path, tmp_path):
    other = write_tiny_model(tmp_path / "other.onnx", tiny_spec(name="other"))
    sink = Recorder()
    samples = bursts().astype(np.float32) / 32768
    listen(blocks(samples), [Detector.open(model_path), Detector.open(other, threshold=0.6)], [sink])
    assert {model for _, model in sink.events} == {"tiny", "other"}
    times_s = [event.time_s for event, _ in sink.events]
    assert times_s == sorted(times_s) and len(times_s) == 4


def test_after_a_loss_everything_starts_anew(model_path):
    samples = bursts((0.5,), 2.0).astype(np.float32) / 32768
    later = blocks(samples, start=52_000)
    later[0] = AudioBlock(later[0].samples, 52_000, lost=20_000)
    sink = Recorder()
    summary = listen(blocks(samples) + later, [Detector.open(model_path)], [sink])
    first, second = (event.time_s for event, _ in sink.events)
    # The second half begins at 52 000 samples = 3.25 s and is heard as from silence.
    assert second == pytest.approx(first + 3.25)
    assert summary == Summary(4.0, 20_000)
    assert sink.n_samples == 84_000


def test_a_failing_source_aborts_the_sinks(model_path):
    def failing():
        yield AudioBlock(np.zeros(1000, np.float32), 0)
        raise AudioError("broken")

    sink = Recorder()
    with pytest.raises(AudioError, match="broken"):
        listen(failing(), [Detector.open(model_path)], [sink])
    assert sink.calls == ["abort"]


def test_an_interrupt_ends_the_sinks(model_path):
    def interrupted():
        yield AudioBlock(np.zeros(16_000, np.float32), 0)
        raise KeyboardInterrupt

    sink = Recorder()
    with pytest.raises(KeyboardInterrupt):
        listen(interrupted(), [Detector.open(model_path)], [sink])
    assert sink.calls == [Summary(1.0, 0)]
