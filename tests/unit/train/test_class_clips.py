"""The clips that a classifier is asked: balance between classes, silence, published test sets."""

from pathlib import Path

import numpy as np
import pytest

from kws.audio import write_audio
from kws.errors import DataError
from kws.evaluate.classification import SILENCE
from kws.spec import UNKNOWN
from kws.train.class_clips import clips_of_folders, labelled_clips
from kws.train.clip import Clip
from kws.train.corpus import Split


def clip(path: str, length: int = 16_000, value: int = 100) -> Clip:
    return Clip(path, path.split("/")[-1], np.full(length, value, np.int16))


def split(n_unknown: int = 30) -> Split:
    words = {name: [clip(f"{name}/{i}") for i in range(count)] for name, count in (("yes", 6), ("no", 5))}
    unknown = [clip(f"bird/{i}") for i in range(n_unknown)]
    return Split(words, unknown, [clip("noise/hum", 40_000, 1000)], unknown)


def counts(clips: list) -> dict[str, int]:
    labels = [item.label for item in clips]
    return {label: labels.count(label) for label in labels}


def test_other_words_and_silence_are_as_many_as_a_keyword_has() -> None:
    # 11 clips of two keywords: 5.5, rounded up.
    clips = labelled_clips(split(), np.random.default_rng(0))
    assert counts(clips) == {"yes": 6, "no": 5, UNKNOWN: 6, SILENCE: 6}
    assert len({item.name for item in clips}) == len(clips)


def test_ten_keywords_give_the_published_tenth() -> None:
    words = {f"w{k}": [clip(f"w{k}/{i}") for i in range(20 + k)] for k in range(10)}
    unknown = [clip(f"bird/{i}") for i in range(100)]
    clips = labelled_clips(Split(words, unknown, [clip("noise/hum")], unknown), np.random.default_rng(0))
    # ceil(245 * 10 / 100)
    assert counts(clips)[UNKNOWN] == counts(clips)[SILENCE] == 25


def test_fewer_other_words_are_all_taken_and_so_are_all_on_demand() -> None:
    assert counts(labelled_clips(split(4), np.random.default_rng(0)))[UNKNOWN] == 4
    every = labelled_clips(split(), np.random.default_rng(0), every_unknown=True)
    assert counts(every) == {"yes": 6, "no": 5, UNKNOWN: 30, SILENCE: 6}


def test_silence_is_noise_at_a_drawn_volume() -> None:
    silent = [c for c in labelled_clips(split(), np.random.default_rng(0)) if c.label == SILENCE]
    assert all(len(item.samples) == 16_000 for item in silent)
    levels = {int(item.samples[0]) for item in silent}
    assert len(levels) > 3 and all(50 <= level <= 1000 for level in levels)


def test_words_only_where_there_are_no_other_words() -> None:
    plain = split()
    assert counts(labelled_clips(Split(plain.keywords, [], plain.noise), np.random.default_rng(0))) == {
        "yes": 6,
        "no": 5,
    }


def test_the_draw_comes_from_the_generator() -> None:
    first, again, other = ([c.name for c in labelled_clips(split(), np.random.default_rng(s))] for s in (1, 1, 2))
    assert first == again and first != other


def write(folder: Path, count: int) -> None:
    folder.mkdir(parents=True)
    for index in range(count):
        write_audio(folder / f"{index}.wav", np.full(8000, 0.1, np.float32))


def test_a_test_set_has_a_folder_a_class(tmp_path: Path) -> None:
    write(tmp_path / "yes", 2)
    write(tmp_path / "_silence_", 3)
    clips = clips_of_folders(tmp_path, ("yes", "no", UNKNOWN, SILENCE))
    assert counts(clips) == {"yes": 2, SILENCE: 3}
    assert clips[0].name == "_silence_/0.wav" and len(clips[0].samples) == 8000


def test_a_test_set_of_another_task(tmp_path: Path) -> None:
    with pytest.raises(DataError, match="no such folder"):
        clips_of_folders(tmp_path / "none", ("yes",))
    with pytest.raises(DataError, match="holds no folder of a class; accepted are yes"):
        clips_of_folders(tmp_path, ("yes",))
    write(tmp_path / "bird", 1)
    with pytest.raises(DataError, match="'bird' is no class of the model; accepted are yes"):
        clips_of_folders(tmp_path, ("yes",))
