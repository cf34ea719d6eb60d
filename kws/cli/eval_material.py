"""What ``kws eval`` listens to: from a recipe, from folders, or both."""

from __future__ import annotations

import dataclasses
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING

from kws.config import require_one_of
from kws.errors import ConfigError, DataError

if TYPE_CHECKING:
    from kws.evaluate.recordings import Recording
    from kws.evaluate.trials import Material
    from kws.train.clip import Clip
    from kws.train.recipe import Recipe

KINDS = ("noise", "speech", "far", "rooms")
_SIDES = {"train": "train", "val": "validation", "validation": "validation", "test": "test"}
_SPLIT_OF_RECIPE = "validation"

OnProgress = Callable[[str], None]


@dataclass(frozen=True)
class Sources:
    """Where recordings come from, as the user gave it.

    Parameters
    ----------
    recipe, data : Path, optional
        A training recipe, and the folder that replaces its own.
    words : tuple of str
        ``DIR`` or ``WORD=DIR``.
    negatives, noise, speech, rirs : tuple of Path
        Folders; with a recipe, below its data or anywhere.
    """

    recipe: Path | None = None
    data: Path | None = None
    words: tuple[str, ...] = ()
    negatives: tuple[Path, ...] = ()
    noise: tuple[Path, ...] = ()
    speech: tuple[Path, ...] = ()
    rirs: tuple[Path, ...] = ()
    kinds: tuple[str, ...] = field(default=KINDS)

    def load(self, split: str | None, keywords: Sequence[str], on_progress: OnProgress) -> Material:
        """Read all recordings.

        Parameters
        ----------
        split : str, optional
            ``val``, ``test`` or ``train`` of the recipe (by default ``val``); the split of the manifest for folders.
        keywords : sequence of str
            Of the models.
        on_progress : callable
            Called with what is being read.

        Raises
        ------
        ConfigError, DataError, AudioError
            If nothing was given, or something is missing, empty or unreadable.
        """
        from kws.evaluate.trials import Material

        if self.recipe is None and not self.words and not self.negatives:
            raise ConfigError("nothing to listen to: give --recipe, or --words and --negatives")
        known = Material({}, {}) if self.recipe is None else _from_recipe(self.recipe, self.data, split, on_progress)
        words = {word: list(known.words.get(word, ())) for word in keywords}
        # The splits of further folders are those of a manifest only where they were asked for.
        for word, folder in (_word_and_folder(text, keywords) for text in self.words):
            words[word] += self._read(folder, split, on_progress)
        negatives = dict(known.negatives)
        for folder in self.negatives:
            negatives[folder.name] = self._read(folder, None if self.recipe else split, on_progress)
        other = [recording for recordings in negatives.values() for recording in recordings]
        speech = self._read_all(self.speech, on_progress) or list(known.talkers) or other
        return Material(
            {word: recordings for word, recordings in words.items() if recordings},
            negatives,
            (self._read_all(self.noise, on_progress) or known.noise) if "noise" in self.kinds else (),
            speech if "speech" in self.kinds else (),
            (self._read_all(self.rirs, on_progress) or known.rirs) if "far" in self.kinds else (),
        )

    def _read_all(self, folders: Sequence[Path], on_progress: OnProgress) -> list[Recording]:
        return [recording for folder in folders for recording in self._read(folder, None, on_progress)]

    def _read(self, folder: Path, split: str | None, on_progress: OnProgress) -> list[Recording]:
        from kws.evaluate.recordings import read_folder

        if self.recipe is not None and not folder.is_dir():
            folder = _root(self.recipe, self.data) / folder
        on_progress(str(folder))
        return read_folder(folder, split)


def _root(recipe: Path, data: Path | None) -> Path:
    from kws.train.recipe import load_recipe

    return Path(load_recipe(recipe, data).data.root)


def _word_and_folder(text: str, keywords: Sequence[str]) -> tuple[str, Path]:
    word, mark, folder = text.rpartition("=")
    if not mark:
        if len(keywords) != 1:
            raise ConfigError(
                f"--words {text!r} does not say of which word: {', '.join(keywords)}; accepted is WORD=DIR"
            )
        return keywords[0], Path(text)
    require_one_of("--words WORD", word, keywords)
    return word, Path(folder)


def _from_recipe(path: Path, data: Path | None, split: str | None, on_progress: OnProgress) -> Material:
    from kws.evaluate.trials import Material
    from kws.train.corpus import load_corpus
    from kws.train.recipe import load_recipe

    recipe = load_recipe(path, data)
    name = split or _SPLIT_OF_RECIPE
    require_one_of("split of a recipe", name, sorted(_SIDES))
    side = _SIDES[name]
    corpus = load_corpus(recipe.data, lambda done, total: on_progress(f"{done} of {total} clips"), sides=(side,))
    found = {"train": corpus.train, "validation": corpus.validation, "test": corpus.test}[side]
    describe = _Describer(recipe)
    negatives = {f"{side} speech": describe.all(found.negatives), f"{side} noise": describe.all(found.noise)}
    negatives["overheard"] = describe.all(found.overheard)
    return Material(
        {word: describe.all(clips) for word, clips in found.keywords.items()},
        {name: recordings for name, recordings in negatives.items() if recordings},
        negatives[f"{side} noise"],
        negatives[f"{side} speech"],
        describe.all(corpus.rirs),
    )


class _Describer:
    """Adds to a recipe's clips what the manifests say of them."""

    def __init__(self, recipe: Recipe) -> None:
        from kws.train.sides import SideRule

        self._rule, self._root = SideRule(recipe.data), Path(recipe.data.root)

    def all(self, clips: Sequence[Clip]) -> list[Recording]:
        """Return recordings; those that say their word several times are left out, as only one has times."""
        from kws.audio import read_audio, to_float32
        from kws.evaluate.recordings import describe, says_once, word_times_s

        recordings = []
        for clip in clips:
            row = self._rule.row(clip.path)
            if says_once(row):
                # Training holds the word alone; here the recording is played in which it is said.
                is_part = word_times_s(clip.path, row) is not None
                samples = read_audio(self._root / clip.path) if is_part else to_float32(clip.samples)
                recordings.append(describe(clip.path, samples, {"speaker": clip.speaker, **row}))
        return recordings


def require_disjoint(chosen_on: Material, reported: Material) -> list[str]:
    """Return the speakers that are in both, as a note.

    Raises
    ------
    DataError
        If a recording is in both: its figures would flatter.
    """
    from kws.evaluate.recordings import fingerprint

    both = [
        {fingerprint([dataclasses.replace(r, name="")]): r for part in parts for r in part}
        for material in (chosen_on, reported)
        for parts in [[*material.words.values(), *material.negatives.values()]]
    ]
    shared = sorted(both[0][key].name for key in both[0].keys() & both[1].keys())
    if shared:
        raise DataError(
            f"{len(shared)} recordings, such as {shared[0]}, are in what the threshold is chosen on and in what is "
            "reported; accepted is other material, or --cross-fit"
        )
    speakers = sorted({r.speaker for r in both[0].values() if r.speaker} & {r.speaker for r in both[1].values()})
    if not speakers:
        return []
    shown = ", ".join(speakers[:3]) + (" and others" if len(speakers) > 3 else "")
    return [f"{len(speakers)} speakers ({shown}) are in what the threshold was chosen on and in what is reported"]
