"""Channels that spoil the mix to mono."""

from __future__ import annotations

from collections.abc import Iterator

from data_tools.check.checks.common import places, some
from data_tools.check.dataset import Clip, DataSet
from data_tools.check.findings import Finding, Severity

_DEAD_SHARE = 1e-3
_INVERTED = -0.9


def check_channels(data: DataSet) -> Iterator[Finding]:
    """Name files with a dead channel, with one that is the other upside down, and say which are not mono."""
    several = [(clip, m) for clip, m in data.heard if m.n_channels > 1 and not m.is_silent]
    dead: list[tuple[Clip, str]] = []
    inverted: list[tuple[Clip, str]] = []
    for clip, measures in several:
        quiet = [i for i, rms in enumerate(measures.channel_rms, 1) if rms < _DEAD_SHARE * max(measures.channel_rms)]
        if quiet:
            dead.append((clip, f"channel {', '.join(map(str, quiet))} of {measures.n_channels} is silent"))
        elif measures.channel_correlation < _INVERTED:
            inverted.append((clip, f"correlation of the channels {measures.channel_correlation:.2f}"))
    if dead:
        yield Finding(
            "dead-channel",
            Severity.WARNING,
            f"{some(len(dead), 'file')} with a channel that is silent: the mix to mono has half the level",
            "keep the channel that is alive: ffmpeg -i IN.wav -af 'pan=mono|c0=c0' OUT.wav (c1 for the second)",
            places(dead),
        )
    if inverted:
        yield Finding(
            "inverted-channel",
            Severity.ERROR,
            f"{some(len(inverted), 'file')} whose channels cancel each other in the mix to mono",
            "one cable or channel is upside down: keep one channel, ffmpeg -i IN.wav -af 'pan=mono|c0=c0' OUT.wav",
            places(inverted),
        )
    if several:
        yield Finding(
            "several-channels",
            Severity.NOTE,
            f"{some(len(several), 'file')} with more than one channel; training takes their mean",
            "nothing, if all channels heard the same",
            places((clip, f"{measures.n_channels} channels") for clip, measures in several),
        )
