"""Leave out keyword clips that hold the same recording as another: they are no further examples."""

from __future__ import annotations

import dataclasses
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from kws.train.corpus import Corpus


def without_copies(corpus: Corpus, root: Path, on_notice: Callable[[str], None]) -> Corpus:
    """Return the corpus with one training clip of each recording of a keyword, and say in a line what was left out.

    Validation keeps what it has: its figures are compared with those of others.
    """
    from data_tools.check.likeness import find_copies

    left_out: set[str] = set()
    for keyword, clips in corpus.train.keywords.items():
        copies = find_copies({clip.path: root / clip.path for clip in clips})
        left_out.update(copies)
        if copies:
            n_kept = len(set(copies.values()))
            on_notice(
                f"{len(copies)} of {len(clips)} training clips of {keyword!r} are left out: they are copies of "
                f"{n_kept} recordings that are kept (data.keep_copies = true keeps all)"
            )
    return dataclasses.replace(corpus, train=corpus.train.without(left_out))
