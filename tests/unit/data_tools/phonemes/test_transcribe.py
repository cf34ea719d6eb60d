"""Texts as phonemes by the real espeak-ng, and in Misaki's letters."""

from __future__ import annotations

import pytest

from data_tools.phonemes.misaki import to_misaki
from data_tools.phonemes.symbols import phones, to_codes
from data_tools.phonemes.transcribe import Transcriber, plain
from kws.errors import VoiceError


def test_english_words_and_what_has_none() -> None:
    transcriber = Transcriber("en")
    greeting, nothing, commas = transcriber.phrases(["Hey, Lumi!", "!!!", "one, two. three"])
    assert [len(word) for word in greeting] == [2, 4]
    assert phones(greeting) == ("h", "eɪ", "l", "u", "m", "i")
    assert nothing == () and len(commas) == 3
    assert transcriber.sounds(["hey lumi", "!!!"]) == [phones(greeting), ()]


def test_codes_are_spoken_as_they_were_written() -> None:
    transcriber = Transcriber("en")
    phrases = transcriber.phrases(["computer", "hey lumi"])
    assert transcriber.spoken([to_codes(phrase) for phrase in phrases]) == phrases


def test_chinese_has_tones() -> None:
    assert phones(Transcriber("zh").phrases(["你好"])[0]) == ("n", "i35", "χ", "ɑu214")
    assert phones(Transcriber("yue").phrases(["你好"])[0]) == ("n", "ei5", "h", "ou2")


def test_an_unknown_language_is_told() -> None:
    with pytest.raises(VoiceError, match="'xx'"):
        Transcriber("xx")


def test_misaki() -> None:
    computer, fire = Transcriber("en").phrases(["hey computer", "choose the joy"])
    assert to_misaki(computer) == "hˈA kəmpjˈuTəɹ"
    assert to_misaki(fire) == "ʧˈuz ðə ʤˈY"


@pytest.mark.parametrize(
    ("text", "expected"), [("it's  a-b.", "it's a b"), ("!!!", ""), ("你好，lumi🙂", "你好 lumi"), ("../x", "x")]
)
def test_plain(text: str, expected: str) -> None:
    assert plain(text) == expected
