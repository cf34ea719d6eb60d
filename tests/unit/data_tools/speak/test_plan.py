"""The plan: the same for a seed, spread over engines and kinds, persons with a voice for each language."""

from __future__ import annotations

from collections import Counter

import pytest

from data_tools.confusables import Confusable
from data_tools.phonemes.scripts import Part
from data_tools.phonemes.symbols import Phoneme
from data_tools.speak.plan import CONFUSABLES, POSITIVES, SENTENCES, Plan
from data_tools.speak.speakers import ENOUGH_SPEAKERS, Cast, open_cast
from data_tools.voices import Utterance, Voice, VoiceOptions
from kws.errors import ConfigError

HELLO = Part("en", Utterance("hello"), ("h",))
NIHAO = Part("zh", Utterance("你好"), ("n",))
MADE = Part("en", Utterance("", ((Phoneme("l", "l"),),)), ("l",))
CAST = Cast(
    {
        "espeak-ng": [Voice("espeak-ng", f"{lang}+{v}", lang, "x") for lang in ("en-gb", "zh") for v in ("f1", "m1")],
        "flite": [Voice("flite", "slt", "en-us", "x")],
    },
    ["espeak-ng"],
)


def plan(seed: int = 0, keyword: tuple[Part, ...] = (HELLO,)) -> Plan:
    similar = [Confusable("word", (HELLO,)), Confusable("near", (MADE,)), Confusable("order", (NIHAO, HELLO))]
    return Plan(keyword, "hello", similar, [], CAST, seed)


def test_a_clip_depends_on_the_seed_and_its_number_alone() -> None:
    names = [plan().job(POSITIVES, index).name for index in range(50)]
    assert names == [plan().job(POSITIVES, index).name for index in range(50)]
    assert len(set(names)) == 50
    assert not set(names) & {plan(1).job(POSITIVES, index).name for index in range(50)}


def test_engines_speak_by_their_shares_and_only_what_they_can() -> None:
    jobs = [plan().job(POSITIVES, index) for index in range(600)]
    engines = Counter(job.speaker.engine for job in jobs)
    # Shares 2 and 1; three standard deviations are 35.
    assert abs(engines["espeak-ng"] - 400) < 35
    assert {job.label for job in jobs} == {"hello"} and {job.parts for job in jobs} == {(HELLO,)}
    assert {voice.lang for job in jobs for voice in job.speaker.voices} == {"en-gb", "en-us"}
    for index in range(60):
        job = plan().job(CONFUSABLES, index)
        assert job.label == "negative"
        if job.parts != (HELLO,):
            assert job.speaker.engine == "espeak-ng"


def test_only_engines_that_sound_human_speak_the_phrase_unless_others_are_asked_for() -> None:
    def cast(n_human: int, any_for_phrase: bool = False) -> Cast:
        counts = {"kokoro": n_human - 1, "hibari": 1, "espeak-ng": 80}
        voices = {name: [Voice(name, str(i), "en", "x") for i in range(n)] for name, n in counts.items()}
        return Cast(voices, [], any_for_phrase)

    def engines(kind: str, cast: Cast) -> set[str]:
        said = Plan((HELLO,), "hello", [Confusable("word", (HELLO,))], [], cast, 0)
        return {said.job(kind, index).speaker.engine for index in range(60)}

    everyone = {"kokoro", "hibari", "espeak-ng"}
    assert engines(POSITIVES, cast(ENOUGH_SPEAKERS)) == {"kokoro", "hibari"}
    assert engines(CONFUSABLES, cast(ENOUGH_SPEAKERS)) == everyone
    assert engines(POSITIVES, cast(ENOUGH_SPEAKERS, any_for_phrase=True)) == everyone
    # A handful of people is not enough to learn a word from.
    assert engines(POSITIVES, cast(ENOUGH_SPEAKERS - 1)) == everyone


def test_half_of_the_confusables_are_real_words() -> None:
    words = sum(plan().job(CONFUSABLES, index).parts == (HELLO,) for index in range(600))
    assert abs(words - 300) < 40


def test_one_person_speaks_all_languages_of_a_phrase() -> None:
    mixed = plan(keyword=(NIHAO, HELLO))
    speakers = {mixed.job(POSITIVES, index).speaker.name for index in range(40)}
    assert speakers == {"espeak-ng:zh+f1/en-gb+f1", "espeak-ng:zh+m1/en-gb+m1"}


def test_what_nobody_can_speak_is_left_out() -> None:
    assert plan().n_different(CONFUSABLES) == 3 and plan().n_different(SENTENCES) == 0
    deaf = Cast({"flite": [Voice("flite", "slt", "en-us", "x")]}, [])
    assert Plan((HELLO,), "hello", [Confusable("near", (MADE,))], [], deaf, 0).n_different(CONFUSABLES) == 0


def test_a_cast_that_cannot_speak_the_language_says_what_it_can() -> None:
    with pytest.raises(ConfigError, match="no voice speaks language 'zh'; accepted are en"):
        open_cast(["flite"], VoiceOptions(), ("zh",))
