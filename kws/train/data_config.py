"""The folders of a recipe: what is the keyword, what is other speech and noise, and how clips are divided."""

from __future__ import annotations

import dataclasses
from dataclasses import dataclass, field
from pathlib import Path

from kws.config import ConfigError, require, require_one_of
from kws.errors import DataError
from kws.spec import UNKNOWN
from kws.train.official_split import TEST_PERCENTS, VALIDATION_PERCENTS

SPOKEN_WORDS, SPOKEN_OTHERS = "positives", ("confusables", "sentences")
"""Folders that ``kws speak`` makes."""


@dataclass(frozen=True)
class DataConfig:
    """Folders of clips, each searched through all its subfolders.

    Parameters
    ----------
    root : str
        Folder that the others are relative to, itself relative to the recipe file.
    keywords : dict of str to tuple of str
        Folders of recordings of each keyword.
    negatives : tuple of str
        Folders of speech without any keyword; may be empty where there are other words in `unknown`, or several
        keywords. A name that ends in ``*`` stands for every subfolder which is named nowhere else, such as ``words/*``.
    noise : tuple of str
        Folders of background noise. Without any, hiss, rumble and hum are made.
    unknown : tuple of str
        Folders of other words, for a classifier: the model gets an output ``_unknown_`` that stands for all speech
        without a keyword, and is never told as an event. They are negatives as well. ``*`` as in `negatives`.
    rirs : tuple of str
        Folders of room impulse responses.
    spoken : dict of str to str
        Folder that ``kws speak`` made for a keyword, relative to the recipe file. What it holds joins the keyword's
        recordings and the negatives.
    spoken_share : float
        Share of spoken clips among those that are drawn of a keyword, where people have recorded it as well; 0 takes
        only what was spoken besides it.
    weights : dict of str to float
        How much more often than others the clips of a folder of keywords, negatives or `unknown` are drawn, by the
        folder's name; 1 if it is not named. Running speech deserves more than a pile of the same few words, and people
        more than voices that a computer made.
    keep_copies : bool
        Whether keyword clips that hold the same recording as another one are drawn and judged by as well. Without
        them an utterance that is there a dozen times, shifted or louder or coded anew, counts as one, and is on one
        side.
    split : {"manifest", "speech_commands"}
        How clips are divided: by the manifest, or clips that are named as those of Google Speech Commands are
        (``c4f875a9_nohash_0.wav``) by its official lists or hash, and all others by the manifest. In the second case
        noise that no manifest splits is cut by time: the first 80 % of each recording for training, then 10 % each
        for validation and test.
    manifest : str, optional
        CSV file with the columns ``path``, ``speaker`` and ``split``; ``path`` is relative to the root.
    validation_splits : tuple of str
        Values of ``split`` that are kept for validation.
    test_splits : tuple of str
        Values of ``split`` that are kept for the test and never seen by training.
    validation_negatives : tuple of str
        Folders of speech and noise without any keyword that training never hears: they choose the epoch and the
        threshold, whatever a manifest says of them. An hour of what the device will hear, such as television or calls,
        makes a threshold mean something; sentences of ``kws speak`` are the next best.
    validation_share : float
        Share of the clips without a split that is kept for validation, chosen by a hash of the speaker, or of
        the path where no speaker is known.
    validation_percents, test_percents : tuple of float
        Ranges of the official hash that are validation and test; other ranges than the official ones are for parts
        of the data set that lack one of its sides.
    """

    root: str
    keywords: dict[str, tuple[str, ...]]
    negatives: tuple[str, ...] = ()
    noise: tuple[str, ...] = ()
    rirs: tuple[str, ...] = ()
    unknown: tuple[str, ...] = ()
    spoken: dict[str, str] = field(default_factory=dict)
    spoken_share: float = 0.5
    weights: dict[str, float] = field(default_factory=dict)
    keep_copies: bool = False
    split: str = "manifest"
    manifest: str | None = None
    validation_splits: tuple[str, ...] = ("val", "validation", "dev")
    test_splits: tuple[str, ...] = ("test", "testing")
    validation_negatives: tuple[str, ...] = ()
    validation_share: float = 0.15
    validation_percents: tuple[float, ...] = VALIDATION_PERCENTS
    test_percents: tuple[float, ...] = TEST_PERCENTS

    def __post_init__(self) -> None:
        require("data.validation_share", self.validation_share, 0.01, 0.9)
        require("data.spoken_share", self.spoken_share, 0.0, 1.0)
        require_one_of("data.split", self.split, ("manifest", "speech_commands"))
        has_other_words = bool(self.unknown) or len(self.keywords) > 1
        for name in ("keywords",) if has_other_words or self.spoken else ("keywords", "negatives"):
            if not getattr(self, name):
                raise ConfigError(f"data.{name} is empty; accepted is at least one folder")
        if UNKNOWN in self.keywords:
            raise ConfigError(f"data.keywords names {UNKNOWN!r}; folders of other words belong in data.unknown")
        for name in self.spoken:
            require_one_of("data.spoken", name, tuple(self.keywords))
        self._check_weights()
        self._check_percents()

    def _check_weights(self) -> None:
        of_words = [folder for folders in self.keywords.values() for folder in folders]
        for folder, weight in self.weights.items():
            if folder not in (*of_words, *self.negatives, *self.unknown):
                raise ConfigError(
                    f"data.weights names {folder!r}; accepted are folders of data.keywords and data.negatives, "
                    "or no weights"
                )
            require(f"data.weights.{folder}", weight, 0.0, 1000.0)

    def _check_percents(self) -> None:
        ranges = {"validation": self.validation_percents, "test": self.test_percents}
        for name, ends in ranges.items():
            if len(ends) != 2 or not 0.0 <= ends[0] <= ends[1] <= 100.0:
                raise ConfigError(f"data.{name}_percents is {list(ends)}; accepted are two numbers from 0 to 100")
        if max(r[0] for r in ranges.values()) < min(r[1] for r in ranges.values()):
            raise ConfigError(
                f"data.validation_percents {list(self.validation_percents)} and data.test_percents "
                f"{list(self.test_percents)} overlap; accepted are ranges apart"
            )


def with_spoken(data: DataConfig, place: Path) -> DataConfig:
    """Return the folders with what ``kws speak`` made for the keywords, found from the folder of the recipe."""
    keywords, negatives = dict(data.keywords), list(data.negatives)
    spoken = {name: (place / folder).resolve() for name, folder in data.spoken.items()}
    for name, made in spoken.items():
        there = {kind: str(made / kind) for kind in (SPOKEN_WORDS, *SPOKEN_OTHERS) if (made / kind).is_dir()}
        keywords[name] = (*keywords[name], *([there.pop(SPOKEN_WORDS)] if SPOKEN_WORDS in there else []))
        negatives += there.values()
    folders = {name: str(made) for name, made in spoken.items()}
    return dataclasses.replace(data, keywords=keywords, negatives=tuple(negatives), spoken=folders)


def require_spoken(data: DataConfig) -> None:
    """Raise :class:`DataError` with the command that makes it where a folder of spoken clips is missing."""
    for name, folder in data.spoken.items():
        if not Path(folder).is_dir():
            raise DataError(f"{folder}: no such folder; make it: kws speak {name!r} --out {folder}")
