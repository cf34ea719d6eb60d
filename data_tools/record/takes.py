"""Takes of a word, one after the other: what is heard and what is pressed goes in, files come out."""

from __future__ import annotations

from collections.abc import Callable

from data_tools.record.detector import Stretch, TakeDetector
from data_tools.record.judge import Rejection, judge
from data_tools.record.keys import PAUSE, PLAY, REDO, STOP, UNDO
from data_tools.record.settings import TakeConfig
from data_tools.record.store import Store
from data_tools.record.take import Take
from data_tools.record.work import Block, Event, Origin, Work
from kws.audio import FloatArray, read_audio
from kws.config import SAMPLE_RATE_HZ
from kws.errors import AudioError, DataError

Play = Callable[[FloatArray], float]
"""Begins to play and returns for how many seconds the microphone will hear it; 0 if there is no loudspeaker."""

_NOISY_DB = 10.0


class TakeRecorder(Work):
    """Record takes.

    Parameters
    ----------
    word : str
    store : Store
    detector : TakeDetector
    config : TakeConfig
    origin : Origin
    on_event : callable
    play : callable, optional
    goal : int, optional
        It is done when there are so many takes, those of earlier sessions included.
    """

    def __init__(
        self,
        word: str,
        store: Store,
        detector: TakeDetector,
        config: TakeConfig,
        origin: Origin,
        on_event: Callable[[Event], None],
        play: Play | None = None,
        goal: int | None = None,
    ) -> None:
        super().__init__(on_event)
        self._word, self._store, self._detector, self._config = word, store, detector, config
        self._origin, self._play, self._goal = origin, play, goal
        self._is_redoing = False
        self._muted_samples = 0
        # A take that could not be written: it is tried again.
        self._unsaved: Take | None = None
        self.n_new = self.n_known = self.n_rejected = 0
        self.is_done = self._has_all

    @property
    def actions(self) -> tuple[str, ...]:
        """What a person may ask for."""
        return PLAY, REDO, UNDO, PAUSE, STOP

    @property
    def counter(self) -> str:
        """How many takes there are."""
        count = self._store.count
        return f"{count} of {self._goal} takes" if self._goal else f"{count} take{'' if count == 1 else 's'}"

    @property
    def prompt(self) -> str:
        """What to do now."""
        if self._unsaved is not None:
            return "a take is not written yet: make room, then press space"
        if self.is_paused:
            return "paused: space goes on"
        if self._muted_samples:
            return "listen"
        again = " again, instead of the last" if self._is_redoing else ""
        return f"say “{self._word}”{again}"

    @property
    def is_hearing(self) -> bool:
        """Whether somebody speaks."""
        return self._detector.is_hearing

    @property
    def _has_all(self) -> bool:
        return self._goal is not None and self._store.count >= self._goal

    def hear(self, block: Block) -> None:
        """Take a block: what it completes is judged and saved."""
        if block.notice:
            self._tell(Event("told", block.notice))
        n_samples = block.samples.shape[1]
        if block.lost:
            self._judge_all(block.lost)
        if self.is_paused or self._muted_samples:
            self._muted_samples = max(0, self._muted_samples - n_samples)
            self._detector.finish(n_samples)
        elif n_samples:
            for stretch in self._detector.process(block.samples):
                self._judge(stretch)

    def press(self, action: str) -> None:
        """Do what a person asks for."""
        if action == PAUSE and self._unsaved is not None:
            self._try_again()
            return
        super().press(action)
        if action == UNDO:
            self._undo()
        elif action == REDO:
            self._redo()
        elif action == PLAY:
            self._replay()
        elif action == PAUSE:
            self._tell(Event("told", "paused" if self.is_paused else "going on"))

    def finish(self) -> None:
        """Save what is complete."""
        for stretch in [] if self.is_paused else self._detector.finish():
            self._judge(stretch)
        if self._unsaved is not None:
            self._save(self._unsaved)
        self._store.flush()

    def _judge_all(self, lost_samples: int) -> None:
        for stretch in self._detector.finish(lost_samples):
            self._judge(stretch)

    def _judge(self, stretch: Stretch) -> None:
        if self._has_all:
            return
        verdict = judge(stretch, self._config)
        if isinstance(verdict, Rejection):
            self.n_rejected += 1
            self._tell(Event("rejected", verdict.what, verdict.advice))
            return
        # Until it is written: a signal in the middle of that loses nothing.
        self._unsaved = verdict
        try:
            self._save(verdict)
        except (AudioError, DataError) as error:
            if self._origin.source:
                self._unsaved = None
                raise
            self.is_paused = True
            self._tell(Event("problem", str(error), "make room, then press space: the take is kept until then"))

    def _save(self, take: Take) -> None:
        fields = {**self._origin.fields(), "snr_db": f"{take.snr_db:.1f}"}
        if self._origin.source:
            at = {"source": self._origin.source, "source_start_s": f"{take.start / SAMPLE_RATE_HZ:.3f}"}
            if self._store.holds(at):
                self.n_known += 1
                self._unsaved = None
                return
            fields |= at
        path = self._store.add(take.samples, take.channels, fields, self._is_redoing)
        self._is_redoing, self._unsaved = False, None
        self.n_new += 1
        figures = f"{take.word_s:.2f} s, {take.level_dbfs:.0f} dBFS, {take.snr_db:.0f} dB above the noise"
        noisy = "noisy: a quieter place makes a better detector" if take.snr_db < _NOISY_DB else ""
        self._tell(Event("take", f"{path.name}: {figures}", noisy))
        self.is_done = self.is_done or self._has_all

    def _try_again(self) -> None:
        assert self._unsaved is not None
        try:
            self._save(self._unsaved)
        except (AudioError, DataError) as error:
            self._tell(Event("problem", str(error), "make room, then press space"))
            return
        self.is_paused = False

    def _undo(self) -> None:
        if self._unsaved is not None:
            self._unsaved, self.is_paused = None, False
            self._tell(Event("undone", "the take that was not written is left out"))
            return
        try:
            path = self._store.undo()
        except DataError as error:
            self._tell(Event("problem", str(error)))
            return
        self._is_redoing = False
        if path is None:
            self._tell(Event("told", "nothing to undo: takes of earlier sessions are kept"))
            return
        self.n_new -= 1
        self._tell(Event("undone", f"{path.name} is taken back"))

    def _redo(self) -> None:
        if self._store.last is None:
            self._tell(Event("told", "nothing to redo yet"))
            return
        self._is_redoing = not self._is_redoing
        kept = f"{self._store.last.name} is kept until the next good take is in its place"
        self._tell(Event("told", kept if self._is_redoing else f"{self._store.last.name} stays"))

    def _replay(self) -> None:
        last = self._store.last
        if last is None or self._play is None:
            self._tell(Event("told", "nothing to play yet" if last is None else "there is no loudspeaker"))
            return
        heard_s = self._play(read_audio(last))
        # The microphone hears the loudspeaker: that is no take.
        self._judge_all(0)
        self._muted_samples = round(heard_s * SAMPLE_RATE_HZ)
        self._tell(Event("told", f"playing {last.name}" if heard_s else "there is no loudspeaker"))
