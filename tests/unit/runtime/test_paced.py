"""Recordings in real time."""

import numpy as np

from kws.runtime.sources import Source
from kws.runtime.sources import paced as module
from kws.runtime.sources.base import AudioBlock
from kws.runtime.sources.paced import PacedSource


class Recording(Source):
    name = "talk.wav"
    n_closed = 0

    def __iter__(self):
        for start in range(0, 48_000, 16_000):
            yield AudioBlock(np.zeros((1, 16_000), np.float32), start)

    def close(self):
        self.n_closed += 1


def test_blocks_come_when_they_were_heard(monkeypatch):
    now_s = [100.0]
    monkeypatch.setattr(module.time, "monotonic", lambda: now_s[0])
    monkeypatch.setattr(module.time, "sleep", lambda duration_s: now_s.__setitem__(0, now_s[0] + duration_s))
    recording = Recording()
    with PacedSource(recording) as source:
        assert source.name == "talk.wav"
        assert [now_s[0] for _ in source] == [101.0, 102.0, 103.0]
    assert recording.n_closed == 1


def test_one_who_is_late_is_not_made_later(monkeypatch):
    now_s = [100.0]
    monkeypatch.setattr(module.time, "monotonic", lambda: now_s[0])
    monkeypatch.setattr(module.time, "sleep", lambda duration_s: now_s.__setitem__(0, now_s[0] + duration_s))
    for _ in PacedSource(Recording()):
        now_s[0] += 2.5
    # Each block was worked on for 2.5 s; none was waited for but the first.
    assert now_s[0] == 101.0 + 3 * 2.5
