"""What mining keeps, and of which model."""

from __future__ import annotations

import hashlib
import os
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from kws.config import require, require_one_of
from kws.errors import ConfigError
from kws.runtime import open_runner
from kws.spec import UNKNOWN, ModelSpec

FORMAT = 1


@dataclass(frozen=True)
class MiningSettings:
    """How audio is mined; the same for all that a folder holds.

    Parameters
    ----------
    model : str
        Model file.
    model_sha256 : str
    spec : ModelSpec
        The model's, with the rules that are used.
    keywords : tuple of str
        Those that are listened for.
    floor : float
        Least score that is kept, 0 to 1.
    context_s : float
        Audio before and after what the model took for the word, in seconds.
    is_positive : bool
        Whether the recordings hold the word: then the misses are kept, else what is taken for it.
    """

    model: str
    model_sha256: str
    spec: ModelSpec
    keywords: tuple[str, ...]
    floor: float = 0.3
    context_s: float = 0.5
    is_positive: bool = False

    def __post_init__(self) -> None:
        require("floor", self.floor, 0.001, 1.0)
        require("context", self.context_s, 0.0, 30.0)
        for keyword in self.keywords:
            require_one_of("keyword", keyword, self.spec.keywords)
            threshold = self.spec.decision_of(keyword).threshold
            if self.floor > threshold and not self.is_positive:
                raise ConfigError(
                    f"floor is {self.floor:g}, above the threshold of {keyword!r}: false accepts would be lost; "
                    f"accepted are up to {threshold:g}"
                )

    @classmethod
    def of(
        cls,
        model: str | os.PathLike[str],
        spec: ModelSpec | None = None,
        keywords: tuple[str, ...] = (),
        floor: float = 0.3,
        context_s: float = 0.5,
        is_positive: bool = False,
    ) -> MiningSettings:
        """Open a model to learn what is missing; by default all its keywords are listened for.

        Raises
        ------
        ModelFileError
            If it cannot be opened.
        ConfigError
            If a value is out of range, or the model has no such keyword.
        """
        spec = spec or open_runner(model).spec
        digest = hashlib.sha256(Path(model).read_bytes()).hexdigest()
        wanted = keywords or tuple(keyword for keyword in spec.keywords if keyword != UNKNOWN)
        return cls(os.fspath(model), digest, spec, wanted, floor, context_s, is_positive)

    def to_json(self) -> dict[str, Any]:
        """Return what must be the same for all finds of a folder."""
        rules = {keyword: vars(self.spec.decision_of(keyword)) for keyword in self.keywords}
        return {
            "format": FORMAT,
            "model_sha256": self.model_sha256,
            "keywords": {
                keyword: {name: float(value) for name, value in rule.items()} for keyword, rule in rules.items()
            },
            "floor": self.floor,
            "context_s": self.context_s,
            "is_positive": self.is_positive,
        }
