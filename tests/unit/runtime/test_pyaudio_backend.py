"""PyAudio's own traps, with a PyAudio made for the test; tests/e2e/test_live.py uses the real one."""

import sys
import types

import pytest

from kws.errors import SourceError
from kws.runtime.devices import open_backend
from tests.fake_backend import device


class Raw:
    """What the package calls a stream."""

    def __init__(self, callback):
        self.callback, self.is_broken = callback, False

    def is_active(self):
        if self.is_broken:
            raise OSError(-9988, "Stream closed")
        return True

    def close(self):
        raise OSError(-9988, "Stream closed")


@pytest.fixture
def calls(monkeypatch):
    made = []

    class PyAudio:
        def __init__(self):
            made.append("start")

        def get_device_count(self):
            return 1

        def get_device_info_by_index(self, index):
            assert index == 0, "this would end the process"
            return {
                "name": "mic",
                "hostApi": 0,
                "maxInputChannels": 2,
                "maxOutputChannels": 0,
                "defaultSampleRate": 44_100.0,
            }

        def get_host_api_info_by_index(self, index):
            return {"name": "ALSA"}

        def get_default_input_device_info(self):
            return {"index": 0}

        def get_default_output_device_info(self):
            raise OSError("no default")

        def is_format_supported(self, rate_hz, **how):
            assert how["input_device"] == 0, "this would end the process"
            if rate_hz != 44_100:
                raise ValueError(("Invalid sample rate", -9997))
            return True

        def open(self, **how):
            if how["channels"] > 2:
                raise OSError(-9998, "Invalid number of channels")
            made.append(Raw(how["stream_callback"]))
            return made[-1]

        def terminate(self):
            made.append("end")

    monkeypatch.setitem(sys.modules, "pyaudio", types.SimpleNamespace(PyAudio=PyAudio, paInt16=8, paContinue=0))
    return made


def test_listing(calls):
    (found,) = open_backend().devices()
    assert (found.name, found.host_api, found.max_input_channels, found.default_rate_hz) == ("mic", "ALSA", 2, 44_100)
    assert found.is_default_input and not found.is_default_output


def test_rates(calls):
    backend = open_backend()
    assert backend.supports_input(device(0), 44_100, 1) and not backend.supports_input(device(0), 16_000, 1)


@pytest.mark.parametrize("index", [-1, 1, 99])
def test_an_index_out_of_range_never_reaches_portaudio(calls, index):
    backend = open_backend()
    assert not backend.supports_input(device(index), 16_000, 1)
    with pytest.raises(SourceError, match="mic is not there any more"):
        backend.open_input(device(index), 16_000, 1, 1280, lambda data: None)


def test_an_exception_in_a_callback_does_not_end_the_stream(calls):
    backend = open_backend()
    backend.open_input(device(0), 44_100, 1, 1280, lambda data: 1 / 0)
    assert calls[-1].callback(b"", 0, None, 0) == (None, 0)
    backend.open_output(None, 44_100, 2, 100, lambda n_frames: 1 / 0)
    assert calls[-1].callback(None, 100, None, 0) == (bytes(400), 0)


def test_what_cannot_be_opened_is_one_line(calls):
    with pytest.raises(SourceError, match=r"mic cannot be opened \(Invalid number of channels\)"):
        open_backend().open_input(device(0), 44_100, 3, 1280, lambda data: None)


def test_a_broken_stream_is_dead_and_closes(calls):
    stream = open_backend().open_input(device(0), 44_100, 1, 1280, lambda data: None)
    assert stream.is_alive
    calls[-1].is_broken = True
    assert not stream.is_alive
    stream.close()


def test_a_rescan_ends_portaudio_first(calls):
    backend = open_backend()
    backend.rescan()
    backend.close()
    backend.close()
    assert calls == ["start", "end", "start", "end"]
    with pytest.raises(SourceError, match="the sound system was closed"):
        backend.open_output(None, 44_100, 1, 100, lambda n_frames: b"")
