"""`Catalogue`: the models that a server offers, and detectors for its clients."""

from __future__ import annotations

import logging
import os
from collections import Counter
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass

from kws.errors import ConfigError, ModelFileError
from kws.runtime import Detector, open_runner
from kws.spec import ModelSpec

_LOG = logging.getLogger(__name__)
# Detectors that wait for the next client: it then need not wait until a model is loaded.
_MAX_IDLE = 8


@dataclass(frozen=True)
class WakeWord:
    """One keyword of one model.

    Parameters
    ----------
    name : str
        What clients call it: the keyword, with the model's name in brackets where two models have that keyword.
    keyword : str
    spec : ModelSpec
        Of its model.
    """

    name: str
    keyword: str
    spec: ModelSpec


class Catalogue:
    """The models of a server.

    Every model file is opened at once, so that what is wrong with it is raised before a client comes. Clients share
    nothing but the files: each has its own detectors while it sends audio.

    Parameters
    ----------
    paths : sequence of path
        Model files.
    change : callable, optional
        Given a model's spec and its index, it returns the spec with the rules that shall hold instead of its own.

    Raises
    ------
    ModelFileError, MissingPackageError
        If a model cannot be opened.
    ConfigError
        If two models have the same name and keyword.
    """

    def __init__(
        self, paths: Sequence[str | os.PathLike[str]], change: Callable[[ModelSpec, int], ModelSpec] | None = None
    ) -> None:
        self._paths = list(paths)
        self._change = change
        detectors = self._open()
        self._specs = [detector.spec for detector in detectors]
        self._idle = [detectors]
        self._words = _name_all(self._specs)

    @property
    def words(self) -> list[WakeWord]:
        """All wake words, in order of the models."""
        return list(self._words.values())

    def name_of(self, model: int, keyword: str) -> str:
        """Return the name of a keyword of the model with that index."""
        return self._words[model, keyword].name

    def choose(self, names: Iterable[str] | None) -> frozenset[str]:
        """Return the names of the wake words that a client asks for.

        Parameters
        ----------
        names : iterable of str or None
            Names or keywords, in any case, with ``_`` for a space; None or empty for all. An unknown one is logged
            and left out.
        """
        asked = list(names or ())
        if not asked:
            return frozenset(word.name for word in self.words)
        chosen: set[str] = set()
        for name in asked:
            same = {word.name for word in self.words if _plain(name) in (_plain(word.name), _plain(word.keyword))}
            if not same:
                _LOG.warning("a client asks for %.100r, which no model here knows", name)
            chosen |= same
        return frozenset(chosen)

    def take(self) -> list[Detector]:
        """Return detectors for one stream, one a model, at its start. May be called from any thread.

        Raises
        ------
        ModelFileError
            If a file has gone or is another model than when the server started.
        """
        try:
            return self._idle.pop()
        except IndexError:
            detectors = self._open()
        for path, detector, spec in zip(self._paths, detectors, self._specs, strict=True):
            if detector.spec != spec:
                raise ModelFileError(f"{path}: is another model than when the server started; restart the server")
        return detectors

    def give_back(self, detectors: list[Detector]) -> None:
        """Take detectors back when their stream has ended; they forget it."""
        for detector in detectors:
            detector.reset()
        if len(self._idle) < _MAX_IDLE:
            self._idle.append(detectors)

    def _open(self) -> list[Detector]:
        return [self._open_one(path, index) for index, path in enumerate(self._paths)]

    def _open_one(self, path: str | os.PathLike[str], index: int) -> Detector:
        runner = open_runner(path)
        return Detector(runner, spec=self._change(runner.spec, index) if self._change else None)


def _name_all(specs: Sequence[ModelSpec]) -> dict[tuple[int, str], WakeWord]:
    times = Counter(keyword for spec in specs for keyword in spec.keywords)
    words = {
        (index, keyword): WakeWord(keyword if times[keyword] == 1 else f"{keyword} ({spec.name})", keyword, spec)
        for index, spec in enumerate(specs)
        for keyword in spec.keywords
    }
    for name, count in Counter(word.name for word in words.values()).items():
        if count > 1:
            raise ConfigError(f"{count} models are called {name!r}; accepted are models of different names or keywords")
    return words


def _plain(name: str) -> str:
    return name.replace("_", " ").strip().casefold()
