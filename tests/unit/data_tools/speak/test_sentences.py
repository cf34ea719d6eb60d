"""Sentences: our own, those of a file, never with the keyword."""

from __future__ import annotations

from pathlib import Path

import pytest

from data_tools.phonemes.scripts import Reader
from data_tools.speak.sentences import bundled, from_file, read_sentences
from kws.errors import DataError


def test_our_own_are_many_and_different() -> None:
    sentences = bundled("en")
    assert len(set(sentences)) == len(sentences) >= 200
    assert len({word.strip(".,?'").lower() for sentence in sentences for word in sentence.split()}) > 700
    assert bundled("en-gb") == sentences and bundled("de") == []


def test_a_file_is_divided_into_sentences(tmp_path: Path) -> None:
    path = tmp_path / "text.txt"
    path.write_text("\ufeffOne is here. Two!\nThree?  Three?\n\n---\n你好。再見。\n" + "long " * 41, encoding="utf-8")
    found = from_file(path)
    assert found[:6] == ["One is here.", "Two!", "Three?", "你好。", "再見。", "long " * 39 + "long"]
    assert found[6:] == ["long"]


def test_files_without_words_are_told(tmp_path: Path) -> None:
    (tmp_path / "empty").write_text("... !!!\n")
    (tmp_path / "latin").write_bytes(b"caf\xe9")
    for name, told in (("none", "cannot be read"), ("empty", "holds no sentences"), ("latin", "UTF-8")):
        with pytest.raises(DataError, match=told):
            from_file(tmp_path / name)


def test_the_keyword_is_found_by_its_sound_even_across_words() -> None:
    keyword = ("h", "eɪ", "l", "u", "m", "i")
    given = ["Hey Lumi, stop.", "Nothing here.", "They loomy things.", "Hay loomy.", "..."]
    found = read_sentences(given, keyword, Reader("en"))
    assert [parts[0].utterance.text for parts in found] == ["Nothing here", "They loomy things"]
