"""``ModelSpec``: all that a model file says about itself, to and from JSON.

The spec rides inside the checkpoint, in the ONNX metadata and in every later format, so that a model
needs no other file and no other argument.
"""

from __future__ import annotations

import dataclasses
import json
import math
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any

from kws.config import (
    SAMPLE_RATE_HZ,
    DecisionConfig,
    FrontEndConfig,
    ModelConfig,
    from_dict,
    require,
    require_one_of,
    shown,
    to_dict,
)
from kws.errors import ConfigError, ModelFileError

FORMAT = 1
"""Format number of the JSON; a reader refuses a newer one."""

UNKNOWN = "_unknown_"
"""Name of the output that stands for other speech, in the models of a classifier: it is scored and never told."""

METADATA_KEY = "kws.spec"
"""Key under which a model file carries the JSON."""

CHECKSUM_KEY = "kws.crc32"
"""Key under which a model file carries the CRC-32 of its content: one flipped bit can make a model deaf in silence."""

MAX_JSON_CHARS = 1_000_000
MAX_STATE_VALUES = 4_000_000
MAX_STATE_AXES = 8
MAX_NAME_CHARS = 100
MAX_DEPTH = 32


@dataclass(frozen=True)
class StateSpec:
    """One streaming state: its name and its shape for one channel (no batch axis); it starts as zeros."""

    name: str
    shape: tuple[int, ...]

    def __post_init__(self) -> None:
        _require_printable("states name", self.name)
        require(f"states.{self.name} axes", len(self.shape), 1, MAX_STATE_AXES)
        for axis in self.shape:
            require(f"states.{self.name}.shape", axis, 1, MAX_STATE_VALUES)
        require(f"states.{self.name} size", math.prod(self.shape), 1, MAX_STATE_VALUES)


@dataclass(frozen=True)
class ModelSpec:
    """Everything that is needed to run a model, and where it came from.

    Parameters
    ----------
    name : str
        Short name, reported with each event.
    keywords : tuple of str
        One a score, in the order of the model's outputs (K of them).
    front_end : FrontEndConfig
        How samples become features.
    model : ModelConfig
        Network family and its settings.
    step_frames : int
        Feature frames that one model step takes; the input length is a multiple of it.
    delay_s : float
        Time by which the score follows the end of the word by design (look-ahead).
    decision : dict of str to DecisionConfig
        The rule for each keyword.
    input : {"features", "samples"}
        What the exported graph takes: feature frames, or 16 kHz samples (front-end inside).
    states : tuple of StateSpec
        Streaming states of the graph, in the order of its inputs; empty in a checkpoint.
    training : dict
        Provenance: recipe, data counts, sources and licences of the clips, figures. Free-form, JSON-safe.
    format : int
        Format number.
    """

    name: str
    keywords: tuple[str, ...]
    front_end: FrontEndConfig = field(default_factory=FrontEndConfig)
    model: ModelConfig = field(default_factory=ModelConfig)
    step_frames: int = 1
    delay_s: float = 0.0
    decision: dict[str, DecisionConfig] = field(default_factory=dict)
    input: str = "features"
    states: tuple[StateSpec, ...] = ()
    training: dict[str, Any] = field(default_factory=dict)
    format: int = FORMAT

    def __post_init__(self) -> None:
        _require_printable("name", self.name)
        if not self.keywords:
            raise ConfigError("keywords is empty; accepted is at least one word")
        for keyword in self.keywords:
            _require_printable("keywords", keyword)
        _require_unique("keywords", self.keywords)
        _require_unique("states", [state.name for state in self.states])
        require("step_frames", self.step_frames, 1, 1000)
        require("delay_s", self.delay_s, 0.0, 10.0)
        require_one_of("input", self.input, ("features", "samples"))
        for keyword in self.decision:
            require_one_of("decision", keyword, self.keywords)

    @property
    def step_samples(self) -> int:
        """Samples from one score to the next."""
        return self.step_frames * self.front_end.hop_samples

    @property
    def step_s(self) -> float:
        """Seconds from one score to the next."""
        return self.step_samples / SAMPLE_RATE_HZ

    def decision_of(self, keyword: str) -> DecisionConfig:
        """Return the rule for a keyword, the default one where the model states none."""
        return self.decision.get(keyword, DecisionConfig())

    def with_rule(self, keyword: str | None = None, /, **changes: float) -> ModelSpec:
        """Return a copy in which the rule of one keyword, or of all, is changed.

        Parameters
        ----------
        keyword : str, optional
            By default all.
        **changes : number
            Fields of :class:`DecisionConfig`, such as ``threshold``.

        Raises
        ------
        ConfigError
            If the model has no such keyword, or a value is out of range.
        """
        if keyword is not None:
            require_one_of("keyword", keyword, self.keywords)
        chosen = self.keywords if keyword is None else (keyword,)
        rules = {k: dataclasses.replace(self.decision_of(k), **changes) for k in chosen}  # type: ignore[arg-type]
        return dataclasses.replace(self, decision={**self.decision, **rules})

    def to_dict(self) -> dict[str, Any]:
        """Return the spec as plain JSON-safe values."""
        return to_dict(self)

    def to_json(self) -> str:
        """Return the spec as one line of JSON, keys sorted, ASCII only."""
        return json.dumps(self.to_dict(), sort_keys=True, allow_nan=False)

    @classmethod
    def from_json(cls, text: str, where: str = "model file") -> ModelSpec:
        """Read a spec back.

        Parameters
        ----------
        text : str
            JSON as :meth:`to_json` wrote it; untrusted.
        where : str
            Name of the file, for messages.

        Raises
        ------
        ModelFileError
            If the text is no spec of this format or an older one.
        """
        if len(text) > MAX_JSON_CHARS:
            raise ModelFileError(f"{where}: the spec has {len(text)} characters; accepted are {MAX_JSON_CHARS}")
        try:
            values = json.loads(text, parse_constant=_refuse_constant)
        except (ValueError, RecursionError) as error:
            raise ModelFileError(f"{where}: the spec is not JSON ({error})") from None
        return cls.from_dict(values, where)

    @classmethod
    def from_dict(cls, values: Any, where: str = "model file") -> ModelSpec:
        """Read a spec from plain values; errors as in :meth:`from_json`."""
        number = values.get("format") if isinstance(values, dict) else None
        if not isinstance(number, int) or isinstance(number, bool) or number < 1:
            raise ModelFileError(f"{where}: the spec has no format number; this is no model of this toolkit")
        if number > FORMAT:
            raise ModelFileError(
                f"{where}: the spec has format {number}; this version reads up to {FORMAT}: update the toolkit"
            )
        try:
            _require_plain(values)
            return from_dict(cls, values)
        except ConfigError as error:
            raise ModelFileError(f"{where}: {error}") from None


def _require_printable(name: str, text: str) -> None:
    # Names are printed with every event: no line breaks, no terminal codes, nothing that cannot be encoded.
    if not 0 < len(text) <= MAX_NAME_CHARS or not text.isprintable() or text != text.strip():
        raise ConfigError(f"{name} is {shown(text)}; accepted are 1 to {MAX_NAME_CHARS} printable characters")


def _require_unique(name: str, words: Sequence[str]) -> None:
    if len(set(words)) != len(words):
        raise ConfigError(f"{name} is {shown(list(words))}; each may stand there once")


def _require_plain(values: Any) -> None:
    """Raise unless values could have come from JSON: they will be written as JSON again."""
    level = [values]
    for _ in range(MAX_DEPTH):
        tables = [item for item in level if isinstance(item, dict)]
        if any(not isinstance(key, str) for table in tables for key in table):
            raise ConfigError("a table of the spec has keys that are no text")
        for item in level:
            if not isinstance(item, (dict, list, tuple, str, int, float, bool, type(None))):
                raise ConfigError(f"the spec holds a {type(item).__name__}; accepted are plain values")
            if isinstance(item, float) and not math.isfinite(item):
                raise ConfigError(f"the spec holds {item}; accepted are finite numbers")
        lists = [item for item in level if isinstance(item, (list, tuple))]
        level = [inner for table in tables for inner in table.values()] + [inner for row in lists for inner in row]
        if not level:
            return
    raise ConfigError(f"the spec is nested deeper than {MAX_DEPTH} levels")


def _refuse_constant(word: str) -> Any:
    raise ValueError(f"{word} is no number of JSON")
