"""Which language a stretch of text is in."""

from __future__ import annotations

import pytest

from data_tools.phonemes.scripts import Reader, split
from kws.errors import ConfigError


@pytest.mark.parametrize(
    ("text", "lang", "expected"),
    [
        ("hey lumi", "en", [("hey lumi", "en")]),
        ("你好 lumi", "zh", [("你好", "zh"), ("lumi", "en")]),
        ("你好 lumi", "yue", [("你好", "yue"), ("lumi", "en")]),
        ("hey 小度 2", "en", [("hey", "en"), ("小度 2", "zh")]),
        ("hallo 小度", "de", [("hallo", "de"), ("小度", "zh")]),
        ("привет lumi", "ru", [("привет", "ru"), ("lumi", "en")]),
        ("東京タワー", "ja", [("東京タワー", "ja")]),
        ("?!", "en", []),
    ],
)
def test_split(text: str, lang: str, expected: list[tuple[str, str]]) -> None:
    assert split(text, lang) == expected


def test_parts_have_their_own_sounds() -> None:
    mandarin, english = Reader("zh").read("你好 lumi")
    assert mandarin.sounds == ("n", "i35", "χ", "ɑu214")
    assert (english.lang, english.sounds) == ("en", ("l", "u", "m", "i"))
    assert english.utterance.text == "lumi"


def test_no_phonemes_is_one_line() -> None:
    with pytest.raises(ConfigError, match="'!!!' has no phonemes"):
        Reader("en").read("!!!")
