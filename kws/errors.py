"""One family of errors: everything a user can cause derives from :class:`KwsError`.

A message is one line that names what was wrong, the value that was given and what is accepted.
The command line prints it and exits with code 2; a library caller catches :class:`KwsError`.
"""

from __future__ import annotations


class KwsError(Exception):
    """Base of every error that input, files or the environment can cause."""


class ConfigError(KwsError, ValueError):
    """A setting is unknown, of the wrong type or out of its range."""


class AudioError(KwsError, ValueError):
    """Audio that cannot be read or that holds impossible samples."""


class DataError(KwsError):
    """A data set that cannot be used: missing folders, too few clips, a malformed manifest."""


class ModelFileError(KwsError):
    """A model file that is not ours, is damaged, or is of a newer format."""


class CheckpointError(KwsError):
    """A training checkpoint that cannot be read or does not fit the recipe."""


class SourceError(KwsError):
    """An audio source that cannot be opened, such as a microphone that is not there."""


class VoiceError(KwsError):
    """A speech synthesiser that is not installed, lacks a voice, or does not speak."""


class ParityError(KwsError):
    """An exported model that does not compute what the trained one does."""


class MissingPackageError(KwsError, ImportError):
    """An optional package is not installed.

    Parameters
    ----------
    package : str
        Name of the package as pip knows it.
    extra : str
        Extra of this project that brings it.
    purpose : str
        What it is needed for, as the end of "needed to ...".
    """

    def __init__(self, package: str, extra: str, purpose: str) -> None:
        super().__init__(
            f"{package} is needed to {purpose} and is not installed: "
            f"pip install -e '.[{extra}]' in the toolkit's folder"
        )
        self.package = package
        self.extra = extra


class NoRoomError(KwsError):
    """No gap of a stream can take a clip.

    Parameters
    ----------
    clip_samples : int
        Length of the clip (or of all clips together) that had to be placed, gaps included.
    free_samples : int
        Samples of the stream that no clip covers.
    longest_gap_samples : int
        Longest run of samples that no clip covers.
    """

    def __init__(self, clip_samples: int, free_samples: int, longest_gap_samples: int) -> None:
        super().__init__(
            f"no room for {clip_samples} samples: {free_samples} are free, the longest gap is {longest_gap_samples}"
        )
        self.clip_samples = clip_samples
        self.free_samples = free_samples
        self.longest_gap_samples = longest_gap_samples
