"""What other programs are told of a detection: plain values, and placeholders for them in a text."""

from __future__ import annotations

import string
from collections.abc import Mapping
from datetime import datetime, timezone
from typing import Any

from kws.config import shown
from kws.errors import ConfigError
from kws.runtime.detector import Event

# A sample at 16 kHz is 6.25e-5 s: six decimals tell samples apart and hide binary rounding.
TIME_DECIMALS = 6
_SCORE_DECIMALS = 4
PLACEHOLDERS = ("keyword", "score", "time", "time_s", "channel", "model")
"""Names of the values in :func:`message`."""


def plain_values(event: Event, model: str) -> dict[str, Any]:
    """Return a detection as rounded numbers and text: keyword, time_s, score, channel, model."""
    return {
        "keyword": event.keyword,
        "time_s": round(event.time_s, TIME_DECIMALS),
        "score": round(event.score, _SCORE_DECIMALS),
        "channel": event.channel,
        "model": model,
    }


def message(event: Event, model: str) -> dict[str, Any]:
    """Return what other programs are told of a detection.

    Returns
    -------
    dict
        Of :func:`plain_values`, and `time`: the wall-clock time of that audio, ISO 8601 with the offset from UTC;
        for recordings the time of this call.
    """
    now = datetime.now(timezone.utc)
    heard = now if event.unix_s is None else datetime.fromtimestamp(event.unix_s, timezone.utc)
    return {**plain_values(event, model), "time": heard.astimezone().isoformat(timespec="milliseconds")}


class Template:
    """A text with placeholders, such as ``{keyword}``; literal braces are doubled.

    Parameters
    ----------
    text : str
    name : str
        What the text is called where the user wrote it.

    Raises
    ------
    ConfigError
        If a placeholder is unknown, or a brace is single.
    """

    def __init__(self, text: str, name: str) -> None:
        accepted = ", ".join(f"{{{word}}}" for word in PLACEHOLDERS)
        try:
            parts = list(string.Formatter().parse(text))
        except ValueError:
            raise ConfigError(
                f"{name} {shown(text)} has a single brace; accepted are {accepted}, and {{{{ or }}}} for a brace"
            ) from None
        self._parts: list[tuple[str, str | None]] = []
        for literal, field, form, conversion in parts:
            # Formats and conversions are no use here.
            if field is not None and (field not in PLACEHOLDERS or form or conversion):
                raise ConfigError(f"{name} {shown(text)} has an unknown placeholder; accepted are {accepted}")
            self._parts.append((literal, field))

    @property
    def has_placeholders(self) -> bool:
        """Whether anything is filled in."""
        return any(field is not None for _, field in self._parts)

    def fill(self, values: Mapping[str, Any]) -> str:
        """Return the text with the values of :func:`message` in place."""
        return "".join(literal + ("" if field is None else str(values[field])) for literal, field in self._parts)
