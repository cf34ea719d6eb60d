"""Loading and splitting a corpus; trimming and halving its words."""

import dataclasses
from pathlib import Path

import numpy as np
import pytest

from kws.audio import read_audio, to_pcm16, write_audio
from kws.errors import AudioError, ConfigError, DataError
from kws.train.clip import Clip
from kws.train.corpus import Split, load_corpus, sources_of
from kws.train.data_config import DataConfig, with_spoken
from kws.train.material import half_words, prepare_material, trim
from kws.train.material_config import MaterialConfig

CONFIG = DataConfig(root="", keywords={"word": ("word",)}, negatives=("speech",), noise=("noise",))


def tone(seconds: float, silence_s: float = 0.5, seed: int = 0) -> np.ndarray:
    rng = np.random.default_rng(seed)
    sound = 0.3 * rng.standard_normal(round(seconds * 16_000))
    quiet = 0.0005 * rng.standard_normal(round(silence_s * 16_000))
    return np.concatenate([quiet, sound, quiet]).astype(np.float32)


def make_corpus(root: Path, n_words: int = 10) -> DataConfig:
    for folder, count in (("word", n_words), ("speech", 10), ("noise", 10)):
        (root / folder).mkdir(parents=True)
        for index in range(count):
            write_audio(root / folder / f"{index}.flac", tone(0.4, seed=index))
    return dataclasses.replace(CONFIG, root=str(root), validation_share=0.4)


def test_every_clip_is_on_one_side(tmp_path: Path) -> None:
    corpus = load_corpus(make_corpus(tmp_path))
    train = {clip.path for clip in corpus.train.keywords["word"]}
    validation = {clip.path for clip in corpus.validation.keywords["word"]}
    assert len(train) + len(validation) == 10
    assert train and validation and not train & validation


def test_manifest_decides_and_speakers_stay_together(tmp_path: Path) -> None:
    config = make_corpus(tmp_path)
    rows = ["path,speaker,split"]
    rows += [f"word/{i}.flac,s{i // 2},{'val' if i < 4 else 'train'}" for i in range(10)]
    rows += [f"speech/{i}.flac,t{i // 2},-" for i in range(10)]
    (tmp_path / "manifest.csv").write_text("\n".join(rows))
    corpus = load_corpus(dataclasses.replace(config, manifest="manifest.csv"))
    assert {clip.path for clip in corpus.validation.keywords["word"]} == {f"word/{i}.flac" for i in range(4)}
    assert not {c.speaker for c in corpus.train.negatives} & {c.speaker for c in corpus.validation.negatives}


def test_too_few_clips(tmp_path: Path) -> None:
    with pytest.raises(DataError, match=r"'word' has 7 clips in word; at least 8"):
        load_corpus(make_corpus(tmp_path, n_words=7))


def test_missing_and_empty_folders(tmp_path: Path) -> None:
    config = make_corpus(tmp_path)
    with pytest.raises(DataError, match="no such folder"):
        load_corpus(dataclasses.replace(config, noise=("nowhere",)))
    (tmp_path / "empty").mkdir()
    with pytest.raises(DataError, match="holds no audio"):
        load_corpus(dataclasses.replace(config, noise=("empty",)))


def test_recordings_of_a_phone_are_not_left_out_in_silence(tmp_path: Path) -> None:
    config = make_corpus(tmp_path)
    (tmp_path / "word" / "memo.M4A").write_bytes(b"any")
    with pytest.raises(DataError, match=r"1 recordings that cannot be read, such as memo\.M4A.*ffmpeg"):
        load_corpus(config)


def test_broken_clip_is_named(tmp_path: Path) -> None:
    config = make_corpus(tmp_path)
    (tmp_path / "speech" / "broken.wav").write_bytes(b"no audio")
    with pytest.raises(AudioError, match=r"broken\.wav"):
        load_corpus(config)


@pytest.mark.parametrize("text", ["", "a,b\n1,2\n", "path,speaker\nx,y\n"])
def test_manifest_without_its_columns(tmp_path: Path, text: str) -> None:
    config = make_corpus(tmp_path)
    (tmp_path / "manifest.csv").write_text(text)
    with pytest.raises(DataError, match="has no column"):
        load_corpus(dataclasses.replace(config, manifest="manifest.csv"))


def test_trim_keeps_a_quarter_second_around_the_word() -> None:
    trimmed = trim(to_pcm16(tone(0.4, silence_s=1.0)))
    assert len(trimmed) / 16_000 == pytest.approx(0.9, abs=0.06)
    assert trimmed[0] == 0


def test_halves_meet_in_the_middle_of_the_word() -> None:
    first, second = half_words(to_pcm16(tone(0.6, silence_s=1.0)))
    assert len(first) / 16_000 == pytest.approx(0.55, abs=0.06)
    assert len(second) / 16_000 == pytest.approx(0.55, abs=0.06)


def test_material_holds_halves_as_negatives_and_no_silence(tmp_path: Path) -> None:
    config = make_corpus(tmp_path)
    write_audio(tmp_path / "speech" / "silent.flac", np.zeros(16_000, np.float32))
    split = load_corpus(config).train
    material = prepare_material(split, np.random.default_rng(0))
    assert all(clip.any() for clip in material.negatives)
    n_words, n_spoken = len(split.keywords["word"]), sum(bool(c.samples.any()) for c in split.negatives)
    # Two halves and a near word a keyword, and pseudo-words for two fifths of the speech.
    assert len(material.negatives) == n_spoken + 3 * n_words + round(0.4 * n_spoken)
    assert material.talkers
    plain = prepare_material(split, np.random.default_rng(0), MaterialConfig(0.0, 0.0, 0.0))
    assert len(plain.negatives) == n_spoken


def test_weights_say_how_often_a_folder_is_drawn(tmp_path: Path) -> None:
    config = make_corpus(tmp_path)
    plain = load_corpus(config).train
    weighted = load_corpus(dataclasses.replace(config, weights={"speech": 3.0})).train
    count = len(prepare_material(plain, np.random.default_rng(0)).negatives)
    assert len(prepare_material(weighted, np.random.default_rng(0)).negatives) == count + 2 * len(plain.negatives)
    words = load_corpus(dataclasses.replace(config, weights={"word": 2.0})).train
    material = prepare_material(words, np.random.default_rng(0))
    assert len(material.keywords["word"]) == 2 * len(words.keywords["word"])
    never = load_corpus(dataclasses.replace(config, weights={"word": 0.0})).train
    assert len(prepare_material(never, np.random.default_rng(0)).keywords["word"]) == len(words.keywords["word"])
    with pytest.raises(ConfigError, match=r"data\.weights names 'speach'"):
        dataclasses.replace(config, weights={"speach": 3.0})


def test_a_split_without_some_keyword_clips(tmp_path: Path) -> None:
    split = load_corpus(make_corpus(tmp_path)).train
    names = [clip.path for clip in split.keywords["word"]]
    assert [clip.path for clip in split.without(names[1:3]).keywords["word"]] == [names[0], *names[3:]]
    assert split.without([]) == split


def test_a_word_with_stated_times_is_cut_out_of_its_sentence(tmp_path: Path) -> None:
    config = dataclasses.replace(make_corpus(tmp_path), manifest="manifest.csv")
    rows = ["path,speaker,split,kw_start_s,kw_end_s"]
    rows += [f"word/{i}.flac,,{'val' if i < 4 else 'train'},{'' if i == 9 else '0.6,0.8'}" for i in range(9)]
    rows += ["word/9.flac,,train,,"]
    (tmp_path / "manifest.csv").write_text("\n".join(rows))
    corpus = load_corpus(config)
    whole = read_audio(tmp_path / "word" / "4.flac")
    cut = {clip.path: clip.samples for clip in corpus.train.keywords["word"]}
    np.testing.assert_array_equal(cut["word/4.flac"], to_pcm16(whole[8_800:13_600]))
    assert len(cut["word/9.flac"]) == len(whole)
    assert {len(clip.samples) for clip in corpus.validation.keywords["word"]} == {4_800}


@pytest.mark.parametrize(
    ("times", "part"), [("0.6,x", "'x'"), ("0.8,0.6", "in order"), ("0.6,9.5", "within its 1.400 s")]
)
def test_wrong_times_of_a_word(tmp_path: Path, times: str, part: str) -> None:
    config = dataclasses.replace(make_corpus(tmp_path), manifest="manifest.csv")
    rows = [f"word/{i}.flac,,{'val' if i < 4 else 'train'},{times if i == 5 else ','}" for i in range(10)]
    (tmp_path / "manifest.csv").write_text("\n".join(["path,speaker,split,kw_start_s,kw_end_s", *rows]))
    with pytest.raises(DataError, match=f"^word/5.flac: .*{part}"):
        load_corpus(config)


def test_a_folder_outside_the_root(tmp_path: Path) -> None:
    config = make_corpus(tmp_path / "root")
    (tmp_path / "root" / "speech").rename(tmp_path / "radio")
    for name in (str(tmp_path / "radio"), "../radio"):
        corpus = load_corpus(dataclasses.replace(config, negatives=(name,)))
        found = {clip.path for clip in (*corpus.train.negatives, *corpus.validation.negatives)}
        assert found == {f"{name}/{index}.flac" for index in range(10)}


@pytest.mark.parametrize("name", ["home", "./home/", "../home", "whole path"])
def test_what_only_judges_is_never_trained_on(tmp_path: Path, name: str) -> None:
    config = make_corpus(tmp_path / "root")
    place = tmp_path / ("home" if name in ("../home", "whole path") else "root/home")
    place.mkdir()
    for index in range(3):
        write_audio(place / f"{index}.flac", tone(0.4, seed=index))
    # Whatever its manifest says, and whoever speaks.
    (place / "manifest.csv").write_text("path,speaker,split,synthetic\n0.flac,a,train,x\n1.flac,b,train,\n")
    folder = str(place) if name == "whole path" else name
    corpus = load_corpus(dataclasses.replace(config, validation_negatives=(folder,)))
    assert len(corpus.validation.overheard) == 3 and not corpus.train.overheard
    heard = load_corpus(config)
    assert [c.path for c in corpus.trained_on] == [c.path for c in heard.trained_on]
    assert load_corpus(dataclasses.replace(config, validation_negatives=(folder,)), sides=["train"]).train.keywords


def test_what_only_judges_may_be_nothing_else(tmp_path: Path) -> None:
    config = make_corpus(tmp_path)
    with pytest.raises(DataError, match=r"0\.flac and 9 more are in data\.validation_negatives and in negatives"):
        load_corpus(dataclasses.replace(config, validation_negatives=("speech",)))
    # All others are those that are named nowhere else.
    others = dataclasses.replace(config, negatives=("*",), validation_negatives=("speech",), noise=())
    assert {c.path.split("/")[0] for c in load_corpus(others).train.negatives} == {"noise"}


@pytest.mark.parametrize(
    ("n_people", "n_made", "share", "drawn"),
    [(2, 6, 0.5, (6, 6)), (6, 2, 0.5, (6, 6)), (4, 4, 0.2, (16, 4)), (4, 4, 0.0, (4, 0))],
)
def test_spoken_words_have_their_share(n_people: int, n_made: int, share: float, drawn: tuple[int, int]) -> None:
    people = [Clip(f"p{i}", "", to_pcm16(tone(0.3, seed=i))) for i in range(n_people)]
    made = [Clip(f"m{i}", "", to_pcm16(tone(0.6, seed=i)), is_synthetic=True) for i in range(n_made)]
    split = Split({"word": people + made}, [Clip("n", "", to_pcm16(tone(0.5)))], [])
    words = prepare_material(split, np.random.default_rng(0), spoken_share=share).keywords["word"]
    assert (sum(len(w) < 13_600 for w in words), sum(len(w) >= 13_600 for w in words)) == drawn


def test_sources_and_licences_of_what_was_trained_on(tmp_path: Path) -> None:
    config = make_corpus(tmp_path)
    rows = ["path,speaker,split,source,licence"]
    rows += [f"word/{i}.flac,s{i},{'val' if i < 2 else 'train'},Set A,CC0" for i in range(10)]
    rows += [f"speech/{i}.flac,t{i},{'val' if i < 9 else 'train'},Set B,CC BY 4.0" for i in range(10)]
    (tmp_path / "manifest.csv").write_text("\n".join(rows))
    corpus = load_corpus(config)
    n_noise = len(corpus.train.noise)
    assert 0 < n_noise < 10
    # 8 words, 1 negative, and noise of which no manifest says anything; validation does not count.
    found = {(s["licence"], s["source"]): s["clips"] for s in sources_of(corpus.trained_on)}
    assert found == {("CC0", "Set A"): 8, ("", ""): n_noise, ("CC BY 4.0", "Set B"): 1}


def test_many_sources_are_counted_together_by_licence() -> None:
    silence = np.zeros(1, np.int16)
    clips = [Clip(str(i), "", silence, 1.0, f"author {i}", "CC BY" if i % 2 else "CC0") for i in range(210)]
    found = sources_of([*clips, *clips[:200]])
    assert len(found) == 202 and sum(int(str(s["clips"])) for s in found) == 410
    assert sorted((s["licence"], s["clips"]) for s in found if s["source"] == "others") == [("CC BY", 5), ("CC0", 5)]


def test_a_word_that_only_a_computer_spoke_and_noise_that_nobody_recorded(tmp_path: Path) -> None:
    for folder, count in (("positives", 30), ("sentences", 10)):
        (tmp_path / "spoken" / folder).mkdir(parents=True)
        for index in range(count):
            write_audio(tmp_path / "spoken" / folder / f"{index}.flac", tone(0.4, seed=index))
    rows = [
        f"{folder}/{i}.flac,voice{i},,espeak:en"
        for folder, n in (("positives", 30), ("sentences", 10))
        for i in range(n)
    ]
    (tmp_path / "spoken" / "manifest.csv").write_text("\n".join(["path,speaker,split,synthetic", *rows]))
    data = DataConfig(str(tmp_path), {"word": ()}, spoken={"word": "spoken"}, validation_share=0.3)
    corpus = load_corpus(with_spoken(data, tmp_path))
    sides = corpus.train, corpus.validation
    assert not any(side.has_people for side in sides)
    voices = [{clip.speaker for clip in side.keywords["word"]} for side in sides]
    assert all(voices) and not voices[0] & voices[1]
    assert [len(side.noise) for side in sides] == [4, 4]
    assert not np.array_equal(sides[0].noise[0].samples, sides[1].noise[0].samples)
