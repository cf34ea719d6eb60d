"""The clips of one side of a data set as a classifier is asked: keywords, other words, silence."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path

import numpy as np

from kws.audio import read_audio, to_pcm16
from kws.config import SAMPLE_RATE_HZ
from kws.errors import DataError
from kws.evaluate.classification import SILENCE, LabelledClip
from kws.spec import UNKNOWN
from kws.train.clip import Clip, Pcm
from kws.train.corpus import Split
from kws.train.folders import find_audio

# Background noise is played at a drawn volume, as the published recipes do; digital silence would be too easy.
_VOLUME = (0.05, 1.0)


def labelled_clips(split: Split, rng: np.random.Generator, every_unknown: bool = False) -> list[LabelledClip]:
    """Return the clips of a side: all keywords, and as many other words and seconds of noise as a keyword has.

    With ten keywords that is the published balance: a tenth of the keywords' clips each. The other words are drawn
    without repetition; where there are fewer, all are taken. Silence is a drawn second of a drawn recording of noise.

    Parameters
    ----------
    split : Split
    rng : numpy.random.Generator
    every_unknown : bool
        Take all other words: for rates of false accepts, which no balance between classes touches.

    References
    ----------
    ``prepare_data_index`` in tensorflow/examples/speech_commands/input_data.py (10 % unknown, 10 % silence).
    """
    n_each = -(-sum(map(len, split.keywords.values())) // len(split.keywords))
    clips = [_labelled(clip, name) for name, words in split.keywords.items() for clip in words]
    drawn = rng.permutation(len(split.unknown))[: None if every_unknown else n_each]
    clips += [_labelled(split.unknown[index], UNKNOWN) for index in drawn]
    # Where other words are no class, everything that is said is one of the keywords.
    n_silent = n_each if split.unknown and split.noise else 0
    return clips + [LabelledClip(f"silence-{i}", SILENCE, _second(split.noise, rng)) for i in range(n_silent)]


def clips_of_folders(root: Path, folder_labels: Mapping[str, str] | Sequence[str]) -> list[LabelledClip]:
    """Return the clips of a test set in which each class has a folder, such as the published ones.

    Parameters
    ----------
    root : Path
    folder_labels : mapping of str to str, or sequence of str
        Label by folder, or names that are both. Other folders are an error, missing ones are not.

    Raises
    ------
    DataError
        If the folder is missing, holds none of the classes, or holds one that is none.
    """
    labels = folder_labels if isinstance(folder_labels, Mapping) else {name: name for name in folder_labels}
    if not root.is_dir():
        raise DataError(f"{root}: no such folder")
    there = sorted(path.name for path in root.iterdir() if path.is_dir())
    if not there:
        raise DataError(f"{root}: holds no folder of a class; accepted are {', '.join(labels)}")
    for name in there:
        if name not in labels:
            raise DataError(f"{root}: folder {name!r} is no class of the model; accepted are {', '.join(labels)}")
    return [
        LabelledClip(path.relative_to(root).as_posix(), labels[name], to_pcm16(read_audio(path)))
        for name in there
        for path in find_audio(root, [name])
    ]


def _labelled(clip: Clip, label: str) -> LabelledClip:
    return LabelledClip(clip.path, label, clip.samples, clip.speaker)


def _second(noise: Sequence[Clip], rng: np.random.Generator) -> Pcm:
    samples = noise[int(rng.integers(len(noise)))].samples
    start = int(rng.integers(max(1, len(samples) - SAMPLE_RATE_HZ + 1)))
    piece = samples[start : start + SAMPLE_RATE_HZ].astype(np.float64) * rng.uniform(*_VOLUME)
    return np.rint(piece).astype(np.int16)
