"""Clips to disk: in parallel, resumable, checked, with one manifest."""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ProcessPoolExecutor
from concurrent.futures.process import BrokenProcessPool
from dataclasses import dataclass, field
from multiprocessing import get_context
from pathlib import Path

from data_tools.check.likeness import find_copies
from data_tools.speak.clip import DUPLICATE, UNHEARD, Listener, speak_clip
from data_tools.speak.pitch import median_pitch_hz
from data_tools.speak.plan import KINDS, Counts, Job, Plan
from data_tools.voices import VoiceOptions
from kws.audio import pcm16_sha1, read_audio, write_audio
from kws.config import SAMPLE_RATE_HZ
from kws.errors import AudioError, DataError
from kws.files import write_json
from kws.manifest import MANIFEST, Manifest, Row, write_manifest
from kws.processes import as_they_come, end_pool, leave_interrupts

SETTINGS_NAME = "speak.json"
REJECTED_NAME = "rejected.json"
_FORMAT = 1
# After so many tries for each clip that is wanted the rest is given up.
_MAX_TRIES = 4
_EXTRA_TRIES = 20

OnProgress = Callable[[str, int, int], None]
"""``(kind, done, wanted)``."""


@dataclass(frozen=True)
class Outcome:
    """What became of a job: the row of its clip, or why it was rejected."""

    job: Job
    row: dict[str, str] = field(default_factory=dict)
    reason: str = ""


@dataclass
class Summary:
    """What is there in the end.

    Parameters
    ----------
    rows : dict of str to list
        Manifest rows by kind.
    wanted : Counts
    rejected : Counter of (kind, engine, reason)
    """

    wanted: Counts
    rows: dict[str, list[dict[str, str]]] = field(default_factory=lambda: {kind: [] for kind in KINDS})
    rejected: Counter[tuple[str, str, str]] = field(default_factory=Counter)


def make_clips(
    plan: Plan,
    counts: Counts,
    folder: Path,
    options: VoiceOptions,
    *,
    jobs: int = 1,
    is_heard: Listener | None = None,
    on_progress: OnProgress | None = None,
) -> Summary:
    """Speak all clips of a plan into ``positives``, ``confusables`` and ``sentences`` below a folder.

    What is there from an earlier run is kept and not spoken again. A clip that is rejected is replaced by another one.

    Parameters
    ----------
    plan : Plan
    counts : Counts
    folder : Path
        Made by :func:`claim_folder`.
    options : VoiceOptions
    jobs : int
        Processes.
    is_heard : callable, optional
        Judges positives; must be picklable if there are several processes.
    on_progress : callable, optional

    Returns
    -------
    Summary

    Raises
    ------
    DataError
        If the folder cannot be written.
    """
    summary = Summary(counts)
    ledger = _Ledger(folder)
    try:
        with _Pool(jobs) as pool:
            for kind in KINDS:
                if plan.n_different(kind):
                    _make_kind(plan, kind, folder, options, is_heard, pool, ledger, summary, on_progress)
    finally:
        # A run that is stopped leaves a manifest of all that is whole.
        ledger.save(row for rows in summary.rows.values() for row in rows)
    return summary


def _make_kind(
    plan: Plan,
    kind: str,
    folder: Path,
    options: VoiceOptions,
    is_heard: Listener | None,
    pool: _Pool,
    ledger: _Ledger,
    summary: Summary,
    on_progress: OnProgress | None,
) -> None:
    wanted, rows = summary.wanted.of(kind), summary.rows[kind]
    first, end = 0, _MAX_TRIES * wanted + _EXTRA_TRIES if wanted else 0
    while len(rows) < wanted and first < end:
        batch = [plan.job(kind, index) for index in range(first, min(end, first + wanted - len(rows)))]
        first += len(batch)
        new = [job for job in batch if not ledger.knows(job, is_heard is not None)]
        for job in batch:
            if job not in new:
                summary.rejected[kind, job.speaker.engine, ledger.rejected[job.name]] += 1
        for outcome in pool.run([(job, str(folder), options, is_heard) for job in new]):
            if outcome.reason:
                ledger.rejected[outcome.job.name] = outcome.reason
                summary.rejected[kind, outcome.job.speaker.engine, outcome.reason] += 1
            else:
                rows.append(outcome.row)
            if on_progress is not None:
                on_progress(kind, len(rows), wanted)
        rows.sort(key=lambda row: row["path"])
        _drop_copies(kind, folder, ledger, summary)


def _drop_copies(kind: str, folder: Path, ledger: _Ledger, summary: Summary) -> None:
    rows = summary.rows[kind]
    copies = find_copies({row["path"]: folder / row["path"] for row in rows})
    for row in rows:
        if row["path"] in copies:
            (folder / row["path"]).unlink(missing_ok=True)
            ledger.rejected[row["path"]] = DUPLICATE
            summary.rejected[kind, row["synthetic"].partition(":")[0], DUPLICATE] += 1
    rows[:] = [row for row in rows if row["path"] not in copies]


Task = tuple[Job, str, VoiceOptions, Listener | None]
"""A clip, its folder, and how it is spoken and judged."""


def _do(task: Task) -> Outcome:
    """Speak a clip unless it is there, and describe it; in any process."""
    job, folder, options, is_heard = task
    path = Path(folder) / job.name
    try:
        clip = read_audio(path)
    except AudioError:
        spoken = speak_clip(job, options, is_heard)
        if isinstance(spoken, str):
            return Outcome(job, reason=spoken)
        write_audio(path, spoken)
        clip = read_audio(path)
    voice = job.speaker.voices[0]
    row = {
        "path": job.name,
        "label": job.label,
        "speaker": job.speaker.name,
        "synthetic": job.speaker.name,
        "source": job.speaker.engine,
        "licence": voice.licence,
        "lang": "+".join(dict.fromkeys(v.lang for v in job.speaker.voices)),
        "gender": voice.gender,
        "transcript": job.transcript,
        "sample_rate": str(SAMPLE_RATE_HZ),
        "duration_s": f"{len(clip) / SAMPLE_RATE_HZ:.3f}",
        "sha1": pcm16_sha1(clip),
        "pitch_hz": f"{median_pitch_hz(clip):.0f}",
    }
    return Outcome(job, row)


class _Pool:
    """Runs jobs here or in several fresh processes, which leave Ctrl-C to this one."""

    def __init__(self, jobs: int) -> None:
        # Forked ones may hang on a lock that a thread of ours held.
        context = get_context("spawn")
        self._ahead = 2 * jobs
        self._pool = ProcessPoolExecutor(jobs, mp_context=context, initializer=leave_interrupts) if jobs > 1 else None

    def __enter__(self) -> _Pool:
        return self

    def __exit__(self, *_: object) -> None:
        if self._pool is not None:
            end_pool(self._pool)

    def run(self, tasks: Sequence[Task]) -> Iterator[Outcome]:
        """Yield outcomes as they come."""
        if self._pool is None:
            yield from map(_do, tasks)
            return
        try:
            yield from as_they_come(self._pool, _do, tasks, self._ahead)
        except BrokenProcessPool:
            raise DataError("a process that speaks has died; accepted is --jobs 1, or more memory") from None


class _Ledger:
    """The manifest of a folder, and what was rejected there in earlier runs."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        try:
            text = (folder / REJECTED_NAME).read_text(encoding="utf-8")
            self.rejected: dict[str, str] = dict(json.loads(text))
        except FileNotFoundError:
            self.rejected = {}
        except (OSError, ValueError, TypeError) as error:
            raise DataError(
                f"{folder / REJECTED_NAME}: cannot be read ({error}); remove it to try these again"
            ) from None

    def knows(self, job: Job, is_judged: bool) -> bool:
        """Return whether a clip was rejected, and would be now; what a model missed may be kept without it."""
        reason = self.rejected.get(job.name)
        return reason is not None and (is_judged or reason != UNHEARD)

    def save(self, rows: Iterator[Row]) -> None:
        """Write both, if there is anything to say."""
        manifest = self._folder / MANIFEST
        known = Manifest(manifest).rows if manifest.is_file() else []
        merged = {row["path"]: row for row in [*known, *rows]}
        if merged:
            write_manifest(manifest, [row for row in merged.values() if (self._folder / row["path"]).is_file()])
        write_json(self._folder / REJECTED_NAME, self.rejected)


def claim_folder(folder: Path, settings: dict[str, str]) -> None:
    """Make the folders for clips and write down what all of them have in common.

    Raises
    ------
    DataError
        If the folder holds clips of other settings, or cannot be written.
    """
    mine = {"format": str(_FORMAT), **settings}
    place = folder / SETTINGS_NAME
    try:
        for kind in KINDS:
            (folder / kind).mkdir(parents=True, exist_ok=True)
            for leftover in (folder / kind).glob(".*.tmp"):
                leftover.unlink()
        theirs = json.loads(place.read_text(encoding="utf-8")) if place.exists() else mine
    except (OSError, ValueError) as error:
        raise DataError(f"{folder}: cannot be used for clips ({error})") from None
    if theirs != mine:
        raise DataError(f"{folder}: holds clips of {theirs}; accepted is an empty folder, or the same phrase again")
    write_json(place, mine)
