"""Load the folders that a recipe names, split by speaker into training, validation and test."""

from __future__ import annotations

import dataclasses
from collections import Counter
from collections.abc import Callable, Container, Iterable, Sequence
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np

from kws.audio import read_audio, to_pcm16
from kws.config import SAMPLE_RATE_HZ
from kws.errors import DataError
from kws.spec import UNKNOWN
from kws.train.clip import Clip, Pcm
from kws.train.data_config import DataConfig, require_spoken
from kws.train.folders import expand, find_audio
from kws.train.made_noise import made_noise
from kws.train.official_split import SIDES, TEST, TRAIN, VALIDATION
from kws.train.sides import SideRule

MIN_KEYWORD_CLIPS = 8

# Around a word that was marked by hand; more would take in its neighbours.
_WORD_MARGIN_SAMPLES = SAMPLE_RATE_HZ // 20

# What a model file says of its data stays small.
_MOST_SOURCES, _MOST_CHARS, _OTHERS = 200, 200, "others"

_OVERHEARD = "overheard"

_SIDE_NAMES = {TRAIN: "training", VALIDATION: "validation", TEST: "test"}
# Noise that is cut by time: the stretches of a recording, as shares of its length.
_STRETCHES = {TRAIN: (0.0, 0.8), VALIDATION: (0.8, 0.9), TEST: (0.9, 1.0)}


@dataclass(frozen=True)
class Split:
    """The clips of one side of the split.

    Parameters
    ----------
    keywords : dict of str to list of Clip
    negatives : list of Clip
        All speech without a keyword.
    noise : list of Clip
    unknown : list of Clip
        Those of the negatives that a classifier must tell as other words.
    overheard : list of Clip
        Further audio without a keyword, in which false accepts are counted and nothing else is done with.
    """

    keywords: dict[str, list[Clip]]
    negatives: list[Clip]
    noise: list[Clip]
    unknown: list[Clip] = field(default_factory=list)
    overheard: list[Clip] = field(default_factory=list)

    def without(self, names: Container[str]) -> Split:
        """Return the split without the keyword clips of these paths."""
        kept = {k: [clip for clip in clips if clip.path not in names] for k, clips in self.keywords.items()}
        return dataclasses.replace(self, keywords=kept)

    @property
    def has_people(self) -> bool:
        """Whether somebody said a keyword; else a computer spoke all of them."""
        return any(not clip.is_synthetic for clips in self.keywords.values() for clip in clips)

    @property
    def summary(self) -> dict[str, object]:
        """Counts and hours, for the model file."""
        return {
            "keywords": {k: _summary(clips) for k, clips in self.keywords.items()},
            "negatives": _summary(self.negatives),
            "noise": _summary(self.noise),
        }


def sources_of(clips: Iterable[Clip]) -> list[dict[str, object]]:
    """Return where clips are from and under which licences, by number of clips, for the model file.

    Beyond 200 sources, those of fewest clips are counted together, by their licence.
    """
    counts = Counter((clip.licence, clip.source) for clip in clips)
    ordered = sorted(counts.items(), key=lambda item: (-item[1], item[0]))
    shown = dict(ordered[:_MOST_SOURCES])
    for (licence, _), count in ordered[_MOST_SOURCES:]:
        shown[licence, _OTHERS] = shown.get((licence, _OTHERS), 0) + count
    return [
        {"licence": licence[:_MOST_CHARS], "source": source[:_MOST_CHARS], "clips": count}
        for (licence, source), count in shown.items()
    ]


@dataclass(frozen=True)
class Corpus:
    """All audio of a recipe; a side that was not asked for is empty."""

    train: Split
    validation: Split
    rirs: list[Clip]
    test: Split = field(default_factory=lambda: Split({}, [], []))

    @property
    def trained_on(self) -> list[Clip]:
        """All clips that training hears, rooms included."""
        words = [clip for clips in self.train.keywords.values() for clip in clips]
        return [*words, *self.train.negatives, *self.train.noise, *self.rirs]


def load_corpus(
    config: DataConfig,
    on_progress: Callable[[int, int], None] | None = None,
    sides: Sequence[str] = (TRAIN, VALIDATION),
) -> Corpus:
    """Read the clips of a recipe into memory.

    Parameters
    ----------
    config : DataConfig
    on_progress : callable, optional
        Called with the number of clips read and their total.
    sides : sequence of str
        Which of ``"train"``, ``"validation"`` and ``"test"`` are read. Training never sees the test.

    Raises
    ------
    DataError
        If a folder or the manifest is missing or holds no audio, if a keyword has fewer than 8 clips, if a side of the
        split would be empty, or if what may only judge is named as something else too.
    """
    require_spoken(config)
    rule = SideRule(config)
    groups = _find_groups(config)
    _require_keyword_clips(config, groups)
    placed = {group: _place(rule, config, group, paths, sides) for group, paths in groups.items()}
    _require_sides(groups, placed, sides)
    total, done = sum(map(len, placed.values())), 0
    found: dict[str, dict[str, list[Clip]]] = {side: {group: [] for group in groups} for side in SIDES}
    for group, clips in placed.items():
        for path, on_sides in clips:
            for side, clip in _read(config, rule, group, path, on_sides):
                found[side][group].append(clip)
            done += 1
            if on_progress is not None:
                on_progress(done, total)
    rirs = [clip for side in SIDES for clip in found[side]["rirs"]]
    if not config.noise:
        for number, side in enumerate(SIDES):
            found[side]["noise"] = made_noise(np.random.default_rng(number))
    train, validation, test = (_split(config, found[side]) for side in SIDES)
    return Corpus(train, validation, rirs, test)


def _find_groups(config: DataConfig) -> dict[str, list[Path]]:
    root = Path(config.root)
    named = [folder for folders in config.keywords.values() for folder in folders]
    named += [*config.noise, *config.rirs, *config.negatives, *config.validation_negatives]
    groups = {
        **{_group(name): find_audio(root, folders) for name, folders in config.keywords.items()},
        UNKNOWN: find_audio(root, expand(root, config.unknown, named)),
        "negatives": find_audio(root, expand(root, config.negatives, [*named, *config.unknown])),
        "noise": find_audio(root, config.noise),
        "rirs": find_audio(root, config.rirs),
        _OVERHEARD: find_audio(root, config.validation_negatives),
    }
    _require_unheard(groups)
    return groups


def _require_unheard(groups: dict[str, list[Path]]) -> None:
    judging = set(groups[_OVERHEARD])
    for group, paths in groups.items():
        if group != _OVERHEARD and (both := judging.intersection(paths)):
            raise DataError(
                f"{min(both)} and {len(both) - 1} more are in data.validation_negatives and in {group}; accepted is "
                "one of them: what judges must not be heard in training"
            )


def _group(keyword: str) -> str:
    return f"keyword {keyword!r}"


def _require_keyword_clips(config: DataConfig, groups: dict[str, list[Path]]) -> None:
    for name, folders in config.keywords.items():
        count = len(groups[_group(name)])
        if count < MIN_KEYWORD_CLIPS:
            raise DataError(
                f"keyword {name!r} has {count} clips in {', '.join(folders)}; "
                f"at least {MIN_KEYWORD_CLIPS} are needed: record more"
            )


Placed = list[tuple[Path, tuple[str, ...]]]


def _place(rule: SideRule, config: DataConfig, group: str, paths: list[Path], sides: Sequence[str]) -> Placed:
    """Return the files that are wanted, each with the sides that it is on."""
    placed = []
    relatives = [_name(config, path) for path in paths]
    for path, relative, side in zip(paths, relatives, rule.sides(relatives), strict=True):
        is_cut = group == "noise" and rule.is_cut_by_time(relative)
        on_sides = SIDES if is_cut else (side,)
        wanted = on_sides if group == "rirs" else tuple(side for side in on_sides if side in sides)
        if wanted:
            placed.append((path, wanted))
    return placed


def _name(config: DataConfig, path: Path) -> str:
    # A recipe may name a folder anywhere; what is said of its files is said of their whole path.
    return (path.relative_to(config.root) if path.is_relative_to(config.root) else path).as_posix()


def _require_sides(groups: dict[str, list[Path]], placed: dict[str, Placed], sides: Sequence[str]) -> None:
    for group, paths in groups.items():
        # A recipe may do without other words, other speech or rooms.
        if group in ("rirs", _OVERHEARD) or not paths:
            continue
        there = {side for _, on_sides in placed[group] for side in on_sides}
        for side in sides:
            # A test without noise or other speech has no such clips to tell; the rest of it stands.
            if side not in there and (side != TEST or group.startswith("keyword")):
                raise DataError(
                    f"{group}: no clip is left for {_SIDE_NAMES[side]}; give a manifest with splits, "
                    "or change data.validation_share"
                )


def _read(config: DataConfig, rule: SideRule, group: str, path: Path, sides: tuple[str, ...]) -> list[tuple[str, Clip]]:
    relative = _name(config, path)
    weight = _weight(config, relative) if group not in ("noise", "rirs") else 1.0
    samples, speaker = to_pcm16(read_audio(path)), rule.speaker(relative)
    word_s = rule.word_s(relative) if group in map(_group, config.keywords) else None
    if word_s is not None:
        samples = _cut(samples, word_s, relative)
    row = rule.row(relative)
    origin = row.get("source", ""), row.get("licence", "")
    if group != "noise" or not rule.is_cut_by_time(relative):
        return [(sides[0], Clip(relative, speaker, samples, weight, *origin, rule.is_synthetic(relative)))]
    pieces = {side: samples[slice(*(round(share * len(samples)) for share in _STRETCHES[side]))] for side in sides}
    return [(side, Clip(relative, speaker, piece, weight, *origin)) for side, piece in pieces.items() if len(piece)]


def _cut(samples: Pcm, word_s: tuple[float, float], relative: str) -> Pcm:
    """Return the word of a recording that says more than it."""
    start, end = (round(time_s * SAMPLE_RATE_HZ) for time_s in word_s)
    if end > len(samples) + _WORD_MARGIN_SAMPLES:
        seconds = len(samples) / SAMPLE_RATE_HZ
        raise DataError(f"{relative}: kw_end_s is {word_s[1]:g}; accepted are times within its {seconds:.3f} s")
    return samples[max(0, start - _WORD_MARGIN_SAMPLES) : end + _WORD_MARGIN_SAMPLES]


def _split(config: DataConfig, groups: dict[str, list[Clip]]) -> Split:
    keywords = {name: groups[_group(name)] for name in config.keywords}
    negatives = groups[UNKNOWN] + groups["negatives"]
    return Split(keywords, negatives, groups["noise"], groups[UNKNOWN], groups[_OVERHEARD])


def _weight(config: DataConfig, relative: str) -> float:
    return next((w for folder, w in config.weights.items() if relative.startswith(_prefix(folder))), 1.0)


def _prefix(folder: str) -> str:
    place = folder.removesuffix("*").rstrip("/")
    return f"{place}/" if place else ""


def _summary(clips: list[Clip]) -> dict[str, object]:
    seconds = sum(len(clip.samples) for clip in clips) / 16_000
    n_synthetic = sum(clip.is_synthetic for clip in clips)
    return {
        "clips": len(clips),
        "hours": round(seconds / 3600, 3),
        "speakers": len({clip.speaker for clip in clips if clip.speaker}),
        **({"synthetic": n_synthetic} if n_synthetic else {}),
    }
