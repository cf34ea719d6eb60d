"""Frozen settings of every stage, and the one way to make them from untrusted mappings.

Each class checks its own values when it is made, so that a settings object that exists is valid.
"""

from __future__ import annotations

import dataclasses
import difflib
import math
import types
import typing
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, TypeVar, Union, get_args, get_origin, get_type_hints

from kws.errors import ConfigError

T = TypeVar("T")

SAMPLE_RATE_HZ = 16_000
"""The one sample rate inside the toolkit; files and devices are resampled to it."""


def require(name: str, value: float, low: float, high: float) -> None:
    """Raise unless a number lies in a closed range.

    Parameters
    ----------
    name : str
        What the value is called where the user wrote it.
    value : float
        The value; NaN is out of every range.
    low, high : float
        Accepted range, both ends included.

    Raises
    ------
    ConfigError
        If the value is not a number in the range.
    """
    is_number = isinstance(value, (int, float)) and not isinstance(value, bool)
    if not is_number or not low <= value <= high:
        raise ConfigError(f"{name} is {shown(value)}; accepted are numbers from {low:g} to {high:g}")


def shown(value: object) -> str:
    """Return a value as an error message shows it: its repr, cut to one short line."""
    try:
        text = repr(value)
    # Numbers of thousands of digits and nests of thousands of lists have no repr.
    except (ValueError, RecursionError):
        text = f"a {type(value).__name__}"
    return text if len(text) <= 80 else f"{text[:77]}..."


def require_one_of(name: str, value: object, accepted: typing.Iterable[str]) -> None:
    """Raise :class:`ConfigError`, naming the nearest accepted word, unless `value` is accepted."""
    words = sorted(accepted)
    if value not in words:
        raise ConfigError(f"{name} is {shown(value)}{_nearest(value, words)}; accepted are: {', '.join(words)}")


def _nearest(word: object, words: typing.Iterable[str]) -> str:
    match = difflib.get_close_matches(word[:80], list(words), n=1, cutoff=0.5) if isinstance(word, str) else []
    return f" (did you mean {match[0]!r}?)" if match else ""


def from_dict(cls: type[T], values: Mapping[str, Any], where: str = "") -> T:
    """Make a settings dataclass from a plain mapping, such as a TOML table or JSON object.

    Nested dataclasses, ``tuple[X, ...]``, ``dict[str, X]`` and optional fields are followed.

    Parameters
    ----------
    cls : type
        The dataclass to make.
    values : mapping
        Its fields by name. Fields that are left out take their defaults.
    where : str
        Dotted path of the mapping in its file, for messages.

    Raises
    ------
    ConfigError
        On an unknown key (the nearest right one is named), a missing one, or a wrong type.
    """
    label = where or cls.__name__
    if not isinstance(values, Mapping):
        raise ConfigError(f"{label} is {shown(values)}; accepted is a table of settings")
    fields = {f.name: f for f in dataclasses.fields(cls) if f.init}  # type: ignore[arg-type]
    for key in values:
        if key not in fields:
            raise ConfigError(
                f"unknown key {shown(key)} in {label}{_nearest(key, fields)}; accepted are: {', '.join(fields)}"
            )
    hints = get_type_hints(cls)
    arguments = {}
    for name, field in fields.items():
        path = f"{where}.{name}" if where else name
        if name in values:
            arguments[name] = _convert(hints[name], values[name], path)
        elif field.default is dataclasses.MISSING and field.default_factory is dataclasses.MISSING:
            raise ConfigError(f"{path} is missing in {label}")
    return cls(**arguments)


def to_dict(settings: Any) -> dict[str, Any]:
    """Turn a settings dataclass into plain dicts, lists, strings and numbers (JSON-safe)."""
    return {f.name: _plain(getattr(settings, f.name)) for f in dataclasses.fields(settings)}


def _plain(value: Any) -> Any:
    if dataclasses.is_dataclass(value):
        return to_dict(value)
    if isinstance(value, Mapping):
        return {key: _plain(item) for key, item in value.items()}
    if isinstance(value, (list, tuple)):
        return [_plain(item) for item in value]
    return value


def _convert(hint: Any, value: Any, path: str) -> Any:
    origin = get_origin(hint)
    if origin in (Union, types.UnionType):
        if value is None and type(None) in get_args(hint):
            return None
        inner = next(h for h in get_args(hint) if h is not type(None))
        return _convert(inner, value, path)
    if dataclasses.is_dataclass(hint):
        return from_dict(typing.cast(type, hint), value, path)
    if origin is tuple:
        if not isinstance(value, (list, tuple)):
            raise ConfigError(f"{path} is {shown(value)}; accepted is a list")
        return tuple(_convert(get_args(hint)[0], item, f"{path}[{i}]") for i, item in enumerate(value))
    if origin is dict:
        if not isinstance(value, Mapping):
            raise ConfigError(f"{path} is {shown(value)}; accepted is a table")
        if not all(isinstance(key, str) for key in value):
            raise ConfigError(f"{path} has keys that are no text; accepted is a table")
        return {k: _convert(get_args(hint)[1], v, f"{path}.{shown(k)[1:-1]}") for k, v in value.items()}
    return _convert_plain(hint, value, path)


def _convert_plain(hint: Any, value: Any, path: str) -> Any:
    if hint is Any:
        return value
    if hint is float and isinstance(value, int) and not isinstance(value, bool):
        # A whole number may be too large for any float.
        value = float(value) if abs(value) < 2**1023 else math.inf
    is_bool_for_number = isinstance(value, bool) and hint is not bool
    if not isinstance(value, hint) or is_bool_for_number:
        raise ConfigError(f"{path} is {shown(value)}; accepted is a {_TYPE_WORDS.get(hint, hint.__name__)}")
    if isinstance(value, float) and not math.isfinite(value):
        raise ConfigError(f"{path} is {value!r}; accepted is a finite number")
    return value


_TYPE_WORDS = {float: "number", int: "whole number", str: "text", bool: "true or false"}

PCEN_LIMITS = {"alpha": (0.0, 1.0), "delta": (0.0, 100.0), "root": (0.01, 1.0), "smoothing": (1e-4, 1.0)}
"""Accepted range of each PCEN parameter, both ends included."""


@dataclass(frozen=True)
class PcenConfig:
    """Per-channel energy normalisation ``(E / (eps + M)^alpha + delta)^r - delta^r``.

    ``M`` is the smoothed energy ``M[t] = (1 - s) M[t-1] + s E[t]``. Each parameter is one number for all
    bands, or one a band once they were trained.

    References
    ----------
    Wang et al., "Trainable Frontend For Robust and Far-Field Keyword Spotting", ICASSP 2017
    (alpha 0.98, delta 2, r 0.5, s 0.025 at a hop of 10 ms, eps 1e-6).
    """

    alpha: tuple[float, ...] = (0.98,)
    delta: tuple[float, ...] = (2.0,)
    root: tuple[float, ...] = (0.5,)
    smoothing: tuple[float, ...] = (0.025,)
    eps: float = 1e-6

    def check(self, n_bands: int) -> None:
        """Raise :class:`ConfigError` unless every parameter is in range and fits `n_bands`."""
        require("front_end.pcen.eps", self.eps, 1e-12, 1.0)
        for name, (low, high) in PCEN_LIMITS.items():
            values = getattr(self, name)
            if len(values) not in (1, n_bands):
                raise ConfigError(
                    f"front_end.pcen.{name} has {len(values)} values; accepted are 1 or {n_bands} (one a band)"
                )
            for value in values:
                require(f"front_end.pcen.{name}", value, low, high)


@dataclass(frozen=True)
class FrontEndConfig:
    """The front-end: how samples become feature frames.

    ``y = ln(E + floor) - ln(floor)`` for ``log`` compression, so that digital silence is exactly zero and
    zero left padding means silence; per-channel energy normalisation for ``pcen``.

    Parameters
    ----------
    compression : {"log", "pcen"}
        What turns band energies into features.
    window_samples, hop_samples : int
        Hann window and distance of two frames at 16 kHz.
    n_fft : int
        FFT length, at least the window.
    n_bands : int
        Number of bands F.
    scale : {"mel", "linear"}
        Spacing of the bands.
    f_min_hz, f_max_hz : float
        Edges of the lowest and highest band.
    floor : float
        Power added to every band before the logarithm (log compression).
    pcen : PcenConfig
        Parameters of PCEN; ignored for log compression.
    """

    compression: str = "log"
    window_samples: int = 480
    hop_samples: int = 160
    n_fft: int = 512
    n_bands: int = 40
    scale: str = "mel"
    f_min_hz: float = 60.0
    f_max_hz: float = 7600.0
    floor: float = 1e-8
    pcen: PcenConfig = dataclasses.field(default_factory=PcenConfig)

    def __post_init__(self) -> None:
        require_one_of("front_end.compression", self.compression, ("log", "pcen"))
        require_one_of("front_end.scale", self.scale, ("mel", "linear"))
        require("front_end.window_samples", self.window_samples, 16, 4096)
        require("front_end.n_fft", self.n_fft, self.window_samples, 4096)
        require("front_end.hop_samples", self.hop_samples, 1, self.window_samples)
        require("front_end.n_bands", self.n_bands, 1, self.n_fft // 2 + 1)
        require("front_end.f_min_hz", self.f_min_hz, 0.0, SAMPLE_RATE_HZ / 2 - 1)
        require("front_end.f_max_hz", self.f_max_hz, self.f_min_hz + 1, SAMPLE_RATE_HZ / 2)
        require("front_end.floor", self.floor, 1e-12, 1.0)
        self.pcen.check(self.n_bands)

    @property
    def hop_s(self) -> float:
        """Distance of two frames in seconds."""
        return self.hop_samples / SAMPLE_RATE_HZ


@dataclass(frozen=True)
class DecisionConfig:
    """The rule that turns scores into events, the same live, in evaluation and in threshold choice.

    Parameters
    ----------
    threshold : float
        Smoothed score at which an event fires, 0 to 1.
    smoothing_steps : int
        Length of the moving average over scores, in model steps.
    patience_steps : int
        Steps in a row that the smoothed score must reach the threshold before it fires.
    rearm_ratio : float
        After an event the smoothed score must fall below ``rearm_ratio * threshold`` before the next.
    refractory_s : float
        Least time from one event to the next of the same keyword.
    """

    threshold: float = 0.5
    smoothing_steps: int = 1
    patience_steps: int = 1
    rearm_ratio: float = 0.8
    refractory_s: float = 1.0

    def __post_init__(self) -> None:
        require("threshold", self.threshold, 0.0, 1.0)
        require("smoothing_steps", self.smoothing_steps, 1, 1000)
        require("patience_steps", self.patience_steps, 1, 1000)
        require("rearm_ratio", self.rearm_ratio, 0.0, 1.0)
        require("refractory_s", self.refractory_s, 0.0, 60.0)


@dataclass(frozen=True)
class ModelConfig:
    """Which network, and how big: a registered family and its own settings.

    Parameters
    ----------
    family : str
        Name in ``kws.models.MODELS``.
    settings : dict
        Fields of that family's settings class; each has a default.
    """

    family: str = "conv_gru"
    settings: dict[str, Any] = dataclasses.field(default_factory=dict)
