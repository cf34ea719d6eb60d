"""A recording at the pace at which it was recorded, for people who watch."""

from __future__ import annotations

import time
from collections.abc import Iterator

from kws.config import SAMPLE_RATE_HZ
from kws.runtime.sources.base import AudioBlock, Source


class PacedSource(Source):
    """Give the blocks of another source not before their time.

    Parameters
    ----------
    source : Source
        It is closed with this one.
    """

    def __init__(self, source: Source) -> None:
        self._source = source
        self.name = source.name

    def __iter__(self) -> Iterator[AudioBlock]:
        began_s = time.monotonic()
        for block in self._source:
            due_s = began_s + block.end / SAMPLE_RATE_HZ
            time.sleep(max(0.0, due_s - time.monotonic()))
            yield block

    def close(self) -> None:
        """Close the other source; a second call does nothing."""
        self._source.close()
