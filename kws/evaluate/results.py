"""What an evaluation is made of: trials that were played, and the scores that a model gave them.

Everything that is reported (misses, false accepts, intervals, DET, delay, calibration, comparisons) is derived from
these records by the one decision rule, so that no figure has an event rule of its own.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

from kws.audio import FloatArray

NEGATIVES = "negatives"


@dataclass(frozen=True, eq=False)
class Trial:
    """A stretch of audio with known words.

    Parameters
    ----------
    name : str
        The same in every run over the same data and seed: what pairs two models.
    condition : str
        ``clean``, ``noise``, ``speech``, ``far`` or another name; ``negatives`` where no keyword is said.
    keyword : str
        The keyword that is said, or ``""``.
    samples : array of float32, shape (N,)
        16 kHz.
    word_ends_s : tuple of float
        Ends of the keyword's utterances.
    sources : tuple of str
        Recordings it is made of, the word's own first; trials of one recording are not independent.
    speaker : str
        Of the word, or of the negative speech; ``""`` if it is not known.
    attributes : mapping of str to str
        What results are grouped by: ``snr_db``, ``distance_m``, ``rir``, ``gender``, ``device``, ...
    fold : str
        ``A`` or ``B``: halves that share no speaker, for a threshold chosen on one and reported on the other.
    source_starts_s : tuple of float
        Where recordings are joined one after the other: the start of each of `sources`; else empty.
    """

    name: str
    condition: str
    keyword: str
    samples: FloatArray = field(repr=False)
    word_ends_s: tuple[float, ...] = ()
    sources: tuple[str, ...] = ()
    speaker: str = ""
    attributes: Mapping[str, str] = field(default_factory=dict)
    fold: str = ""
    source_starts_s: tuple[float, ...] = ()

    @property
    def audio_s(self) -> float:
        """Length in seconds."""
        return len(self.samples) / 16_000

    def source_at(self, time_s: float) -> str:
        """Return the recording that is heard at a time; the word's own where nothing was joined."""
        if not self.sources:
            return self.name
        joined = zip(self.source_starts_s, self.sources, strict=False)
        return next((name for start, name in reversed(list(joined)) if start <= time_s), self.sources[0])


@dataclass(frozen=True, eq=False)
class ScoredTrial:
    """A trial and the raw scores ``(T,)`` that one model gave it for one keyword, from a zero state."""

    trial: Trial
    scores: FloatArray = field(repr=False)
