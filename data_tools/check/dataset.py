"""A data set as the checks see it: its clips, what was measured of them, and what is asked of them."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from functools import cached_property
from pathlib import Path

from data_tools.check.measure import Measures

KEYWORD, NEGATIVE, NOISE, RIR, STREAM = "keyword", "negative", "noise", "rir", "stream"
"""Roles of a clip: one word; speech without the keyword; background; impulse response; stream of many words."""

SPEECH_ROLES = (KEYWORD, NEGATIVE)


@dataclass(frozen=True)
class Segment:
    """A labelled part of a clip in seconds."""

    label: str
    start_s: float
    end_s: float


@dataclass(frozen=True)
class Clip:
    """One audio file and what is said of it.

    Parameters
    ----------
    path : Path
    name : str
        Its path from the root of the data, with ``/``.
    label : str
        Its class.
    role : str
        ``keyword``, ``negative``, ``noise``, ``rir`` or ``stream``.
    speaker, split : str
        Empty if unknown.
    segments : tuple of Segment
        Where the manifest says that words are.
    row : mapping of str to str
        Its row of the manifest, empty without one.
    """

    path: Path
    name: str
    label: str
    role: str
    speaker: str = ""
    split: str = ""
    segments: tuple[Segment, ...] = ()
    row: Mapping[str, str] = field(default_factory=dict)


@dataclass(frozen=True)
class Limits:
    """What the data are to be used for; unknown where it is None.

    Parameters
    ----------
    stream_s : float, optional
        Length of the training streams.
    receptive_field_s : float, optional
        Time that the model looks back; None also for a recurrent one, whose memory has no end.
    """

    stream_s: float | None = None
    receptive_field_s: float | None = None


@dataclass(frozen=True)
class ManifestFaults:
    """What the manifest says that cannot be.

    Parameters
    ----------
    name : str
        The file, empty without one.
    missing : sequence of str
        Paths of rows that have no file.
    unlisted : sequence of str
        Files that have no row.
    repeated : sequence of str
        Paths that have several rows.
    unreadable : sequence of (str, str)
        Paths, and values of their rows that are no times.
    """

    name: str = ""
    missing: Sequence[str] = ()
    unlisted: Sequence[str] = ()
    repeated: Sequence[str] = ()
    unreadable: Sequence[tuple[str, str]] = ()


@dataclass(frozen=True)
class Listing:
    """What a folder or a recipe names, before anything is read.

    Parameters
    ----------
    root : Path
    clips : sequence of Clip
    foreign : sequence of str
        Recordings in formats that cannot be read.
    manifest : ManifestFaults
    is_told : bool
        Whether somebody said which classes are keywords. If not, it was guessed from the names of classes, and what
        rests on it is no error.
    """

    root: Path
    clips: Sequence[Clip]
    foreign: Sequence[str] = ()
    manifest: ManifestFaults = field(default_factory=ManifestFaults)
    is_told: bool = True


@dataclass(frozen=True)
class DataSet:
    """Everything that a check may look at.

    Parameters
    ----------
    listing : Listing
    measures : mapping of str to Measures
        By the name of the clip, of those that could be read.
    failures : mapping of str to str
        Why the others could not.
    limits : Limits
    likeness : sequence of (str, str, float)
        Pairs of clips that hold the same recording, and their correlation; 1 for equal samples.
    """

    listing: Listing
    measures: Mapping[str, Measures]
    failures: Mapping[str, str] = field(default_factory=dict)
    limits: Limits = field(default_factory=Limits)
    likeness: Sequence[tuple[str, str, float]] = ()

    @cached_property
    def heard(self) -> list[tuple[Clip, Measures]]:
        """Clips that could be read, with their measures."""
        return [(clip, self.measures[clip.name]) for clip in self.listing.clips if clip.name in self.measures]

    @cached_property
    def by_name(self) -> dict[str, Clip]:
        """Clips by their names."""
        return {clip.name: clip for clip in self.listing.clips}

    def classes(self, *roles: str) -> dict[str, list[tuple[Clip, Measures]]]:
        """Return the clips of each class with one of the roles, or any role, in order of the names of the classes."""
        found: dict[str, list[tuple[Clip, Measures]]] = defaultdict(list)
        for clip, measures in self.heard:
            if not roles or clip.role in roles:
                found[clip.label].append((clip, measures))
        return dict(sorted(found.items()))


def speakers(clips: Iterable[Clip]) -> set[str]:
    """Return the speakers that are known."""
    return {clip.speaker for clip in clips if clip.speaker}
