"""A data set in the layout of Google Speech Commands: words, other words, background noise, sides."""

import dataclasses
from pathlib import Path

import numpy as np
import pytest
import torch

from kws.audio import read_audio, to_pcm16, write_audio
from kws.config import DecisionConfig
from kws.errors import ConfigError, DataError
from kws.spec import UNKNOWN, ModelSpec
from kws.train.corpus import load_corpus
from kws.train.data_config import DataConfig
from kws.train.material import prepare_material
from kws.train.official_split import SIDES, hash_percent
from kws.train.recipe import NEVER, Recipe
from kws.train.validation import Validator
from kws.train.validation_streams import NEGATIVES, ValidationStream

WORDS = ("yes", "no", "bird", "cat")


def speakers(count: int = 80) -> list[str]:
    return [f"{number * 2654435761 % 2**32:08x}" for number in range(1, count + 1)]


@pytest.fixture(scope="module")
def root(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Return a data set as unpacked: each speaker says each word once or twice."""
    place = tmp_path_factory.mktemp("speech_commands")
    rng = np.random.default_rng(0)
    for word in WORDS:
        (place / word).mkdir()
        for index, speaker in enumerate(speakers()):
            for take in range(1 + index % 2):
                sound = np.zeros(16_000, np.float32)
                sound[4000:10_000] = 0.2 * rng.standard_normal(6000)
                write_audio(place / word / f"{speaker}_nohash_{take}.wav", sound)
    (place / "_background_noise_").mkdir()
    for name in ("white_noise", "running_tap"):
        write_audio(place / "_background_noise_" / f"{name}.wav", np.arange(80_000, dtype=np.float32) / 100_000)
    (place / "README.md").write_text("Speech Commands")
    return place


def config(root: Path, **changes: object) -> DataConfig:
    plain = DataConfig(
        root=str(root),
        keywords={"yes": ("yes",), "no": ("no",)},
        negatives=(),
        noise=("_background_noise_",),
        unknown=("*",),
        split="speech_commands",
    )
    return dataclasses.replace(plain, **changes)


def test_no_speaker_and_no_clip_is_on_two_sides(root: Path) -> None:
    corpus = load_corpus(config(root), sides=SIDES)
    by_side = []
    for split in (corpus.train, corpus.validation, corpus.test):
        clips = [*split.keywords["yes"], *split.keywords["no"], *split.unknown]
        assert clips and all(clip.speaker for clip in clips)
        by_side.append(({clip.speaker for clip in clips}, {clip.path for clip in clips}))
    for index, (names, paths) in enumerate(by_side):
        for other_names, other_paths in by_side[index + 1 :]:
            assert not names & other_names
            assert not paths & other_paths
    assert sum(len(names) for names, _ in by_side) == len(speakers())
    assert sum(len(paths) for _, paths in by_side) == len(WORDS) * 120
    assert {s for s in speakers() if hash_percent(s) < 10} == by_side[1][0]


def test_training_reads_no_test_clip(root: Path) -> None:
    corpus = load_corpus(config(root))
    assert not corpus.test.keywords["yes"] and not corpus.test.unknown and not corpus.test.noise
    assert corpus.train.keywords["yes"] and corpus.validation.keywords["yes"]


def test_all_other_words_are_unknown_and_negatives(root: Path) -> None:
    train = load_corpus(config(root)).train
    assert {clip.path.split("/")[0] for clip in train.unknown} == {"bird", "cat"}
    assert train.negatives == train.unknown


def test_noise_is_cut_by_time(root: Path) -> None:
    corpus = load_corpus(config(root), sides=SIDES)
    whole = to_pcm16(read_audio(root / "_background_noise_" / "white_noise.wav"))
    cuts = {"train": (0, 64_000), "validation": (64_000, 72_000), "test": (72_000, 80_000)}
    for side, (first, last) in cuts.items():
        noise = {clip.path: clip.samples for clip in getattr(corpus, side).noise}
        assert len(noise) == 2
        np.testing.assert_array_equal(noise["_background_noise_/white_noise.wav"], whole[first:last])


def test_lists_of_the_data_set_are_followed(root: Path) -> None:
    names = speakers()
    (root / "validation_list.txt").write_text("".join(f"{w}/{names[0]}_nohash_0.wav\n" for w in WORDS))
    (root / "testing_list.txt").write_text("".join(f"{w}/{names[2]}_nohash_0.wav\n" for w in WORDS))
    corpus = load_corpus(config(root), sides=SIDES)
    (root / "validation_list.txt").unlink()
    (root / "testing_list.txt").unlink()
    assert [clip.path for clip in corpus.validation.keywords["yes"]] == [f"yes/{names[0]}_nohash_0.wav"]
    assert [clip.path for clip in corpus.test.keywords["no"]] == [f"no/{names[2]}_nohash_0.wav"]
    assert len(corpus.train.keywords["yes"]) == 118


def test_a_side_without_clips_is_named(root: Path) -> None:
    with pytest.raises(DataError, match="keyword 'yes': no clip is left for validation"):
        load_corpus(config(root, validation_percents=(50.0, 50.0)))
    with pytest.raises(DataError, match="keyword 'yes': no clip is left for test"):
        load_corpus(config(root, test_percents=(50.0, 50.0)), sides=("test",))


def test_a_star_without_folders(root: Path) -> None:
    every = {word: (word,) for word in WORDS}
    with pytest.raises(DataError, match="holds no folder besides those that the recipe names already"):
        load_corpus(config(root, keywords=every))
    with pytest.raises(DataError, match="no such folder"):
        load_corpus(config(root, unknown=("nowhere/*",)))


def test_every_word_a_keyword_and_no_other_speech(root: Path) -> None:
    every = {word: (word,) for word in WORDS}
    train = load_corpus(config(root, keywords=every, unknown=())).train
    assert not train.negatives
    material = prepare_material(train, np.random.default_rng(0))
    n_words = sum(map(len, train.keywords.values()))
    # Two halves and a near word of each keyword: the synthesiser has negatives in spite of it.
    assert len(material.negatives) >= 3 * n_words
    assert not material.talkers


def test_weights_of_unknown_folders(root: Path) -> None:
    train = load_corpus(config(root, unknown=("bird", "cat"), weights={"cat": 3.0})).train
    assert {clip.weight for clip in train.unknown if clip.path.startswith("cat/")} == {3.0}
    assert {clip.weight for clip in train.unknown if clip.path.startswith("bird/")} == {1.0}
    everywhere = load_corpus(config(root, weights={"*": 2.0})).train
    assert {clip.weight for clip in everywhere.unknown} == {2.0}


def test_clips_that_a_manifest_keeps_for_the_test_are_not_trained_on(root: Path) -> None:
    rows = ["path,speaker,split"]
    for word in ("yes", "no"):
        files = sorted(path.name for path in (root / word).iterdir())
        rows += [f"{word}/{name},s{i},{('test', 'val', 'train')[min(i, 2)]}" for i, name in enumerate(files)]
    (root / "manifest.csv").write_text("\n".join(rows))
    plain = config(root, split="manifest", manifest="manifest.csv", negatives=("bird",), unknown=())
    plain = dataclasses.replace(plain, noise=("cat",))
    corpus = load_corpus(plain, sides=SIDES)
    (root / "manifest.csv").unlink()
    assert [clip.speaker for clip in corpus.test.keywords["yes"]] == ["s0"]
    assert [clip.speaker for clip in corpus.validation.keywords["yes"]] == ["s1"]
    assert "s0" not in {clip.speaker for clip in corpus.train.keywords["yes"]}


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"keywords": {"_unknown_": ("bird",)}}, "folders of other words belong in data.unknown"),
        ({"split": "speech-commands"}, "did you mean 'speech_commands'"),
        ({"validation_percents": (0.0, 15.0)}, "overlap; accepted are ranges apart"),
        ({"test_percents": (20.0,)}, "accepted are two numbers from 0 to 100"),
        ({"unknown": (), "keywords": {"yes": ("yes",)}}, "data.negatives is empty"),
    ],
)
def test_wrong_settings(root: Path, changes: dict[str, object], message: str) -> None:
    with pytest.raises(ConfigError, match=message):
        config(root, **changes)


def test_the_unknown_output_comes_last_and_never_fires(root: Path) -> None:
    recipe = Recipe("m", config(root))
    assert recipe.keywords == ("yes", "no", UNKNOWN)
    assert recipe.rules[UNKNOWN] == NEVER and recipe.rules["yes"] == recipe.decision
    assert Recipe("m", config(root, unknown=("bird",), keywords={"yes": ("yes",)})).keywords == ("yes", UNKNOWN)
    assert Recipe("m", config(root, unknown=())).keywords == ("yes", "no")


class TwoOutputs(torch.nn.Module):
    """Both outputs fire where the features are loud."""

    def __init__(self) -> None:
        super().__init__()
        self.scale = torch.nn.Parameter(torch.tensor(1.0))

    def forward(self, inputs: torch.Tensor) -> tuple[torch.Tensor, list[torch.Tensor]]:
        steps = inputs.shape[1] // 4
        loudness = inputs[:, : steps * 4].reshape(inputs.shape[0], steps, 4, -1).mean(dim=(2, 3))
        return self.scale * (loudness - 8.0).unsqueeze(2).repeat(1, 1, 2), []


def test_the_unknown_output_is_not_judged_and_keeps_its_rule() -> None:
    rules = {"yes": DecisionConfig(), UNKNOWN: NEVER}
    spec = ModelSpec("m", ("yes", UNKNOWN), step_frames=4, decision=rules)
    rng = np.random.default_rng(0)
    loud = np.zeros(80_000, np.float32)
    loud[32_000:35_200] = 0.2 * rng.standard_normal(3200)
    streams = [
        ValidationStream("clean", loud, {"yes": (2.2,)}),
        ValidationStream(NEGATIVES, np.zeros(80_000, np.float32), {}),
    ]
    outcome = Validator(streams, spec, 1.0).judge(TwoOutputs())
    assert set(outcome.thresholds) == {"yes"}
    assert outcome.misses["clean"].n_words == 1 and outcome.misses["clean"].n_misses == 0
    chosen = outcome.apply(spec)
    assert chosen.decision_of(UNKNOWN) == NEVER
    assert chosen.decision_of("yes").threshold == outcome.thresholds["yes"]
