"""The training loop: step, validate, keep the best, save, and go on where it stopped."""

from __future__ import annotations

import functools
import json
import math
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import torch

from kws.errors import CheckpointError, ConfigError, DataError
from kws.signals import held_signals
from kws.spec import ModelSpec
from kws.train.batches import Batch
from kws.train.checkpoint import encode_checkpoint, load_checkpoint, load_newest, write_whole
from kws.train.curves import draw_curves
from kws.train.fake_quant import Start
from kws.train.going_on import recipe_json, require_same
from kws.train.learner import Learner, learning_rate
from kws.train.processes import Processes, Verdict
from kws.train.recipe import Recipe
from kws.train.run_folder import BEST, CURVES, HISTORY, LAST, PREVIOUS
from kws.train.saving import Saver, Write
from kws.train.validation import Outcome, Validator

_VALUE_BYTES = 4
_NAMES_BYTES = 64 << 10


@dataclass(frozen=True)
class StepReport:
    """What the loop tells while it runs.

    Parameters
    ----------
    step : int
        Steps made so far.
    loss : float
        Smoothed loss.
    outcome : Outcome, optional
        The validation, where one was made after this step.
    step_loss : float
        Loss of this step alone.
    learning_rate : float
        Rate of this step.
    """

    step: int
    loss: float
    outcome: Outcome | None = None
    step_loss: float = math.nan
    learning_rate: float = math.nan


class Trainer:
    """One training run in one folder.

    Parameters
    ----------
    recipe : Recipe
    spec : ModelSpec
        What the model will say about itself; its decision is set by validation.
    out : Path
        Existing folder for ``last.pt``, ``previous.pt``, ``best.pt``, ``history.json`` and ``curves.png``.
    validator : Validator, optional
        Only the main process needs one.
    processes : Processes
    on_notice : callable
        Told in one line what a user should know.
    start : Start, optional
        A trained network to fine-tune for int8, instead of a new one.

    Notes
    -----
    State is saved only between two steps. Signals wait until a step or a save is whole; waiting for a batch and
    validation, which change nothing, can be interrupted.
    """

    def __init__(
        self,
        recipe: Recipe,
        spec: ModelSpec,
        out: Path,
        validator: Validator | None,
        processes: Processes,
        on_notice: Callable[[str], None],
        start: Start | None = None,
    ) -> None:
        self.step = 0
        self.learner = Learner(recipe, spec, processes, start)
        self._recipe, self._spec, self._out, self._validator = recipe, spec, out, validator
        self._processes, self._notice = processes, on_notice
        self._saver = Saver(recipe.training, [out / name for name in (BEST, LAST, HISTORY, CURVES)], on_notice)
        self._loss, self._best_cost = 0.0, math.inf
        self._history: list[dict[str, Any]] = []
        self._saved: tuple[int, int] | None = None
        self._is_whole = True

    @property
    def n_parameters(self) -> int:
        """Trainable values of the network."""
        return sum(p.numel() for p in self.learner.network.parameters())

    @property
    def safe_step(self) -> int | None:
        """The newest step that is on disk; None if there is none."""
        return self._saver.safe_step

    @property
    def checkpoint_bytes(self) -> int:
        """Size of the largest checkpoint of the run, in advance; every process must ask for it."""
        present = len(encode_checkpoint(self._resume_values(self.learner.state())))
        # What comes with the first step: two moments a weight, the carried states, and the names of all these.
        network, n_bands = self.learner.averaged, self._spec.front_end.n_bands
        inputs = torch.zeros(1, self._spec.step_frames, n_bands, device=self._processes.device)
        with torch.no_grad():
            _, states = network(inputs)
        n_values = 2 * self.n_parameters + self._recipe.training.batch_size * sum(s.numel() for s in states)
        return present + _VALUE_BYTES * n_values + _NAMES_BYTES

    def resume(self) -> None:
        """Go on from the newest checkpoint of the folder.

        Raises
        ------
        CheckpointError
            If there is none that can be read, or it was made by a recipe that does not fit this one.
        """
        path = self._out / LAST
        values: dict[str, Any] = self._processes.broadcast(
            load_newest(path, self._out / PREVIOUS, self._notice) if self._processes.is_main else None
        )
        small = require_same(values["recipe"], self._recipe, path)
        is_exact = self.learner.restore(values, values["step"])
        self.step, self._loss = values["step"], values["loss"]
        self._history, self._best_cost = json.loads(values["history"]), values["best_cost"]
        self._saved = self._place
        self._saver.safe_step = self.step
        self._say_what_differs(values, small, is_exact)
        if self._processes.is_main and self._history:
            self._restore_side_files()

    def run(self, batches: Iterator[Batch], on_progress: Callable[[StepReport], None]) -> None:
        """Train to the last step, validating after each epoch and saving in between and at an interruption.

        Parameters
        ----------
        batches : iterator of Batch
            This process's batches from :attr:`step` on; each step takes ``accumulate_batches`` of them.
        on_progress : callable
            Called after every step, in the main process only.

        Raises
        ------
        ConfigError
            If the loss is no number any more.
        DataError
            If a process that makes batches died.
        """
        is_alone = self._processes.count == 1
        # Several processes stop after the same step, or one would wait for another that has gone.
        with held_signals(not is_alone) as waiting:
            try:
                self._run(batches, on_progress, waiting)
            except BaseException as error:
                if is_alone and self.step and self._is_whole and self._saved != self._place:
                    self._save()
                if isinstance(error, RuntimeError) and "DataLoader worker" in str(error):
                    line = " ".join(str(error).split())
                    raise DataError(f"a process that makes batches died, often for lack of memory: {line}") from None
                raise
        if self._processes.is_main:
            self._saver.finish(self.step)

    def _run(self, batches: Iterator[Batch], on_progress: Callable[[StepReport], None], waiting: list[int]) -> None:
        training = self._recipe.training
        if self.step and self._is_epoch and not any(entry["step"] == self.step for entry in self._history):
            # The last process was stopped in it.
            self._report(on_progress, math.nan, self._validate())
        while self.step < training.steps:
            parts = [next(batches) for _ in range(training.accumulate_batches)]
            with held_signals():
                verdict = self._train_step(parts, waiting)
            outcome = None
            if self._is_epoch:
                outcome = self._validate()
            elif verdict.save or verdict.stop:
                self._save()
            self._report(on_progress, verdict.loss, outcome)
            if verdict.stop:
                raise KeyboardInterrupt

    def _train_step(self, parts: Sequence[Batch], waiting: list[int]) -> Verdict:
        # An error in here leaves weights that are half of one step and half of the next.
        self._is_whole = False
        loss = self.learner.step(parts, self.step)
        is_due = self._processes.is_main and self._saver.is_due(self.step + 1)
        verdict = self._processes.agree(loss, bool(waiting), is_due)
        if not math.isfinite(verdict.loss):
            raise ConfigError(
                f"the loss is {verdict.loss} at step {self.step + 1} with training.learning_rate "
                f"{self._recipe.training.learning_rate}; accepted is a rate at which it stays finite"
            )
        self._loss = verdict.loss if self.step == 0 else 0.98 * self._loss + 0.02 * verdict.loss
        self.step += 1
        self._is_whole = True
        return verdict

    def _report(self, on_progress: Callable[[StepReport], None], loss: float, outcome: Outcome | None) -> None:
        if self._processes.is_main:
            rate = learning_rate(self.step - 1, self._recipe.training)
            on_progress(StepReport(self.step, self._loss, outcome, loss, rate))

    @property
    def _is_epoch(self) -> bool:
        training = self._recipe.training
        return self.step % training.validate_every == 0 or self.step == training.steps

    @property
    def _place(self) -> tuple[int, int]:
        return self.step, len(self._history)

    def _validate(self) -> Outcome | None:
        # Saved before it as well: it may take long, and a process that goes on begins with it.
        state = self._save()
        if self._validator is None:
            return None
        outcome = self._validator.judge(self.learner.averaged)
        with held_signals():
            self._history.append({"step": self.step, "loss": self._loss, **outcome.to_dict()})
            writes = self._best_write(outcome) if outcome.cost <= self._best_cost else {}
            self._write(state, {**writes, **self._picture_writes()})
        return outcome

    def _save(self) -> dict[str, Any]:
        with held_signals():
            state = self.learner.state()
            if self._processes.is_main:
                self._write(state, {})
        return state

    def _write(self, state: dict[str, Any], others: dict[Path, Write]) -> None:
        last = self._out / LAST
        content = encode_checkpoint(self._resume_values(state))
        write = functools.partial(write_whole, last, content, self._out / PREVIOUS)
        if self._saver.write(self.step, {**others, last: write}):
            self._saved = self._place

    def _best_write(self, outcome: Outcome) -> dict[Path, Write]:
        self._best_cost = outcome.cost
        path, content = self._out / BEST, encode_checkpoint(self._model_values(outcome))
        return {path: functools.partial(write_whole, path, content)}

    def _picture_writes(self) -> dict[Path, Write]:
        history, curves = self._out / HISTORY, self._out / CURVES
        best = min(self._history, key=lambda entry: (entry["cost"], -entry["step"]))
        content = json.dumps(self._history, indent=1).encode()
        return {
            history: functools.partial(write_whole, history, content),
            curves: functools.partial(draw_curves, curves, list(self._history), best["step"]),
        }

    def _model_values(self, outcome: Outcome | None = None) -> dict[str, Any]:
        spec = self.learner.averaged.trained_spec(self._spec)
        return {
            "spec": (spec if outcome is None else outcome.apply(spec)).to_dict(),
            "model": {k: v.cpu() for k, v in self.learner.network.model.state_dict().items()},
            "ema": {k: v.cpu() for k, v in self.learner.averaged.model.state_dict().items()},
            "recipe": recipe_json(self._recipe),
            "step": self.step,
            "history": json.dumps(self._history),
        }

    def _resume_values(self, state: dict[str, Any]) -> dict[str, Any]:
        return {**self._model_values(), **state, "loss": self._loss, "best_cost": self._best_cost}

    def _say_what_differs(self, values: dict[str, Any], small: list[str], is_exact: bool) -> None:
        notices = [f"goes on with {text}" for text in small]
        if not is_exact:
            notices.append(f"goes on with {self._processes.count} processes after {values['processes']}, or elsewhere")
        if self._processes.count > 1 and "power_sgd" in self._recipe.training.comm_hook:
            notices.append("goes on with plain gradients until PowerSGD starts again")
        found, now = values["spec"]["training"].get("train"), self._spec.training.get("train")
        if json.dumps(found, sort_keys=True) != json.dumps(now, sort_keys=True):
            notices.append("goes on with other recordings than before")
        for notice in notices:
            self._notice(f"{notice}: the result is not, bit for bit, that of an uninterrupted run")

    def _restore_side_files(self) -> None:
        writes: dict[Path, Write] = {}
        try:
            load_checkpoint(self._out / BEST)
        except CheckpointError as error:
            self._notice(f"{error}; the network of step {self.step} takes its place")
            assert self._validator is not None
            writes = self._best_write(self._validator.judge(self.learner.averaged))
        self._saver.write(self.step, {**writes, **self._picture_writes()})
