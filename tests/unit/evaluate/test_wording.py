"""Sentences with the figures they must hold, computed by hand."""

import math

import pytest

from kws.evaluate.bootstrap import BootstrapInterval
from kws.evaluate.counting import Counts
from kws.evaluate.intervals import poisson_interval, wilson_interval
from kws.evaluate.tables import FalseAcceptsRow, WordsRow
from kws.evaluate.wording import claims, headline, percent, rate


def words(missed: int, n: int, condition="clean", speakers: int | None = 9, recordings: int | None = None) -> WordsRow:
    drawn = BootstrapInterval(missed / n, 0.0, 0.1, "recording", recordings or n, 1000)
    by_speaker = None if speakers is None else BootstrapInterval(missed / n, 0.0, 0.1, "speaker", speakers, 1000)
    return WordsRow(condition, Counts(n - missed, missed), *wilson_interval(missed, n), by_speaker, drawn, ())


def false_accepts(n: int, hours: float) -> FalseAcceptsRow:
    drawn = BootstrapInterval(n / hours, 0.0, 1.0, "recording", 30, 1000)
    return FalseAcceptsRow("all", Counts(0, 0, n, 3600 * hours), *poisson_interval(n, hours), drawn)


def test_headline():
    # 2 of 44: Wilson 1.3 to 15.1 %. No event in 2.3 h: -ln(0.025) / 2.3 = 1.60.
    assert headline([words(2, 44)], [false_accepts(0, 2.3)]) == (
        "misses 2 of 44 words as recorded (4.5 %, 95 % interval 1.3–15.1) and fires 0 times by mistake in 2.30 hours "
        "without the word (0.00 an hour, 95 % interval 0.00–1.60)"
    )


def test_headline_of_one_side():
    assert headline([words(1, 10, "noise 5 dB")], []).startswith("misses 1 of 10 words in the condition “noise 5 dB”")
    assert headline([], [false_accepts(1, 12.0)]).startswith("fires once by mistake in 12.0 hours")


def test_too_few_hours_are_said():
    # The rule of three: -ln(0.05) / 2.3 = 1.30 an hour; / 0.1 = 30 h.
    said = claims([words(2, 44)], [false_accepts(0, 2.3)])[-1]
    assert said == (
        "0 false accepts in 2.30 h show fewer than 1.30 an hour (one-sided, 95 %); 30 h without one are needed to show "
        "fewer than 0.1 an hour."
    )
    assert "needed" not in claims([words(2, 44)], [false_accepts(0, 40.0)])[-1]
    assert claims([words(2, 44)], [false_accepts(1, 2.3)])[-1].startswith("1 false accept in 2.30 h")


def test_too_few_words_are_said():
    # 1 - 0.05 ** (1 / 44) = 6.6 %; ln(0.05) / ln(0.99) = 299 words.
    assert claims([words(0, 44)], [])[0] == (
        "0 of 44 words missed show that fewer than 6.6 % are (one-sided, 95 %); to show fewer than 1 % takes 299 "
        "words without a miss."
    )
    assert "takes" not in claims([words(0, 500)], [])[0]


@pytest.mark.parametrize(
    ("speakers", "says"), [(2, "of 2 speakers"), (1, "of 1 speaker:"), (None, "name no speaker"), (5, None)]
)
def test_few_speakers_are_said(speakers, says):
    said = " ".join(claims([words(0, 500, speakers=speakers)], [false_accepts(0, 40.0)]))
    assert (says in said) if says else ("speaker" not in said)


def test_mixes_of_a_recording_are_said():
    assert any("several times" in line for line in claims([words(0, 220, recordings=44)], []))


def test_nothing_to_say_it_on():
    assert claims([], []) == [
        "No word was said: nothing is known about misses.",
        "There are no hours without the word: nothing is known about false accepts.",
    ]


def test_numbers():
    assert [percent(x) for x in (0.0, 0.0045, 0.045, 1.0, math.nan)] == ["0.0", "0.45", "4.5", "100.0", "–"]
    assert [rate(x) for x in (0.0, 1.234, 12.34, math.nan)] == ["0.00", "1.23", "12.3", "–"]
