"""Trimming, level, checks and pitch on sounds of our own."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from data_tools.check.speech_level import active_speech_level
from data_tools.phonemes.scripts import Part
from data_tools.speak import clip as clips
from data_tools.speak.pitch import median_pitch_hz
from data_tools.speak.plan import CONFUSABLES, POSITIVES, Job
from data_tools.speak.speakers import Speaker
from data_tools.voices import Style, Utterance, Voice, VoiceOptions
from kws.errors import VoiceError

RATE_HZ = 16_000
VOICE = Voice("flite", "slt", "en-us", "free")
WORD = Part("en", Utterance("hello"), ("h", "ɛ", "l", "oʊ"))
JOB = Job(POSITIVES, 3, "hello", (WORD,), Speaker("flite", (VOICE,)), Style(), "")


def tone(seconds: float, peak: float = 0.3, hz: float = 200.0) -> np.ndarray:
    time_s = np.arange(round(seconds * RATE_HZ)) / RATE_HZ
    return (peak * sum(np.sin(2 * np.pi * k * hz * time_s) / k for k in range(1, 6)) / 2).astype(np.float32)


class Says:
    """An engine that says what it was given."""

    speaks_phonemes = False

    def __init__(self, samples: np.ndarray | None) -> None:
        self.samples = samples

    def speak(self, utterance: Utterance, voice: Voice, style: Style) -> np.ndarray:
        if self.samples is None:
            raise VoiceError("out of order")
        return self.samples


def spoken(monkeypatch: pytest.MonkeyPatch, samples: np.ndarray | None, job: Job = JOB, heard: bool = True):
    monkeypatch.setattr(clips, "_engine", lambda name, options: Says(samples))
    return clips.speak_clip(job, VoiceOptions(), lambda clip: heard)


def test_silence_around_is_trimmed_and_the_level_is_set(monkeypatch: pytest.MonkeyPatch) -> None:
    silence = np.zeros(RATE_HZ, np.float32)
    clip = spoken(monkeypatch, np.concatenate([silence, tone(0.4), silence]))
    assert len(clip) == round((0.4 + 2 * 0.1) * RATE_HZ)
    assert active_speech_level(clips.trimmed(clip)) == pytest.approx(-26.0, abs=0.2)
    assert not clip[:1600].any() and not clip[-1600:].any()


def test_a_pause_inside_and_a_weak_end_stay() -> None:
    quiet_end = tone(0.2, 0.3 * 10 ** (-40 / 20))
    samples = np.concatenate([tone(0.2), np.zeros(8000, np.float32), quiet_end, np.zeros(8000, np.float32)])
    assert len(clips.trimmed(samples)) == 3200 + 8000 + 3200


def test_a_peak_does_not_clip() -> None:
    click = np.zeros(RATE_HZ, np.float32)
    click[8000:8010] = 0.5
    assert np.abs(clips.levelled(click)).max() <= 0.9001


@pytest.mark.parametrize(
    ("samples", "reason"),
    [
        (None, clips.FAILED),
        (np.zeros(RATE_HZ, np.float32), clips.SILENT),
        (np.zeros(0, np.float32), clips.SILENT),
        # Four phonemes take 0.12 s at least and 1.48 s at most.
        (tone(0.1), clips.TOO_SHORT),
        (tone(1.6), clips.TOO_LONG),
    ],
)
def test_rejects(monkeypatch: pytest.MonkeyPatch, samples: np.ndarray | None, reason: str) -> None:
    assert spoken(monkeypatch, samples) == reason


def test_a_slow_style_may_take_longer(monkeypatch: pytest.MonkeyPatch) -> None:
    assert spoken(monkeypatch, tone(1.6), replace(JOB, style=Style(rate=0.8))) is not clips.TOO_LONG


def test_only_positives_are_judged_by_a_model(monkeypatch: pytest.MonkeyPatch) -> None:
    assert spoken(monkeypatch, tone(0.4), heard=False) == clips.UNHEARD
    assert not isinstance(spoken(monkeypatch, tone(0.4), replace(JOB, kind=CONFUSABLES), heard=False), str)


def test_parts_of_two_languages_are_joined(monkeypatch: pytest.MonkeyPatch) -> None:
    two = replace(JOB, parts=(WORD, WORD), speaker=Speaker("flite", (VOICE, VOICE)))
    clip = spoken(monkeypatch, np.concatenate([tone(0.4), np.zeros(RATE_HZ, np.float32)]), two)
    assert len(clip) == round((0.4 + 0.05 + 0.4 + 2 * 0.1) * RATE_HZ)


def test_names_are_of_what_is_said_and_how() -> None:
    assert JOB.name.startswith("positives/00003-flite-") and JOB.name == replace(JOB).name
    others = [replace(JOB, style=Style(seed=1)), replace(JOB, ending="?"), replace(JOB, parts=(WORD, WORD))]
    assert len({JOB.name, *(other.name for other in others)}) == 4


@pytest.mark.parametrize("hz", [80.0, 125.0, 200.0, 320.0])
def test_pitch(hz: float) -> None:
    rng = np.random.default_rng(0)
    noisy = tone(0.5, hz=hz) + 0.01 * rng.standard_normal(8000).astype(np.float32)
    assert median_pitch_hz(noisy) == pytest.approx(hz, rel=0.02)


def test_noise_silence_and_almost_nothing_have_no_pitch() -> None:
    assert median_pitch_hz(np.random.default_rng(0).standard_normal(8000).astype(np.float32)) == 0.0
    assert median_pitch_hz(np.zeros(8000, np.float32)) == median_pitch_hz(np.zeros(3, np.float32)) == 0.0
