"""Recipes: read strictly, and wrong ones named in one line."""

from pathlib import Path

import pytest

from kws.errors import ConfigError, DataError
from kws.train.corpus import load_corpus
from kws.train.recipe import NetworkConfig, load_recipe

MINIMAL = """
name = "word"
[data]
root = "audio"
negatives = ["speech"]
noise = ["noise"]
[data.keywords]
word = ["word"]
"""


def write(folder: Path, text: str) -> Path:
    path = folder / "recipe.toml"
    path.write_text(text)
    return path


def test_root_is_relative_to_the_recipe(tmp_path: Path) -> None:
    recipe = load_recipe(write(tmp_path, MINIMAL))
    assert Path(recipe.data.root) == tmp_path / "audio"
    assert recipe.keywords == ("word",)
    assert Path(load_recipe(write(tmp_path, MINIMAL), "/elsewhere").data.root) == Path("/elsewhere")


@pytest.mark.parametrize(
    ("text", "message"),
    [
        (MINIMAL + "[trainig]\n", "unknown key 'trainig'.*did you mean 'training'"),
        (MINIMAL + "[training]\nstep = 5\n", "unknown key 'step' in training.*did you mean 'steps'"),
        (MINIMAL + "[training]\nsteps = 0\n", "training.steps is 0"),
        (MINIMAL + "[training]\nsteps = 'many'\n", "training.steps is 'many'; accepted is a whole number"),
        (MINIMAL + "[model]\npreset = 'smal'\n", "did you mean 'small'"),
        (MINIMAL + "[model.settings]\nn_hiden = 3\n", "did you mean 'n_hidden'"),
        (MINIMAL.replace('negatives = ["speech"]', "negatives = []"), "data.negatives is empty"),
        (MINIMAL.replace('root = "audio"', ""), "data.root is missing"),
        ("name = ", "is no TOML"),
    ],
)
def test_what_is_wrong_is_named(tmp_path: Path, text: str, message: str) -> None:
    with pytest.raises(ConfigError, match=message) as caught:
        load_recipe(write(tmp_path, text))
    assert "\n" not in str(caught.value)


def test_missing_recipe(tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match="cannot be read"):
        load_recipe(tmp_path / "none.toml")


def test_settings_override_the_preset() -> None:
    config = NetworkConfig(preset="classic", settings={"dropout": 0.5}).resolve()
    assert config.settings["n_filters"] == 196
    assert config.settings["dropout"] == 0.5
    with pytest.raises(ConfigError, match="give one"):
        NetworkConfig(preset="classic", family="ds_tcn").resolve()
    assert NetworkConfig(family="ds_tcn").resolve().family == "ds_tcn"


def test_bundled_recipes_are_valid() -> None:
    for path in sorted(Path(__file__).parents[3].glob("recipes/*.toml")):
        load_recipe(path)


def test_a_recipe_takes_over_what_it_does_not_say(tmp_path: Path) -> None:
    (tmp_path / "shared").mkdir()
    base = MINIMAL + "[training]\nsteps = 7\nbatch_size = 4\n[augment.gain]\nprobability = 0.3\n"
    (tmp_path / "shared" / "base.toml").write_text(base)
    text = """
extends = "shared/base.toml"
name = "other"
[data]
negatives = ["radio"]
[data.keywords]
other = ["other"]
[training]
steps = 9
[augment.reverb]
"""
    recipe = load_recipe(write(tmp_path, text))
    assert Path(recipe.data.root) == tmp_path / "shared" / "audio"
    assert recipe.data.negatives == ("radio",)
    assert recipe.keywords == ("other",)
    assert (recipe.training.steps, recipe.training.batch_size) == (9, 4)
    assert recipe.augment == {"gain": {"probability": 0.3}, "reverb": {}}


@pytest.mark.parametrize(
    ("extends", "message"),
    [("'recipe.toml'", "leads .* back to recipe.toml"), ("'none.toml'", "none.toml: cannot be read"), ("3", "is 3")],
)
def test_a_recipe_that_extends_nothing_good_is_refused(tmp_path: Path, extends: str, message: str) -> None:
    with pytest.raises(ConfigError, match=message):
        load_recipe(write(tmp_path, f"extends = {extends}\n" + MINIMAL))


def test_what_was_spoken_joins_words_and_negatives(tmp_path: Path) -> None:
    for folder in ("positives", "sentences"):
        (tmp_path / "made" / folder).mkdir(parents=True)
    data = load_recipe(write(tmp_path, MINIMAL + '[data.spoken]\nword = "made"\n'), "/elsewhere").data
    assert data.keywords == {"word": ("word", str(tmp_path / "made" / "positives"))}
    assert data.negatives == ("speech", str(tmp_path / "made" / "sentences"))


def test_what_was_not_spoken_yet(tmp_path: Path) -> None:
    path = write(tmp_path, MINIMAL + '[data.spoken]\nword = "made"\n')
    with pytest.raises(DataError, match=r"made: no such folder; make it: kws speak 'word' --out "):
        load_corpus(load_recipe(path).data)
    with pytest.raises(ConfigError, match="data.spoken is 'other'; accepted"):
        load_recipe(write(tmp_path, MINIMAL + '[data.spoken]\nother = "made"\n'))
