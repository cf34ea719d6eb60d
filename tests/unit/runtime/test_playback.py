import numpy as np
import pytest

from kws.errors import SourceError
from kws.runtime.playback import Playback
from tests.fake_backend import FakeBackend


class Loudspeaker(FakeBackend):
    """Takes 48 kHz only, and is asked for samples by the test."""

    def __init__(self):
        super().__init__()
        self.opened = []

    def open_output(self, device, rate_hz, n_channels, block_frames, callback):
        if rate_hz != 48_000:
            raise SourceError("rate")
        self.opened.append(self)
        self.give, self.n_ended = callback, 0
        return self

    is_alive = True

    def close(self):
        self.n_ended += 1


def test_a_recording_is_played_once_at_a_rate_that_is_there():
    loudspeaker = Loudspeaker()
    playback = Playback(loudspeaker)
    tone = np.full(16_000, 0.5, np.float32)
    # A second, and what opening and echo take.
    assert playback.play(tone) == pytest.approx(1.7)
    played = np.frombuffer(loudspeaker.give(60_000), "<i2")
    assert np.abs(played[1000:47_000] - 16_384).max() < 300 and not played[48_000:].any()
    playback.close()
    playback.close()
    assert loudspeaker.n_ended == 1


def test_the_next_one_ends_the_last():
    loudspeaker = Loudspeaker()
    playback = Playback(loudspeaker)
    playback.play(np.zeros(10, np.float32))
    playback.play(np.zeros(10, np.float32))
    assert len(loudspeaker.opened) == 2


def test_without_a_loudspeaker_nothing_is_heard():
    assert Playback(FakeBackend()).play(np.zeros(10, np.float32)) == 0.0
