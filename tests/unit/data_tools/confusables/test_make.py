"""Confusables by the real espeak-ng, and a small word list."""

from __future__ import annotations

from pathlib import Path

import pytest

from data_tools.confusables import WordList, confusables, load_word_list
from data_tools.confusables.inventory import inventory
from data_tools.phonemes.scripts import Reader
from data_tools.phonemes.symbols import contains
from data_tools.phonemes.transcribe import Transcriber
from kws.errors import DataError

WORDS = "commuter\ncomputer\ncomputers\nminicomputer\ncompute\nCompaq\ndog's\nelephant\ncomposer\n"


@pytest.fixture
def listed(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))
    path = tmp_path / "words"
    path.write_text(WORDS)
    return path


def test_the_keyword_is_in_none_of_its_confusables(listed: Path) -> None:
    reader = Reader("en")
    keyword = reader.read("computer")
    found = confusables(keyword, reader, {"en": load_word_list("en", reader.transcriber("en"), listed)})
    texts = [confusable.parts[0].utterance.text for confusable in found if confusable.kind == "word"]
    assert texts == ["commuter", "compute", "composer"]
    kinds = {confusable.kind for confusable in found}
    assert kinds == {"word", "prefix", "suffix", "dropped", "swapped", "near", "rhyme"}
    assert not any(contains(confusable.sounds, keyword[0].sounds) for confusable in found)
    assert len({confusable.sounds for confusable in found}) == len(found) > 60


def test_a_list_is_written_as_phonemes_once(listed: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    transcriber = Transcriber("en")
    first = load_word_list("en", transcriber, listed)
    # Neither names nor possessives.
    assert first.words == tuple(sorted(set(WORDS.split()) - {"Compaq", "dog's"}))
    monkeypatch.setattr(Transcriber, "sounds", None)
    assert load_word_list("en", transcriber, listed) == first
    with pytest.raises(DataError, match="cannot be read"):
        load_word_list("en", transcriber, listed / "none")


def test_nearest_words_come_first_and_the_word_itself_never() -> None:
    words = WordList(
        ("loo", "room", "loom", "lume", "zoo"), (("l", "u"), *(tuple(w) for w in ("rum", "lum", "lum", "zu")))
    )
    assert words.nearest(("l", "u", "m"), 9, 1.0) == [("room", ("r", "u", "m"), 0.5), ("loo", ("l", "u"), 1.0)]
    assert words.nearest(("l", "u", "m"), 1, 2.0) == [("room", ("r", "u", "m"), 0.5)]
    assert WordList().nearest(("l",), 3, 2.0) == []


def test_code_switched_phrases_change_one_part_at_a_time() -> None:
    reader = Reader("zh")
    found = confusables(reader.read("你好 lumi"), reader, {})
    orders = [c for c in found if c.kind == "order"]
    assert [[part.utterance.text for part in c.parts] for c in orders] == [["lumi", "你好"]]
    changed_tone = [c for c in found if c.sounds == ("n", "i51", "χ", "ɑu214", "l", "u", "m", "i")]
    assert len(changed_tone) == 1 and changed_tone[0].parts[1].utterance.text == "lumi"


def test_the_inventory_asks_for_what_the_language_has() -> None:
    reader = Reader("de")
    found = inventory(reader.transcriber("de"), "de", reader.read("lampe")[0].utterance.phonemes)
    assert {"l", "m", "p", "a", "k", "ʃ"} <= set(found)
    assert not any(phoneme.ipa.startswith(("ˈ", "ˌ")) for phoneme in found.values())
