"""Keywords among the negatives."""

from __future__ import annotations

import re
from collections.abc import Iterator

from data_tools.check.checks.common import places, some
from data_tools.check.dataset import KEYWORD, NEGATIVE, NOISE, Clip, DataSet
from data_tools.check.findings import Finding, Place, Severity

_ROLES = (KEYWORD, NEGATIVE, NOISE)
_DENIALS = frozenset({"not", "no", "non", "un", "anti"})
_LONGEST_PHRASE = 4
_DRAWN = re.compile(r"[0-9a-f]{4,}(-[0-9a-f]{4,})+", re.IGNORECASE)


def check_contradictions(data: DataSet) -> Iterator[Finding]:
    """Name recordings that are in two classes, and negatives whose transcript or name holds a keyword."""
    pairs = [(data.by_name[a], data.by_name[b]) for a, b, _ in data.likeness]
    double = [(a, b) for a, b in pairs if a.label != b.label and KEYWORD in (a.role, b.role) and _both_count(a, b)]
    if double:
        yield Finding(
            "two-classes",
            Severity.ERROR,
            f"{some(len(double), 'recording')} in two classes: the model is taught that a sound is and is not the word",
            "remove one of the two",
            [Place(a.name, f"{a.label!r}; also {b.name}, {b.label!r}") for a, b in double],
        )
    keywords = list(data.classes(KEYWORD))
    negatives = [clip for clip in data.listing.clips if clip.role == NEGATIVE]
    said = [(c, word) for c in negatives if (word := _named(keywords, c.row.get("transcript", "")))]
    said_names = {clip.name for clip, _ in said}
    if said:
        yield Finding(
            "keyword-in-transcript",
            Severity.ERROR if data.listing.is_told else Severity.WARNING,
            f"{some(len(said), 'negative')} with a keyword in the transcript",
            "move them to the keyword's clips with their times, or remove them",
            places((clip, f"{word!r} in {clip.row['transcript'][:60]!r}") for clip, word in said),
        )
    named = [
        (c, w) for c in negatives if c.name not in said_names and (w := _named(keywords, c.path.stem, denied=True))
    ]
    if named:
        yield Finding(
            "keyword-in-name",
            Severity.WARNING,
            f"{some(len(named), 'negative')} with a keyword in the file's name",
            "listen to them: they may hold the word",
            places((clip, f"{word!r}") for clip, word in named),
        )


def _both_count(first: Clip, second: Clip) -> bool:
    return first.role in _ROLES and second.role in _ROLES


def _named(keywords: list[str], text: str, *, denied: bool = False) -> str:
    """Return the keyword that a text names as whole words, also in several words or none, empty if there is none."""
    # ThinkEngine, think_engine and "think engine" are the same; names that programs draw say nothing.
    text = re.sub(r"([a-z])([A-Z])", r"\1 \2", _DRAWN.sub(" ", text))
    words = [word.lower().strip("0123456789") for word in re.findall(r"[^\W_][^\W_']*", text)]
    spoken = {keyword: "".join(re.findall(r"[^\W_]", keyword.lower())) for keyword in keywords}
    for first in range(len(words)):
        if denied and first and words[first - 1] in _DENIALS:
            continue
        for length in range(1, _LONGEST_PHRASE + 1):
            phrase = "".join(words[first : first + length])
            for keyword, plain in spoken.items():
                if phrase in (plain, f"{plain}s", f"{plain}'s"):
                    return keyword
    return ""
