"""From one source through all detectors to all sinks."""

from __future__ import annotations

import dataclasses
from collections.abc import Iterable, Sequence

import numpy as np

from kws.config import SAMPLE_RATE_HZ
from kws.runtime.detector import Detector, Event
from kws.runtime.sinks.base import Sink, Summary
from kws.runtime.sources.base import AudioBlock


def listen(source: Iterable[AudioBlock], detectors: Sequence[Detector], sinks: Sequence[Sink]) -> Summary:
    """Listen to the end of the source, or until interrupted.

    Events of several detectors come in the order of their time within each block. After a loss every detector
    starts anew: nothing is decided on audio that is not contiguous. Times count what was lost.

    Parameters
    ----------
    source : Source
        Any iterable of blocks.
    detectors : sequence of Detector
        Fresh or reset; each hears all the audio.
    sinks : sequence of Sink
        Finished by `end` when the audio is over or the user interrupts, by `abort` if anything fails.

    Returns
    -------
    Summary

    Raises
    ------
    KwsError
        What the source, a detector or a sink raises.
    KeyboardInterrupt
        After the sinks have ended.
    """
    listener = _Listener(detectors, sinks)
    try:
        try:
            for block in source:
                listener.take(block)
        except KeyboardInterrupt:
            listener.end()
            raise
        return listener.end()
    except BaseException:
        if not listener.has_ended:
            for sink in sinks:
                sink.abort()
        raise


class _Listener:
    """The state of one run: where the detectors started, and how much was heard and lost."""

    def __init__(self, detectors: Sequence[Detector], sinks: Sequence[Sink]) -> None:
        self._detectors = detectors
        self._sinks = sinks
        self._offset_s = 0.0
        self._heard_samples = 0
        self._lost_samples = 0
        self.has_ended = False

    def take(self, block: AudioBlock) -> None:
        """Decide on the next block."""
        if block.lost:
            self._lose(block)
        self._heard_samples += block.samples.shape[-1]
        for sink in self._sinks:
            sink.audio(block.samples)
        self._tell([(event, d.spec.name) for d in self._detectors for event in d.process(block.samples)])

    def _lose(self, block: AudioBlock) -> None:
        self._lost_samples += block.lost
        self._offset_s = block.start / SAMPLE_RATE_HZ
        for detector in self._detectors:
            detector.reset()
        # Sinks hear silence for what was lost, so that their audio keeps to the times of the events.
        for start in range(0, block.lost, SAMPLE_RATE_HZ):
            n_samples = min(SAMPLE_RATE_HZ, block.lost - start)
            for sink in self._sinks:
                sink.audio(np.zeros((*block.samples.shape[:-1], n_samples), np.float32))

    def end(self) -> Summary:
        """Decide on what is left and finish the sinks."""
        self._tell([(event, d.spec.name) for d in self._detectors for event in d.flush()])
        summary = Summary(self._heard_samples / SAMPLE_RATE_HZ, self._lost_samples)
        for sink in self._sinks:
            sink.end(summary)
        self.has_ended = True
        return summary

    def _tell(self, found: list[tuple[Event, str]]) -> None:
        for event, model in sorted(found, key=lambda pair: pair[0].time_s):
            moved = dataclasses.replace(event, time_s=event.time_s + self._offset_s)
            for sink in self._sinks:
                sink.event(moved, model)
