"""What the sinks write."""

import io
import json

import numpy as np
import pytest
import soundfile

from kws.errors import AudioError
from kws.runtime import Event
from kws.runtime.sinks import ChimedSink, ConsoleSink, JsonlSink, Summary, chime
from kws.runtime.sinks.console import clock
from tests.tiny_model import tiny_spec

EVENT = Event("computer", 3.4400000000000004, 0.96874, 1)


def test_jsonl_lines():
    stream = io.StringIO()
    sink = JsonlSink(stream)
    sink.audio(np.zeros((1, 10), np.float32))
    sink.event(EVENT, "m")
    sink.end(Summary(10.0, 0))
    first, second = stream.getvalue().splitlines()
    assert json.loads(first) == {
        "event": "detection",
        "keyword": "computer",
        "time_s": 3.44,
        "score": 0.9687,
        "channel": 1,
        "model": "m",
    }
    assert second == '{"event": "end", "audio_s": 10.0, "lost_samples": 0, "stale_events": 0, "stalls": 0}'


def test_jsonl_flushes_each_line():
    class Pipe(io.StringIO):
        n_flushed = 0

        def flush(self):
            self.n_flushed += 1

    stream = Pipe()
    sink = JsonlSink(stream)
    sink.event(EVENT, "m")
    assert stream.n_flushed == 1


def test_console_text():
    stream = io.StringIO()
    sink = ConsoleSink(stream, [tiny_spec()], "talk.wav")
    sink.event(Event("loud", 61.08, 0.966, 0), "tiny")
    sink.end(Summary(3661.5, 0))
    assert stream.getvalue().splitlines() == [
        'Listening to talk.wav for "loud" (threshold 0.5)',
        "01:01.08  loud  score 0.97",
        "1:01:01.50  end: 1 detection",
    ]


def test_console_names_channel_and_model_where_there_are_several():
    stream = io.StringIO()
    sink = ConsoleSink(stream, [tiny_spec(), tiny_spec(name="other")], "x")
    sink.event(EVENT, "other")
    sink.end(Summary(1.0, 160))
    assert stream.getvalue().splitlines()[1:] == [
        "00:03.44  computer  score 0.97  channel 1  model other",
        "00:01.01  end: 1 detection, 160 samples lost",
    ]


def test_clock_carries():
    assert [clock(s) for s in (0.0, 59.999, 3599.999)] == ["00:00.00", "01:00.00", "1:00:00.00"]


def test_chime_is_soft_at_both_ends():
    bell = chime()
    assert len(bell) == 8000 and np.max(np.abs(bell)) == pytest.approx(0.4)
    assert abs(bell[0]) < 1e-6 and np.max(np.abs(bell[-100:])) < 0.02


def chimed(path, samples, events=(), block=1280):
    sink = ChimedSink(path)
    events = sorted(events, key=lambda event: event.time_s)
    for start in range(0, samples.shape[-1], block):
        sink.audio(np.atleast_2d(samples)[:, start : start + block])
        while events and events[0].time_s * 16_000 <= start + block:
            sink.event(events.pop(0), "m")
    sink.end(Summary(samples.shape[-1] / 16_000, 0))
    return soundfile.read(path, dtype="float32", always_2d=True)[0].T


def at(time_s):
    return Event("a", time_s, 0.9, 0)


@pytest.mark.parametrize("block", [1280, 999, 200_000])
@pytest.mark.parametrize("suffix", ["wav", "flac"])
def test_chimes_lie_over_the_detections(tmp_path, block, suffix):
    samples = np.random.default_rng(0).uniform(-0.3, 0.3, 160_000).astype(np.float32)
    written = chimed(tmp_path / f"a.{suffix}", samples, [at(1.0), at(6.4)], block)[0]
    bell, expected = chime(), samples.copy()
    for start in (16_000, 102_400):
        piece = slice(start, start + len(bell))
        expected[piece] = samples[piece] * (1 - np.abs(bell)) + bell
    assert np.allclose(written, expected, atol=1e-4)


def test_full_scale_audio_is_not_clipped(tmp_path):
    samples = np.full(32_000, 0.99, np.float32)
    assert np.max(np.abs(chimed(tmp_path / "a.wav", samples, [at(0.5)]))) < 1.0


def test_chime_is_cut_at_the_end_of_the_audio(tmp_path):
    written = chimed(tmp_path / "a.wav", np.zeros(16_000, np.float32), [at(0.9)])[0]
    assert len(written) == 16_000 and np.any(written[14_400:]) and not np.any(written[:14_400])


def test_one_chime_for_all_channels(tmp_path):
    both = [Event("a", 0.52, 0.9, 0), Event("a", 0.56, 0.9, 1)]
    written = chimed(tmp_path / "a.wav", np.zeros((2, 32_000), np.float32), both)
    assert written.shape == (2, 32_000)
    assert np.array_equal(written[0], written[1]) and np.max(written) < 0.41


def test_nothing_is_left_behind(tmp_path):
    sink = ChimedSink(tmp_path / "a.wav")
    sink.audio(np.zeros((1, 200_000), np.float32))
    sink.abort()
    assert list(tmp_path.iterdir()) == []


def test_an_older_file_survives_a_failure(tmp_path):
    (tmp_path / "a.wav").write_text("old")
    sink = ChimedSink(tmp_path / "a.wav")
    sink.audio(np.zeros((1, 200_000), np.float32))
    sink.abort()
    assert (tmp_path / "a.wav").read_text() == "old"


def test_places_that_cannot_be_written(tmp_path):
    with pytest.raises(AudioError, match="accepted suffixes"):
        ChimedSink(tmp_path / "a.mp3")
    with pytest.raises(AudioError, match="cannot be written"):
        ChimedSink(tmp_path / "none" / "a.wav")
    (tmp_path / "folder.wav").mkdir()
    with pytest.raises(AudioError, match="is a directory"):
        ChimedSink(tmp_path / "folder.wav")
