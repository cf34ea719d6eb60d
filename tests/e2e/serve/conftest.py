import json
import re
import signal

import pytest

from kws.audio import read_audio, to_pcm16
from kws.runtime import Detector
from tests.wyoming_clients import ASSETS, Server


@pytest.fixture(scope="module")
def server():
    """One server for the tests of this file; at the end nothing may have been written on stderr."""
    running = Server()
    yield running
    code, out, err = running.stop()
    assert (code, err) == (128 + signal.SIGTERM, "")
    assert re.fullmatch(r"Stopped after \d+ connections and \d+ detections\n", out)


@pytest.fixture(scope="module")
def server_with_log():
    """A server that may write on stderr."""
    running = Server()
    yield running
    code, _, err = running.stop(signal.SIGINT)
    assert code == 128 + signal.SIGINT
    assert all("which no model here knows" in line for line in err.splitlines()), err


@pytest.fixture(scope="module")
def demo():
    return to_pcm16(read_audio(ASSETS / "demo.flac"))


@pytest.fixture(scope="module")
def expected_ms(demo):
    """Milliseconds at which a detector fires on the bundled recording."""
    detector = Detector.open(ASSETS / "computer.onnx")
    times_ms = [round(1000 * event.time_s) for event in detector.process(demo) + detector.flush()]
    assert len(times_ms) == len(json.loads((ASSETS / "demo.json").read_text())["word_ends_s"])
    return times_ms
