"""How many negatives are made that nobody recorded."""

from __future__ import annotations

from dataclasses import dataclass, fields

from kws.config import require


@dataclass(frozen=True)
class MaterialConfig:
    """Made negatives, as shares of the recorded ones; often enough that no part of the keyword alone ever fires.

    Parameters
    ----------
    half_words : float
        First and second halves of the keyword's recordings.
    near_words : float
        Words that begin or end like the keyword and go on as something else.
    spliced_words : float
        Pseudo-words of fragments of other speech.
    """

    half_words: float = 0.08
    near_words: float = 0.05
    spliced_words: float = 0.4

    def __post_init__(self) -> None:
        for field in fields(self):
            require(f"material.{field.name}", getattr(self, field.name), 0.0, 100.0)
