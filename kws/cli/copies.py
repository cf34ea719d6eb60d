"""Leave out keyword clips that hold the same recording as another: they are no further examples, and no witnesses."""

from __future__ import annotations

import dataclasses
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING

from kws.errors import DataError

if TYPE_CHECKING:
    from kws.train.corpus import Corpus


def without_copies(corpus: Corpus, root: Path, on_notice: Callable[[str], None]) -> Corpus:
    """Return the corpus with one clip of each recording of a keyword, and say in a line what was left out.

    A recording that is on both sides stays in training. One that is twenty times on the validation side would choose
    the epoch and the threshold alone.

    Raises
    ------
    DataError
        If all validation clips of a keyword are copies of training clips.
    """
    from data_tools.check.likeness import find_copies

    left_out: set[str] = set()
    for keyword, training in corpus.train.keywords.items():
        validation = corpus.validation.keywords.get(keyword, [])
        # The first of each recording is kept.
        clips = [*training, *validation]
        copies = find_copies({clip.path: root / clip.path for clip in clips})
        left_out.update(copies)
        if copies:
            on_notice(
                f"{len(copies)} of {len(clips)} clips of {keyword!r} are left out: they are copies of "
                f"{len(set(copies.values()))} recordings that are kept (data.keep_copies = true keeps all)"
            )
        if validation and all(clip.path in copies for clip in validation):
            raise DataError(
                f"all {len(validation)} validation clips of {keyword!r} are copies of training clips; accepted are "
                "others, or data.keep_copies = true"
            )
    train, validation_side = corpus.train.without(left_out), corpus.validation.without(left_out)
    return dataclasses.replace(corpus, train=train, validation=validation_side)
