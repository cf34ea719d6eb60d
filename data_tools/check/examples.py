"""Clips for a picture: some of each class."""

from __future__ import annotations

from collections import defaultdict

from data_tools.check.dataset import RIR, Clip, Listing
from data_tools.check.picture import ClipView
from kws.activity import active_region
from kws.audio import read_audio
from kws.config import SAMPLE_RATE_HZ
from kws.errors import AudioError, DataError

_MAX_S = 10.0


def example_clips(listing: Listing, n_clips: int = 8) -> list[ClipView]:
    """Return the first clips of each class in turn, at most ten seconds of each.

    Raises
    ------
    DataError
        If none can be read.
    """
    classes: dict[tuple[str, str], list[Clip]] = defaultdict(list)
    for clip in listing.clips:
        if clip.role != RIR:
            classes[clip.role, clip.label].append(clip)
    longest = max(map(len, classes.values()), default=0)
    turns = [clips[turn] for turn in range(longest) for _, clips in sorted(classes.items()) if turn < len(clips)]
    views: list[ClipView] = []
    for clip in turns:
        if len(views) == n_clips:
            break
        try:
            views.append(_view(clip))
        except AudioError:
            # What cannot be read is a finding; the picture takes the next.
            continue
    if not views:
        raise DataError(f"{listing.root}: no clip can be read; accepted is at least one for a picture")
    return views


def _view(clip: Clip) -> ClipView:
    samples = read_audio(clip.path)[: round(_MAX_S * SAMPLE_RATE_HZ)]
    start, end = active_region(samples)
    active_s = start / SAMPLE_RATE_HZ, end / SAMPLE_RATE_HZ
    labels_s = [(segment.start_s, segment.end_s) for segment in clip.segments if segment.start_s < _MAX_S]
    return ClipView(f"{clip.label}: {clip.name}", samples, active_s, labels_s)
