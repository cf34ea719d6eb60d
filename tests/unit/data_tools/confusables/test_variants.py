"""What is made of a phrase's phonemes, listed by hand."""

from __future__ import annotations

from data_tools.confusables.variants import variants
from data_tools.phonemes.symbols import Phoneme, Phrase, to_ipa


def phrase_of(text: str) -> Phrase:
    return tuple(tuple(Phoneme(ipa, ipa) for ipa in word.split()) for word in text.split("|"))


HEY_LUMI = phrase_of("h ˈeɪ|l ˈuː m i")
SOUNDS = {sound: Phoneme(sound, sound) for sound in ("h", "l", "m", "n", "ɛ", "ʊ", "i")}


def made(kind: str) -> set[str]:
    return {to_ipa(phrase) for found, phrase in variants(HEY_LUMI, SOUNDS) if found == kind}


def test_parts_and_orders() -> None:
    assert made("prefix") == {"hˈeɪ", "hˈeɪ lˈuː"}
    assert made("suffix") == {"lˈuːmi", "mi"}
    assert made("dropped") == {"hˈeɪ mi"}
    assert made("swapped") == {"lˈuː hˈeɪmi", "hˈeɪ milˈuː"}
    assert made("order") == {"lˈuːmi hˈeɪ"}


def test_one_sound_is_changed_but_not_into_an_accent() -> None:
    # Neither the weak last vowel nor oo as in foot.
    assert made("near") == {"hˈɛ lˈuːmi", "hˈi lˈuːmi", "hˈeɪ lˈuːni"}
    assert made("rhyme") == {
        *("lˈeɪ lˈuːmi", "mˈeɪ lˈuːmi", "nˈeɪ lˈuːmi"),
        *("hˈeɪ hˈuːmi", "hˈeɪ mˈuːmi", "hˈeɪ nˈuːmi"),
        *("hˈeɪ lˈuːhi", "hˈeɪ lˈuːli"),
    }


def test_the_american_flap_is_no_other_word() -> None:
    sounds = {sound: Phoneme(sound, sound) for sound in ("t", "d", "k")}
    changed = {to_ipa(phrase) for kind, phrase in variants(phrase_of("w ˈɔː ɾ ɚ"), sounds) if kind in ("near", "rhyme")}
    assert "wˈɔːkɚ" in changed and "wˈɔːdɚ" not in changed
