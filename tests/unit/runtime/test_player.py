"""The chime from the loudspeaker: by a driver that the test plays, and on a virtual sound card."""

import threading
import time

import numpy as np
import pytest

from kws.audio import resample, to_pcm16, write_audio
from kws.errors import AudioError, SourceError
from kws.runtime import Event
from kws.runtime.devices import open_backend
from kws.runtime.sinks import ChimeSink, Summary, chime
from tests.sound_card import sound_card

EVENT = Event("computer", 3.44, 0.9, 0)
END = Summary(1.0, 0)
BLOCK = 640
AUDIO = np.zeros((1, 1280), np.float32)


class Speaker:
    """An output stream whose samples the test asks for."""

    def __init__(self, rate_hz, callback):
        self.rate_hz, self.callback, self.is_alive = rate_hz, callback, True

    def ask(self, n_frames=BLOCK):
        data = self.callback(n_frames)
        assert len(data) == 2 * n_frames
        return np.frombuffer(data, "<i2")

    def close(self):
        self.is_alive = False


class Backend:
    """A loudspeaker at the rates given."""

    name = "fake"

    def __init__(self, *rates_hz):
        self.rates_hz, self.streams = rates_hz, []
        self.opened = threading.Semaphore(0)

    def open_output(self, device, rate_hz, n_channels, block_frames, callback):
        assert device is None and n_channels == 1 and block_frames == rate_hz // 25
        self.opened.release()
        if rate_hz not in self.rates_hz:
            raise SourceError("no loudspeaker at this rate")
        self.streams.append(Speaker(rate_hz, callback))
        return self.streams[-1]


@pytest.fixture
def clock(monkeypatch):
    class Clock:
        s = 100.0

    monkeypatch.setattr("kws.runtime.sinks.player.now_s", lambda: Clock.s)
    return Clock


def heard(speaker, n_blocks):
    return np.concatenate([speaker.ask() for _ in range(n_blocks)])


def test_silence_until_a_detection_then_the_bell_once():
    backend = Backend(16_000)
    sink = ChimeSink(backend)
    (speaker,) = backend.streams
    assert not np.any(heard(speaker, 5))
    sink.event(EVENT, "m")
    expected = np.zeros(20 * BLOCK, np.int16)
    expected[: len(chime())] = to_pcm16(chime())
    assert np.array_equal(heard(speaker, 20), expected)
    sink.abort()
    assert not speaker.is_alive


def test_any_number_of_frames_may_be_asked_for():
    backend = Backend(16_000)
    sink = ChimeSink(backend)
    (speaker,) = backend.streams
    sink.event(EVENT, "m")
    pieces = [speaker.ask(n_frames) for n_frames in (1, 640, 999, 5000, 3000, 7)]
    expected = np.zeros(9647, np.int16)
    expected[: len(chime())] = to_pcm16(chime())
    assert np.array_equal(np.concatenate(pieces), expected)
    sink.abort()


def test_a_second_detection_starts_it_again():
    backend = Backend(16_000)
    sink = ChimeSink(backend)
    (speaker,) = backend.streams
    bell = to_pcm16(chime())
    sink.event(EVENT, "m")
    assert np.array_equal(heard(speaker, 3), bell[: 3 * BLOCK])
    sink.event(EVENT, "m")
    sink.event(EVENT, "m")
    assert np.array_equal(heard(speaker, 3), bell[: 3 * BLOCK])
    sink.abort()


def test_a_device_with_another_rate_gets_the_bell_at_that_rate():
    backend = Backend(48_000)
    sink = ChimeSink(backend)
    (speaker,) = backend.streams
    sink.event(EVENT, "m")
    bell = to_pcm16(resample(chime(), 16_000, 48_000))
    assert len(bell) == 24_000
    assert np.array_equal(speaker.ask(24_000), bell)
    sink.abort()


def test_the_microphone_is_muted_for_the_sound_and_its_echo(tmp_path):
    write_audio(tmp_path / "ding.wav", np.full(8000, 0.25, np.float32), 8000)
    backend = Backend(16_000)
    for wav, mute_s in ((None, 1.0), (tmp_path / "ding.wav", 1.5)):
        sink = ChimeSink(backend, wav)
        assert sink.mute_s == 0.0
        sink.event(EVENT, "m")
        assert sink.mute_s == pytest.approx(mute_s)
        sink.abort()


def test_an_own_recording_is_played(tmp_path):
    samples = np.random.default_rng(0).uniform(-0.5, 0.5, 3000).astype(np.float32)
    write_audio(tmp_path / "ding.wav", samples)
    backend = Backend(16_000)
    sink = ChimeSink(backend, tmp_path / "ding.wav")
    sink.event(EVENT, "m")
    assert np.array_equal(backend.streams[0].ask(3000), to_pcm16(samples))
    sink.abort()


def test_recordings_that_cannot_be_played(tmp_path):
    with pytest.raises(AudioError, match="no such file"):
        ChimeSink(Backend(16_000), tmp_path / "none.wav")
    write_audio(tmp_path / "long.wav", np.zeros(161_000, np.float32))
    with pytest.raises(AudioError, match=r"is 10.1 s long; accepted for a chime are up to 10 s"):
        ChimeSink(Backend(16_000), tmp_path / "long.wav")


def test_without_a_loudspeaker_it_is_not_made():
    with pytest.raises(SourceError, match="no loudspeaker at this rate"):
        ChimeSink(Backend())


def test_a_loudspeaker_that_was_closed_is_opened_again(clock, caplog):
    backend = Backend(16_000)
    sink = ChimeSink(backend)
    backend.streams[0].is_alive = False
    clock.s += 1
    sink.audio(AUDIO)
    assert len(backend.streams) == 1, "not at once"
    sink.event(EVENT, "m")
    assert sink.mute_s == 0.0, "nothing is played"
    clock.s += 3
    sink.audio(AUDIO)
    sink._attempt.join(30)
    second = backend.streams[1]
    assert not np.any(heard(second, 3)), "the detection of before is over"
    sink.event(EVENT, "m")
    assert sink.mute_s == 1.0 and np.any(second.ask())
    assert not caplog.records, "nobody needs to know"
    sink.abort()


def test_it_is_looked_for_every_few_seconds_with_one_notice(clock, caplog):
    backend = Backend(16_000)
    sink = ChimeSink(backend)
    backend.streams[0].is_alive = False
    backend.rates_hz = ()
    for _ in range(100):
        clock.s += 0.1
        sink.audio(AUDIO)
        if sink._attempt is not None:
            sink._attempt.join(30)
    # 10 s: three looks, at two rates each, after the first opening.
    assert sum(backend.opened.acquire(blocking=False) for _ in range(100)) == 1 + 3 * 2
    backend.rates_hz = (16_000,)
    clock.s += 3
    sink.audio(AUDIO)
    sink._attempt.join(30)
    assert [record.getMessage() for record in caplog.records] == [
        "no chime is heard: no loudspeaker at this rate; trying again until the loudspeaker is back",
        "the loudspeaker is back",
    ]
    sink.abort()


def test_a_driver_that_hangs_plays_nothing_later(clock):
    backend = Backend(16_000)
    sink = ChimeSink(backend)
    (speaker,) = backend.streams
    speaker.ask()
    clock.s += 1.5
    # Still "alive", but it asks for nothing.
    sink.event(EVENT, "m")
    assert sink.mute_s == 0.0
    assert not np.any(heard(speaker, 3))
    sink.abort()


def test_the_end_lets_the_bell_ring_out():
    backend = Backend(16_000)
    sink = ChimeSink(backend)
    (speaker,) = backend.streams
    sink.event(EVENT, "m")
    ended = threading.Thread(target=sink.end, args=(END,))
    ended.start()
    heard(speaker, 14)
    ended.join(30)
    assert not speaker.is_alive


def test_the_end_does_not_wait_for_a_driver_that_hangs():
    backend = Backend(16_000)
    sink = ChimeSink(backend)
    goes_on = threading.Event()
    backend.streams[0].close = lambda: goes_on.wait(60)
    sink.end(END)
    assert not goes_on.is_set()
    goes_on.set()


def test_the_bell_is_heard_on_a_sound_card(monkeypatch):
    with sound_card() as card:
        for name, value in card.environment.items():
            monkeypatch.setenv(name, value)
        backend = open_backend("pyaudio")
        try:
            sink = ChimeSink(backend)
            recorded = []
            recorder = threading.Thread(target=lambda: recorded.append(card.record(4.0)))
            recorder.start()
            time.sleep(1.5)
            sink.event(EVENT, "m")
            assert sink.mute_s == 1.0
            recorder.join(60)
            sink.end(END)
        finally:
            backend.close()
    bell = resample(chime(), 16_000, 48_000)
    samples = recorded[0].astype(np.float32) / 32768
    match = np.correlate(samples, bell, "valid")
    start = int(np.argmax(match))
    piece = samples[start : start + len(bell)]
    # The daemon converts the rate in its own way, so nearly the same.
    assert np.dot(piece, bell) / (np.linalg.norm(piece) * np.linalg.norm(bell)) > 0.99
    assert np.max(np.abs(samples[: start - 480])) < 1e-3, "silence before"
