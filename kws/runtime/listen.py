"""From one source through channels, gate and all detectors to all sinks."""

from __future__ import annotations

import dataclasses
import time
from collections.abc import Iterable, Sequence
from dataclasses import dataclass

import numpy as np

from kws.audio import FloatArray
from kws.config import SAMPLE_RATE_HZ, require
from kws.runtime.ambient import AmbientLevel
from kws.runtime.channels import ChannelMixer, ChannelPlan
from kws.runtime.clock import now_s
from kws.runtime.detector import Detector, Event
from kws.runtime.gate import SilenceGate
from kws.runtime.sinks.base import Sink, Status, Summary
from kws.runtime.sources.base import AudioBlock, Source

_NO_AUDIO_S = 1.0
# The load that is told is that of about the last two seconds.
_LOAD_MEMORY_S = 2.0
# Live, audio comes in longer pieces when nothing was this much louder than the noise for so long.
_QUIET_MARGIN_DB = 3.0
_QUIET_S = 1.0


@dataclass(frozen=True)
class ListenOptions:
    """How to listen.

    Parameters
    ----------
    plan : ChannelPlan
        What to do with several channels; it must be the one whose fusion the detectors use.
    has_gate : bool
        Let the detectors sleep in silence.
    has_levels : bool
        Tell levels and noise floors in the status.
    max_age_s : float
        Live only: what is detected in audio older than this is counted, not told.
    max_s : float, optional
        Stop after that many seconds.
    """

    plan: ChannelPlan = dataclasses.field(default_factory=lambda: ChannelPlan.parse("auto"))
    has_gate: bool = False
    has_levels: bool = False
    max_age_s: float = 1.0
    max_s: float | None = None

    def __post_init__(self) -> None:
        require("max-age", self.max_age_s, 0.0, 3600.0)
        if self.max_s is not None:
            require("max-seconds", self.max_s, 0.001, 1e9)


def listen(
    source: Iterable[AudioBlock],
    detectors: Sequence[Detector],
    sinks: Sequence[Sink],
    options: ListenOptions | None = None,
) -> Summary:
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
    options : ListenOptions, optional

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
    listener = _Listener(source, detectors, sinks, options or ListenOptions())
    try:
        try:
            for block in source:
                listener.take(block)
                if listener.is_over:
                    break
        except KeyboardInterrupt:
            listener.end(is_interrupted=True)
            raise
        return listener.end()
    except BaseException:
        if not listener.has_ended:
            for sink in sinks:
                sink.abort()
        raise


class _Listener:
    """The state of one run: where the detectors started, and how much was heard, lost and too late."""

    def __init__(
        self,
        source: Iterable[AudioBlock],
        detectors: Sequence[Detector],
        sinks: Sequence[Sink],
        options: ListenOptions,
    ) -> None:
        self._source = source
        self._detectors = detectors
        self._sinks = sinks
        self._options = options
        self._mixer: ChannelMixer | None = None
        self._gate: SilenceGate | None = None
        self._ambient: AmbientLevel | None = None
        # Sample at which the detectors, and the gate, began.
        self._origin = 0
        self._gate_origin = 0
        self._muted_until = 0
        self._heard_samples = 0
        self._lost_samples = 0
        self._stale_events = 0
        self._load = _Load()
        self._age_s = 0.0
        self._began_s = self._audio_at_s = now_s()
        self._is_live = self._is_relaxed = False
        self._sounded_s = 0.0
        self.has_ended = False

    @property
    def is_over(self) -> bool:
        """Whether the time that was asked for is over: of the clock if live, else of the audio."""
        if self._options.max_s is None:
            return False
        past_s = self._heard_samples / SAMPLE_RATE_HZ
        return max(past_s, now_s() - self._began_s if self._is_live else 0.0) >= self._options.max_s

    def take(self, block: AudioBlock) -> None:
        """Decide on the next block."""
        if block.notice:
            for sink in self._sinks:
                sink.notice(block.notice)
        if block.samples.shape[1]:
            self._hear(block)
        else:
            # Only live sources have nothing to give.
            self._is_live = True
        status = self._status()
        for sink in self._sinks:
            sink.status(status)

    def _hear(self, block: AudioBlock) -> None:
        self._is_live = block.captured_s is not None
        self._audio_at_s = now_s()
        if self._mixer is None:
            self._open(block.samples.shape[0])
        if block.lost:
            self._lose(block)
        self._heard_samples += block.samples.shape[1]
        for sink in self._sinks:
            sink.audio(block.samples)
        if self._ambient is not None:
            self._pace(self._ambient.update(block.samples))
        start = min(max(block.start, self._muted_until), block.end)
        if start > block.start:
            # The own chime is in there.
            self._restart(start)
        if start < block.end:
            self._decide(block, block.samples[:, start - block.start :])
        self._load.add(now_s() - self._audio_at_s, block.samples.shape[1] / SAMPLE_RATE_HZ)
        if block.captured_s is not None:
            self._age_s = now_s() - block.captured_s

    def _open(self, n_channels: int) -> None:
        self._mixer = self._options.plan.open(n_channels)
        if self._options.has_gate:
            self._gate = SilenceGate(len(self._mixer.labels))
        if self._options.has_levels or self._is_live:
            self._ambient = AmbientLevel(n_channels)

    def _pace(self, tracks: list[list[tuple[float, float]]]) -> None:
        """Take what comes as it comes while there is sound, and in longer pieces while there is none."""
        if not self._is_live or not isinstance(self._source, Source):
            return
        ratio = 10 ** (_QUIET_MARGIN_DB / 10)
        if any(power > ratio * floor for frames in tracks for power, floor in frames):
            self._sounded_s = self._audio_at_s
        is_quiet = self._audio_at_s - self._sounded_s > _QUIET_S
        if is_quiet != self._is_relaxed:
            self._is_relaxed = is_quiet
            self._source.relax(is_quiet)

    def _decide(self, block: AudioBlock, samples: FloatArray) -> None:
        assert self._mixer is not None
        rows = self._mixer.process(samples)
        if self._gate is None:
            self._tell(self._detect(rows), block)
            return
        for piece in self._gate.process(rows):
            if piece.restart:
                self._reset_detectors(self._gate_origin + piece.start)
            self._tell(self._detect(piece.samples), block)

    def _detect(self, rows: FloatArray) -> list[tuple[Event, str]]:
        return [(event, detector.spec.name) for detector in self._detectors for event in detector.process(rows)]

    def _lose(self, block: AudioBlock) -> None:
        self._lost_samples += block.lost
        self._restart(block.start)
        # Sinks hear silence for what was lost, so that their audio keeps to the times of the events.
        for start in range(0, block.lost, SAMPLE_RATE_HZ):
            n_samples = min(SAMPLE_RATE_HZ, block.lost - start)
            for sink in self._sinks:
                sink.audio(np.zeros((block.samples.shape[0], n_samples), np.float32))

    def _restart(self, start: int) -> None:
        """Forget all audio before sample `start`."""
        assert self._mixer is not None
        self._mixer.reset()
        if self._gate is not None:
            self._gate.reset()
        self._gate_origin = start
        self._reset_detectors(start)

    def _reset_detectors(self, start: int) -> None:
        self._origin = start
        for detector in self._detectors:
            detector.reset()

    def end(self, is_interrupted: bool = False) -> Summary:
        """Decide on what is left and finish the sinks."""
        found = [(event, d.spec.name) for d in self._detectors for event in d.flush()]
        # What is left of live audio is not the end of a word.
        if not self._is_live:
            self._tell(found, None)
        summary = Summary(
            self._heard_samples / SAMPLE_RATE_HZ, self._lost_samples, self._stale_events, self._stalls, is_interrupted
        )
        for sink in self._sinks:
            sink.end(summary)
        self.has_ended = True
        return summary

    @property
    def _stalls(self) -> int:
        return self._source.stalls if isinstance(self._source, Source) else 0

    def _tell(self, found: list[tuple[Event, str]], block: AudioBlock | None) -> None:
        for event, model in sorted(found, key=lambda pair: pair[0].time_s):
            moved = self._moved(event, block)
            if moved is None:
                self._stale_events += 1
                continue
            for sink in self._sinks:
                sink.event(moved, model)
            if moved.unix_s is not None and block is not None:
                self._mute(block)

    def _moved(self, event: Event, block: AudioBlock | None) -> Event | None:
        """Put an event on the timeline of the source; None if its audio is too old to tell of."""
        assert self._mixer is not None
        time_s = event.time_s + self._origin / SAMPLE_RATE_HZ
        channel = self._mixer.labels[event.channel]
        if block is None or block.captured_s is None:
            return dataclasses.replace(event, time_s=time_s, channel=channel)
        age_s = now_s() - (block.captured_s - (block.end / SAMPLE_RATE_HZ - time_s))
        if age_s > self._options.max_age_s:
            return None
        return dataclasses.replace(event, time_s=time_s, channel=channel, unix_s=time.time() - age_s)

    def _mute(self, block: AudioBlock) -> None:
        mute_s = max((sink.mute_s for sink in self._sinks), default=0.0)
        if mute_s == 0.0 or block.captured_s is None:
            return
        # Counted from now: that is when the chime begins.
        ahead_s = now_s() - block.captured_s + mute_s
        self._muted_until = block.end + round(ahead_s * SAMPLE_RATE_HZ)

    def _status(self) -> Status:
        ambient = self._ambient
        return Status(
            audio_s=self._heard_samples / SAMPLE_RATE_HZ,
            state=self._state(),
            levels_db=ambient.levels_db if ambient is not None and self._options.has_levels else (),
            floors_db=ambient.floors_db if ambient is not None and self._options.has_levels else (),
            load=self._load.share,
            age_s=self._age_s,
            lost_samples=self._lost_samples,
            stale_events=self._stale_events,
            stalls=self._stalls,
        )

    def _state(self) -> str:
        if self._is_live and now_s() - self._audio_at_s > _NO_AUDIO_S:
            return "waiting"
        if self._origin >= self._muted_until:
            is_asleep = self._gate is not None and self._gate.is_asleep
            return "asleep" if is_asleep else "listening"
        return "muted"


class _Load:
    """Share of real time that the work takes, lately."""

    def __init__(self) -> None:
        self.share = 0.0

    def add(self, work_s: float, audio_s: float) -> None:
        """Take the time that a block took and the time that it lasts."""
        weight = min(1.0, audio_s / _LOAD_MEMORY_S)
        self.share += weight * (work_s / audio_s - self.share)
