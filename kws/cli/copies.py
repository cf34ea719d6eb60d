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
    left_out: set[str] = set()
    for keyword, training in corpus.train.keywords.items():
        validation = corpus.validation.keywords.get(keyword, [])
        groups = _copies({clip.path: root / clip.path for clip in (*training, *validation)})
        for group in groups:
            # Training clips come first.
            left_out.update(group[1:])
        if groups:
            on_notice(
                f"{sum(map(len, groups)) - len(groups)} of {len(training) + len(validation)} clips of {keyword!r} are "
                f"left out: they are copies of {len(groups)} recordings that are kept (data.keep_copies = true keeps "
                "all)"
            )
        if validation and all(clip.path in left_out for clip in validation):
            raise DataError(
                f"all {len(validation)} validation clips of {keyword!r} are copies of training clips; accepted are "
                "others, or data.keep_copies = true"
            )
    train, validation_side = corpus.train.without(left_out), corpus.validation.without(left_out)
    return dataclasses.replace(corpus, train=train, validation=validation_side)


def _copies(paths: dict[str, Path]) -> list[list[str]]:
    """Return the groups of clips that hold one recording, each in the order of `paths`."""
    from data_tools.check.likeness import find_copies

    groups: dict[str, set[str]] = {}
    for copy, first in find_copies(paths).items():
        groups.setdefault(first, {first}).add(copy)
    return [[path for path in paths if path in group] for group in groups.values()]
