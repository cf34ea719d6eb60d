"""Why there is no microphone, in one line; with a PyAudio made for the test."""

import os
import sys
import types

import pytest

from kws.errors import MissingPackageError, SourceError
from kws.runtime.sources import open_source


def install(monkeypatch, inputs, error=None):
    class PyAudio:
        def __init__(self):
            os.write(2, b"ALSA lib confmisc.c: Unknown PCM\n" * 50)
            if error:
                raise error

        def get_device_count(self):
            return len(inputs)

        def get_device_info_by_index(self, index):
            return {"maxInputChannels": inputs[index]}

        def terminate(self):
            pass

    monkeypatch.setitem(sys.modules, "pyaudio", types.SimpleNamespace(PyAudio=PyAudio))


def test_package_missing(monkeypatch):
    monkeypatch.setitem(sys.modules, "pyaudio", None)
    with pytest.raises(MissingPackageError, match=r"PyAudio is needed .* pip install -e '\.\[mic\]'"):
        open_source(None)


@pytest.mark.parametrize(("inputs", "error"), [([], None), ([0, 0], None), ([2], OSError(-9996, "no device"))])
def test_no_input_device(monkeypatch, capfd, inputs, error):
    install(monkeypatch, inputs, error)
    with pytest.raises(SourceError, match="no microphone was found"):
        open_source(None)
    assert capfd.readouterr().err == ""


def test_live_listening_comes_later(monkeypatch):
    install(monkeypatch, [0, 2])
    with pytest.raises(SourceError, match="does not listen to microphones yet"):
        open_source(None)
