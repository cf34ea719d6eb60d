"""When the files of a run are written, and what happens while that fails: training goes on and it is tried again."""

from __future__ import annotations

import time
from collections.abc import Callable, Sequence
from pathlib import Path

from kws.errors import CheckpointError
from kws.train.recipe import TrainingConfig

RETRY_S = 15.0
_REMIND_S = 600.0

Write = Callable[[], None]


class Saver:
    """Writes files now or later.

    Parameters
    ----------
    training : TrainingConfig
        For ``save_every`` and ``save_every_s``.
    order : sequence of Path
        All files there are, in the order in which they are written; where one fails, those after it wait as well, so
        that no file speaks of another that is not there.
    on_notice : callable
        Told in one line when something could not be written, and when all is written again.
    clock, sleep : callable
        Seconds that only ever grow, and how to wait.
    """

    def __init__(
        self,
        training: TrainingConfig,
        order: Sequence[Path],
        on_notice: Callable[[str], None],
        clock: Callable[[], float] = time.monotonic,
        sleep: Callable[[float], None] = time.sleep,
    ) -> None:
        self._training, self._order, self._notice = training, order, on_notice
        self._clock, self._sleep = clock, sleep
        self._waiting: dict[Path, Write] = {}
        self._tried_s = clock()
        self._reminded_s = -_REMIND_S
        self._problem, self._doing = "", "training goes on"
        self.safe_step: int | None = None
        """The newest step that is on disk."""

    @property
    def is_behind(self) -> bool:
        """Whether something could not be written so far."""
        return bool(self._waiting)

    def is_due(self, step: int) -> bool:
        """Return whether the state after `step` steps is to be saved."""
        training, age_s = self._training, self._clock() - self._tried_s
        by_steps = training.save_every > 0 and step % training.save_every == 0
        by_time = 0.0 < training.save_every_s <= age_s
        return by_steps or by_time or (self.is_behind and age_s >= RETRY_S)

    def write(self, step: int, writes: dict[Path, Write]) -> bool:
        """Write files, and those that could not be written before.

        Parameters
        ----------
        step : int
            The step that is safe once they are written.
        writes : dict of Path to callable
            What writes each file; it may be called again later.

        Returns
        -------
        bool
            Whether all is on disk.
        """
        # Newer content takes the place of what waits for the same file.
        self._waiting.update(writes)
        self._tried_s = self._clock()
        try:
            for path in self._order:
                if path in self._waiting:
                    self._waiting[path]()
                    del self._waiting[path]
        except CheckpointError as error:
            return self._complain(str(error))
        except OSError as error:
            return self._complain(f"{path}: cannot be written ({error.strerror or error})")
        if self._problem:
            self._notice(f"can be written again: step {step} is saved")
        self._problem, self.safe_step = "", step
        return True

    def finish(self, step: int) -> None:
        """Try until everything is on disk; an interruption ends it."""
        self._doing, self._reminded_s = "training is done", -_REMIND_S
        while self.is_behind:
            self._complain(self._problem)
            self._sleep(RETRY_S)
            self.write(step, {})

    def _complain(self, problem: str) -> bool:
        now_s = self._clock()
        # One line an outage, whichever file it meets.
        if not self._problem or now_s - self._reminded_s >= _REMIND_S:
            self._notice(f"{problem}; {self._doing}, and it is tried again every {RETRY_S:.0f} s; {self._safe}")
            self._reminded_s = now_s
        self._problem = problem
        return False

    @property
    def _safe(self) -> str:
        return "nothing is saved yet" if self.safe_step is None else f"step {self.safe_step} is safe on disk"
