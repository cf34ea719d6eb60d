"""The microphone source over devices that the test plays by hand; tests/e2e has it on a real driver."""

import itertools
import sys

import numpy as np
import pytest

from kws.errors import MissingPackageError, SourceError
from kws.runtime.sources import SourceOptions, microphone, open_source
from kws.runtime.sources.microphone import MicrophoneSource
from tests.fake_backend import FakeBackend, device


@pytest.fixture(autouse=True)
def impatience(monkeypatch):
    for name in ("_BEAT_S", "_WAIT_S", "_STALL_S", "_FIRST_DELAY_S", "_MAX_DELAY_S", "_FIRST_SILENCE_S"):
        monkeypatch.setattr(microphone, name, getattr(microphone, name) / 10)


def noise(n: int, n_channels: int = 1, seed: int = 0) -> np.ndarray:
    return np.random.default_rng(seed).integers(-9000, 9000, (n_channels, n)).astype(np.int16)


def until(blocks, is_it, limit: int = 2000) -> list:
    """Take blocks up to the first that is it."""
    taken = []
    for block in itertools.islice(blocks, limit):
        taken.append(block)
        if is_it(block):
            return taken
    raise AssertionError(f"it did not come: {[block.notice for block in taken if block.notice]}")


def has_audio(block) -> bool:
    return block.samples.shape[1] > 0


def test_samples_arrive_as_they_are():
    backend = FakeBackend(device(n_inputs=2))
    with MicrophoneSource(backend=backend) as source:
        backend.play(noise(3000, 2))
        (block,) = until(source, has_audio)
    assert source.name == "microphone mic" and source.n_channels == 2
    assert np.array_equal(block.samples, noise(3000, 2) / np.float32(32768))
    assert block.captured_s is not None and backend.n_closed == 1


def test_what_is_late_is_read_in_one_go_and_the_oldest_is_dropped():
    backend = FakeBackend(device())
    with MicrophoneSource(backend=backend) as source:
        backend.play(noise(16_000 * 5))
        blocks = until(source, lambda block: block.start + block.samples.shape[1] == 80_000)
    # The ring holds 3.2 s.
    assert sum(block.samples.shape[1] for block in blocks) == 51_200
    assert [(block.start, block.lost) for block in blocks][:2] == [(28_800, 28_800), (36_800, 0)]


def test_beats_while_nothing_comes():
    with MicrophoneSource(backend=FakeBackend(device())) as source:
        assert not has_audio(next(iter(source)))


def test_a_device_that_is_gone_is_opened_again():
    backend = FakeBackend(device())
    with MicrophoneSource(backend=backend) as source:
        blocks = iter(source)
        backend.play(noise(1280))
        until(blocks, has_audio)
        backend.streams[0].is_alive = False
        backend.known.clear()
        taken = until(blocks, lambda block: block.notice)
        assert taken[-1].notice == "microphone mic: the device is gone; trying again until it is there"
        # Nothing more is said while it is away.
        assert not any(block.notice for block in itertools.islice(blocks, 20))
        backend.known.append(device(4, "mic", rate_hz=48_000))
        backend.rates_hz = (48_000,)
        until(blocks, lambda block: len(backend.streams) > 1)
        backend.play(noise(48_000), 3840)
        assert "back after" in until(blocks, lambda block: block.notice)[-1].notice
        (block,) = until(blocks, has_audio)[-1:]
    assert block.lost > 0 and block.start == 1280 + block.lost
    assert source.stalls == 1 and backend.n_rescans >= 1


def test_a_device_that_delivers_nothing_comes_back_by_itself():
    backend = FakeBackend(device())
    with MicrophoneSource(backend=backend) as source:
        blocks = iter(source)
        backend.play(noise(1280))
        until(blocks, has_audio)
        assert "delivers nothing" in until(blocks, lambda block: block.notice)[-1].notice
        until(blocks, lambda block: len(backend.streams) > 1)
        backend.play(noise(1280))
        until(blocks, has_audio)


def test_a_driver_that_hangs_does_not_hang_the_listener():
    backend = FakeBackend(device())
    source = MicrophoneSource(backend=backend)
    blocks = iter(source)
    backend.play(noise(1280))
    until(blocks, has_audio)
    backend.streams[0].hangs.clear()
    until(blocks, lambda block: block.notice)
    assert not any(has_audio(block) for block in itertools.islice(blocks, 30))
    backend.streams[0].hangs.set()
    until(blocks, lambda block: len(backend.streams) > 1)
    backend.play(noise(1280))
    until(blocks, has_audio)
    source.close()


def test_digital_silence_after_sound_is_looked_into_and_told_once():
    backend = FakeBackend(device())
    with MicrophoneSource(backend=backend) as source:
        blocks = iter(source)
        backend.play(noise(1280))
        until(blocks, has_audio)
        taken = []
        while len(backend.streams) < 4:
            backend.play(np.zeros(160, np.int16))
            taken.append(next(blocks))
    notices = [block.notice for block in taken if block.notice]
    assert len(notices) == 2 and "digital silence" in notices[0] and "back after" in notices[1]
    assert source.stalls == 1


def test_silence_from_the_start_is_a_quiet_room():
    backend = FakeBackend(device())
    with MicrophoneSource(backend=backend) as source:
        for _ in range(50):
            backend.play(np.zeros(1280, np.int16))
            until(iter(source), has_audio)
    assert len(backend.streams) == 1


def test_waiting_for_a_device_that_is_not_there_yet():
    backend = FakeBackend()
    with MicrophoneSource(options=SourceOptions(waits=True), backend=backend) as source:
        blocks = iter(source)
        assert "microphone: not there yet" in until(blocks, lambda block: block.notice)[-1].notice
        backend.known.append(device(n_inputs=2))
        until(blocks, lambda block: backend.streams)
        backend.play(noise(1280, 2))
        (block,) = until(blocks, has_audio)[-1:]
    assert block.samples.shape == (2, 1280)


@pytest.mark.parametrize(
    ("options", "expected"),
    [
        ({"device": "yeti"}, "--device 'yeti' is no input device"),
        ({"device": "99"}, "--device '99' is no input device"),
        ({"n_channels": 4}, "mic has 1 channels, 4 are asked for"),
    ],
)
def test_what_cannot_be_opened(options, expected):
    backend = FakeBackend(device())
    with pytest.raises(SourceError, match=expected):
        MicrophoneSource(options=SourceOptions(**options), backend=backend)
    assert backend.n_closed == 1 and backend.streams == []


def test_package_missing(monkeypatch):
    monkeypatch.setitem(sys.modules, "pyaudio", None)
    with pytest.raises(MissingPackageError, match=r"PyAudio is needed .* pip install -e '\.\[mic\]'"):
        open_source(None)
    monkeypatch.setitem(sys.modules, "sounddevice", None)
    with pytest.raises(MissingPackageError, match=r"sounddevice is needed .*\[sounddevice\]"):
        open_source(None, SourceOptions(backend="sounddevice"))
