"""What a training run tells while it goes: pictures and logs. Each observer is one file and one line here."""

from __future__ import annotations

import logging
from collections.abc import Callable, Collection
from pathlib import Path
from typing import TYPE_CHECKING

from kws.config import require_one_of
from kws.errors import KwsError
from kws.packages import one_line
from kws.train.observers.base import Observer
from kws.train.observers.live import LivePlot
from kws.train.observers.tensorboard import TensorBoard

if TYPE_CHECKING:
    from kws.train.batches import Batch
    from kws.train.loop import StepReport
    from kws.train.recipe import Recipe

__all__ = ["OBSERVERS", "Observer", "Observers", "open_observers"]

_log = logging.getLogger(__name__)

OBSERVERS: dict[str, type[Observer]] = {"tensorboard": TensorBoard, "live": LivePlot}
"""Observers by name."""


class Observers(Observer):
    """Several observers as one. What one of them raises is logged, and it is left out from then on.

    Parameters
    ----------
    members : dict of str to Observer
        By the name that the log gives them.
    """

    def __init__(self, members: dict[str, Observer]) -> None:
        self._members = dict(members)

    @property
    def names(self) -> list[str]:
        """Names of those that still work."""
        return list(self._members)

    def begin(self, example: Callable[[], Batch]) -> None:
        """Pass the maker of an example on to all."""
        self._tell(lambda member: member.begin(example))

    def step(self, report: StepReport) -> None:
        """Pass a report on to all."""
        self._tell(lambda member: member.step(report))

    def close(self) -> None:
        """Close all; a second call does nothing."""
        self._tell(lambda member: member.close())
        self._members.clear()

    def _tell(self, call: Callable[[Observer], None]) -> None:
        for name, member in list(self._members.items()):
            try:
                call(member)
            except Exception as error:
                _log.warning("%s failed and is left out; training goes on: %s", name, one_line(error))
                self._members.pop(name)


def open_observers(names: Collection[str], out: Path, recipe: Recipe, wished: Collection[str] = ()) -> Observers:
    """Open observers by name.

    Parameters
    ----------
    names : collection of str
        Those that were asked for.
    out : Path
        Existing folder of the run, for what they write.
    recipe : Recipe
    wished : collection of str
        Those that come along where they can be had; what they lack is logged.

    Raises
    ------
    ConfigError
        If there is no such observer.
    MissingPackageError
        If one that was asked for needs a package that is not installed.
    """
    members: dict[str, Observer] = {}
    for name in dict.fromkeys((*names, *wished)):
        require_one_of("observer", name, OBSERVERS)
        try:
            members[name] = OBSERVERS[name](out, recipe)
        except KwsError as error:
            if name in names:
                Observers(members).close()
                raise
            _log.warning("without %s: %s", name, error)
    return Observers(members)
