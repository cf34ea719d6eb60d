"""Hibari: one small neural English voice, much faster than real time, and the transcription that Kokoro needs."""

from __future__ import annotations

from functools import cached_property
from typing import Any

import numpy as np

from data_tools.phonemes.misaki import to_misaki
from data_tools.voices.base import Style, Utterance, Voice, at_16_khz
from kws.audio import FloatArray
from kws.packages import import_package


class Hibari:
    """Speech by the package hibari-tts.

    Raises
    ------
    MissingPackageError
        If it is not installed.
    """

    speaks_phonemes = True

    def __init__(self) -> None:
        self._hibari = import_package("hibari", "hibari-tts", "speak", "speak with Hibari's voice")

    def voices(self) -> list[Voice]:
        """List the voice that the package brings; others would be downloaded."""
        return [Voice("hibari", "heart", "en-us", "Apache-2.0", "f")]

    def speak(self, utterance: Utterance, voice: Voice, style: Style) -> FloatArray:
        """Speak a text, or phonemes."""
        model, rng = self._model, np.random.default_rng(style.seed)
        parts = model.phonemize(utterance.text) if utterance.text else [to_misaki(utterance.phonemes)]
        spoken = [model.from_ids(model.ids(part), style.rate, rng) for part in parts]
        samples = np.concatenate([np.zeros(0, np.float32), *spoken])
        return at_16_khz(samples, model.sample_rate)

    @cached_property
    def _model(self) -> Any:
        return self._hibari.Hibari()
