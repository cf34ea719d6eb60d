"""From a source to sinks: order, losses, ends."""

import time

import numpy as np
import pytest

from kws.errors import AudioError, ConfigError
from kws.runtime import Detector
from kws.runtime.channels import ChannelPlan
from kws.runtime.clock import now_s
from kws.runtime.listen import ListenOptions, listen
from kws.runtime.sinks import Sink, Summary
from kws.runtime.sources import AudioBlock, Source
from tests.tiny_model import bursts, tiny_spec, write_tiny_model


class Recorder(Sink):
    def __init__(self, mute_s=0.0):
        self.calls, self.events, self.n_samples = [], [], 0
        self.statuses, self.notices, self.mute_s = [], [], mute_s

    def audio(self, samples):
        self.n_samples += samples.shape[-1]

    def event(self, event, model):
        self.events.append((event, model))

    def status(self, status):
        self.statuses.append(status)

    def notice(self, text):
        self.notices.append(text)

    def end(self, summary):
        self.calls.append(summary)

    def abort(self):
        self.calls.append("abort")


def blocks(samples, size=1000, start=0):
    rows = np.atleast_2d(samples)
    return [AudioBlock(rows[:, i : i + size], start + i) for i in range(0, rows.shape[1], size)]


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
        yield AudioBlock(np.zeros((1, 1000), np.float32), 0)
        raise AudioError("broken")

    sink = Recorder()
    with pytest.raises(AudioError, match="broken"):
        listen(failing(), [Detector.open(model_path)], [sink])
    assert sink.calls == ["abort"]


def test_an_interrupt_ends_the_sinks(model_path):
    def interrupted():
        yield AudioBlock(np.zeros((1, 16_000), np.float32), 0)
        raise KeyboardInterrupt

    sink = Recorder()
    with pytest.raises(KeyboardInterrupt):
        listen(interrupted(), [Detector.open(model_path)], [sink])
    assert sink.calls == [Summary(1.0, 0, is_interrupted=True)]


def live(samples, age_s=0.0, size=1280, start=0, notice=""):
    """Blocks as a microphone gives them, the last sample of each `age_s` old when it is taken."""
    for block in blocks(samples, size, start):
        yield AudioBlock(block.samples, block.start, 0, now_s() - age_s, notice)


def test_live_events_say_when_they_were_heard(model_path):
    sink = Recorder()
    listen(live(bursts() / np.float32(32768)), [Detector.open(model_path)], [sink])
    assert len(sink.events) == 2
    assert all(abs(event.unix_s - time.time()) < 5.0 for event, _ in sink.events)


def test_what_is_too_old_is_counted_and_not_told(model_path):
    sink = Recorder()
    samples = bursts() / np.float32(32768)
    summary = listen(live(samples, age_s=1.5), [Detector.open(model_path)], [sink])
    assert sink.events == [] and summary.stale_events == 2
    options = ListenOptions(max_age_s=3.0)
    assert listen(live(samples, age_s=1.5), [Detector.open(model_path)], [sink], options).stale_events == 0


def test_a_source_that_waits_is_no_end(model_path):
    nothing = AudioBlock(np.zeros((1, 0), np.float32), 0, notice="unplugged")
    sink = Recorder()
    samples = bursts() / np.float32(32768)
    summary = listen([nothing, *live(samples), nothing], [Detector.open(model_path)], [sink])
    assert sink.notices == ["unplugged", "unplugged"] and summary.audio_s == 5.0
    assert len(sink.events) == 2 and sink.statuses[-1].audio_s == 5.0


def test_the_own_chime_is_not_listened_to(model_path):
    # Two bursts: the second, 0.6 s after the first, is the echo of what the sink plays.
    samples = bursts((1.0, 1.6, 3.5)) / np.float32(32768)
    heard, muted = Recorder(), Recorder(mute_s=1.5)
    listen(live(samples), [Detector.open(model_path)], [heard])
    listen(live(samples), [Detector.open(model_path)], [muted])
    assert len(heard.events) == 3
    assert [event.time_s for event, _ in muted.events] == pytest.approx([1.2, 3.7], abs=0.15)
    assert {status.state for status in muted.statuses} == {"listening", "muted"}
    # A recording has no loudspeaker near it.
    listen(blocks(samples), [Detector.open(model_path)], [recorded := Recorder(mute_s=1.5)])
    assert len(recorded.events) == 3


def test_it_stops_when_the_time_is_over(model_path):
    summary = listen(blocks(np.zeros(80_000, np.float32)), [Detector.open(model_path)], [], ListenOptions(max_s=2.0))
    assert summary.audio_s == 2.0
    beats = iter(lambda: AudioBlock(np.zeros((1, 0), np.float32), 0), None)
    assert listen(beats, [Detector.open(model_path)], [], ListenOptions(max_s=0.2)).audio_s == 0.0


def test_channels_are_those_of_the_device(model_path):
    rows = np.stack([np.zeros(80_000), bursts() / 32768, np.zeros(80_000), bursts() / 65536]).astype(np.float32)
    for text, channels in (("all", [1, 1]), ("0,3", [3, 3]), ("max", [1, 1]), ("mean", [0, 0]), ("2", [])):
        plan = ChannelPlan.parse(text)
        sink = Recorder()
        listen(blocks(rows), [Detector.open(model_path, fusion=plan.fusion)], [sink], ListenOptions(plan))
        assert [event.channel for event, _ in sink.events] == channels, text
    with pytest.raises(ConfigError, match="channel 4 was asked for"):
        listen(blocks(rows), [Detector.open(model_path)], [], ListenOptions(ChannelPlan.parse("4")))


def test_a_gate_changes_no_event(model_path):
    rng = np.random.default_rng(0)
    samples = (bursts((12.0, 30.0), 40.0) + rng.normal(0, 3, 640_000)).astype(np.float32) / 32768
    plain, gated = Recorder(), Recorder()
    listen(blocks(samples), [Detector.open(model_path)], [plain])
    listen(blocks(samples), [Detector.open(model_path)], [gated], ListenOptions(has_gate=True))
    # After a sleep the model's steps of 40 ms may begin elsewhere.
    expected_s = [event.time_s for event, _ in plain.events]
    assert [event.time_s for event, _ in gated.events] == pytest.approx(expected_s, abs=0.04)
    assert "asleep" in {status.state for status in gated.statuses}


def test_levels_are_told_if_wanted(model_path):
    sink = Recorder()
    rows = np.stack([bursts(), bursts() // 2]) / np.float32(32768)
    listen(blocks(rows), [Detector.open(model_path)], [sink], ListenOptions(has_levels=True))
    assert all(len(status.levels_db) == 2 for status in sink.statuses)


@pytest.mark.parametrize("wrong", [{"max_age_s": -1.0}, {"max_s": 0.0}, {"max_s": float("nan")}])
def test_options_are_checked(wrong):
    with pytest.raises(ConfigError, match="max-"):
        ListenOptions(**wrong)


class Microphone(Source):
    name, stalls = "microphone", 3

    def __init__(self, samples):
        self._samples, self.relaxed_at_s, self._at = samples, [], 0

    def __iter__(self):
        for block in live(self._samples):
            self._at = block.start
            yield block

    def relax(self, is_relaxed):
        self.relaxed_at_s.append((round(self._at / 16_000, 1), is_relaxed))

    def close(self):
        pass


def test_a_live_source_may_rest_while_nothing_is_loud(model_path, monkeypatch):
    # The clock of the test is that of the audio.
    source = Microphone((bursts((6.0,), 10.0) + np.random.default_rng(0).normal(0, 3, 160_000)) / np.float32(32768))
    monkeypatch.setattr("kws.runtime.listen.now_s", lambda: 100.0 + source._at / 16_000)
    summary = listen(source, [Detector.open(model_path)], [])
    (_, first), (woken_s, second), (rested_s, third) = source.relaxed_at_s
    assert (first, second, third) == (True, False, True)
    assert woken_s == pytest.approx(6.0, abs=0.1) and rested_s == pytest.approx(7.6, abs=0.3)
    assert summary.stalls == 3
