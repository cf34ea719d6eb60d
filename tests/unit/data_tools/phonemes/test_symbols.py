"""Sounds, syllables and distances, by hand."""

from __future__ import annotations

import pytest

from data_tools.phonemes.symbols import (
    Phoneme,
    Word,
    bare,
    contains,
    distances,
    phones,
    replacement_cost,
    syllables,
    to_codes,
    to_ipa,
)


def word(text: str) -> Word:
    return tuple(Phoneme(ipa, ipa.lstrip("ˈˌ")) for ipa in text.split())


COMPUTER = word("k ə m p j ˈuː ɾ ɚ")


@pytest.mark.parametrize(
    ("ipa", "tone", "sound"),
    [("ˈuː", "", "u"), ("ɾ", "", "t"), ("ɚ", "", "ə"), ("əʊ", "", "oʊ"), ("ˈi", "35", "i35"), ("n̩", "", "n")],
)
def test_a_sound_has_no_stress_and_no_length(ipa: str, tone: str, sound: str) -> None:
    assert bare(Phoneme(ipa, "x", tone)) == sound


def test_phones_run_over_words_and_leave_glottal_stops_out() -> None:
    assert phones((word("h ˈeɪ"), word("b ˈʌ ʔ n̩"))) == ("h", "eɪ", "b", "ə", "n")


@pytest.mark.parametrize(
    ("given", "expected"),
    [
        ("k ə m p j ˈuː ɾ ɚ", ["k ə m", "p j ˈuː", "ɾ ɚ"]),
        ("l ˈuː m i", ["l ˈuː", "m i"]),
        ("h ˈeɪ", ["h ˈeɪ"]),
        ("m s", ["m s"]),
        ("aɪ ə", ["aɪ", "ə"]),
    ],
)
def test_syllables_begin_with_the_longest_plain_onset(given: str, expected: list[str]) -> None:
    assert syllables(word(given)) == [word(part) for part in expected]


def test_a_longer_word_contains_the_keyword() -> None:
    minicomputer = phones((word("m ˈɪ n i k ə m p j ˌuː t ə"),))
    assert contains(minicomputer, phones((COMPUTER,)))
    assert not contains(phones((word("k ə m j ˈuː ɾ ɚ"),)), phones((COMPUTER,)))
    assert not contains(minicomputer, ())


@pytest.mark.parametrize(
    ("first", "second", "cost"),
    [("p", "p", 0.0), ("p", "b", 0.5), ("p", "l", 1.0), ("p", "u", 1.5), ("i35", "i51", 0.5), ("i", "aʊ", 1.0)],
)
def test_costs(first: str, second: str, cost: float) -> None:
    assert replacement_cost(first, second) == replacement_cost(second, first) == cost


def test_distances_of_words_of_several_lengths_in_their_order() -> None:
    own = ("k", "ə", "m", "p", "j", "u", "t", "ə")
    others = [
        own,
        ("k", "ə", "m", "j", "u", "t", "ə"),  # one left out
        ("g", "ə", "m", "p", "j", "u", "t", "ə"),  # one replaced by a similar one
        (),
        ("k", "ə", "m", "p", "j", "u", "t"),
        ("g", "ə", "m", "j", "u", "l", "ə"),  # 0.5 + 1 + 1
    ]
    assert distances(own, others).tolist() == [0.0, 1.0, 0.5, 8.0, 1.0, 2.5]
    assert distances(own, []).tolist() == []


def test_writing() -> None:
    phrase = (word("h ˈeɪ"), (Phoneme("ˈi", "'i35", "35"),))
    assert to_ipa(phrase) == "hˈeɪ ˈi35"
    assert to_codes(phrase) == "h|eɪ 'i35"
