"""``kws mine``: what a model takes for its word in hours without it, and what it misses, as clips."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from kws.cli.data_progress import jobs_of, progress_bar
from kws.cli.microphone_options import MICROPHONE, BackendOption, DeviceOption
from kws.cli.models import PatienceOption, RefractoryOption, ThresholdOption, parse_rules
from kws.errors import ConfigError

if TYPE_CHECKING:
    from kws.evaluate.mining import Find, Mined, MiningSettings
    from kws.evaluate.mining.folder import Result
    from kws.manifest import Row

_SHOWN_FAILURES = 5


def mine(
    model: Annotated[Path, typer.Argument(help="Model (.onnx, .tflite, .kws) or checkpoint (.pt).")],
    audio: Annotated[list[Path] | None, typer.Argument(metavar="AUDIO", help="Recordings, or folders of them.")] = None,
    out: Annotated[Path, typer.Option(metavar="DIR", help="Folder of the clips and their manifest.csv.")] = Path(
        "mined"
    ),
    floor: Annotated[float, typer.Option(help="Least score that is kept, 0 to 1.")] = 0.3,
    context: Annotated[
        float, typer.Option(metavar="SECONDS", help="Audio kept before and after what was taken for the word.")
    ] = 0.5,
    keyword: Annotated[list[str] | None, typer.Option(help="Only this one; again for more.")] = None,
    positives: Annotated[
        bool, typer.Option("--positives", help="The recordings hold the word: keep what is missed.")
    ] = False,
    threshold: ThresholdOption = None,
    patience: PatienceOption = None,
    refractory: RefractoryOption = None,
    jobs: Annotated[int, typer.Option(help="Processes that listen; -1 for all cores.")] = -1,
    microphone: Annotated[
        bool,
        typer.Option(
            "--microphone", help="Listen live; only what scores above the floor is kept.", rich_help_panel=MICROPHONE
        ),
    ] = False,
    max_seconds: Annotated[
        float | None, typer.Option(metavar="SECONDS", help="Stop after that long.", rich_help_panel=MICROPHONE)
    ] = None,
    device: DeviceOption = "",
    backend: BackendOption = "pyaudio",
) -> None:
    """Keep what a model takes for its word, or nearly, in audio without it: the negatives that teach it most.

    Clips lie in OUT/false-accepts and OUT/near-misses, or with --positives in OUT/misses, with labels to confirm and a
    manifest. Interrupted, the same command goes on where it stopped. Nothing leaves this computer.

    Examples:

        kws mine kws/assets/computer.onnx radio/ --out mined

        kws mine runs/my-word/my-word.onnx evening.flac radio/ --floor 0.2 --jobs 2

        kws mine runs/my-word/my-word.onnx test/my-word --positives --out missed

        kws mine runs/my-word/my-word.onnx --microphone --max-seconds 86400 --out kitchen
    """
    from kws.cli.eval_parts import as_model_files

    rules = parse_rules(threshold or (), patience or (), refractory or (), 1)
    _check(microphone, bool(audio), positives, bool(device) or max_seconds is not None)
    n_jobs = jobs_of(jobs)
    with as_model_files([model]) as files:
        from kws.evaluate.mining import MiningSettings
        from kws.runtime import open_runner

        spec = open_runner(files[0]).spec
        rules.check_words(spec.keywords)
        settings = MiningSettings.of(files[0], rules.applied(spec, 0), tuple(keyword or ()), floor, context, positives)
        if microphone:
            _listen(out, settings, device, backend, max_seconds)
        else:
            _mine_files(audio or [], out, settings, n_jobs)


def _check(microphone: bool, has_audio: bool, positives: bool, has_live_options: bool) -> None:
    if microphone == has_audio:
        given = "AUDIO and --microphone were" if microphone else "nothing to listen to was"
        raise ConfigError(f"{given} given; accepted are recordings, or --microphone")
    if microphone and positives:
        raise ConfigError("--positives and --microphone were given; accepted is one of them")
    if has_live_options and not microphone:
        raise ConfigError("--device and --max-seconds are for --microphone; accepted is one with the other")


def _mine_files(places: list[Path], out: Path, settings: MiningSettings, jobs: int) -> None:
    from kws.evaluate.mining.files import find_audio, mine_files

    paths = find_audio(places, out)
    with progress_bar(counts=False) as on_progress:
        found = mine_files(paths, out, settings, jobs, lambda done, total: on_progress("listening", done, total))
    _show(found, out, settings)


def _show(found: Mined, out: Path, settings: MiningSettings) -> None:
    hours = sum(result.audio_s for result in found.results) / 3600
    known = f", {found.n_known} of them heard before" if found.n_known else ""
    typer.echo(f"{len(found.results)} recordings, {hours:.2f} h{known}")
    if settings.is_positive:
        n_words, n_hits = (sum(getattr(result, name) for result in found.results) for name in ("n_words", "n_hits"))
        typer.echo(f"{n_words - n_hits} of {n_words} words missed: {out}/misses")
    else:
        rows = [row for result in found.results for row in result.rows]
        n_fired = sum(row["path"].startswith("false-accepts") for row in rows)
        rate = f" ({sum(r.n_events for r in found.results) / hours:.2f} an hour)" if hours else ""
        typer.echo(f"{n_fired} false accepts{rate}: {out}/false-accepts")
        typer.echo(f"{len(rows) - n_fired} near misses from {settings.floor:g} up: {out}/near-misses")
        n_left_out = sum(not result.audio_s for result in found.results)
        if n_left_out:
            typer.echo(f"{n_left_out} recordings hold the word themselves and were left out", err=True)
    if found.failures:
        typer.echo(f"careful: {len(found.failures)} recordings could not be read:", err=True)
        for _, reason in found.failures[:_SHOWN_FAILURES]:
            typer.echo(f"  {reason}", err=True)


def _listen(out: Path, settings: MiningSettings, device: str, backend: str, max_s: float | None) -> None:
    from kws.evaluate.mining import MinedFolder, mine_live
    from kws.runtime.devices.quiet import quiet_drivers
    from kws.runtime.sources import SourceOptions, open_source

    folder = MinedFolder(out, settings)
    with quiet_drivers(True), open_source(None, SourceOptions(device=device, backend=backend)) as source:
        folder.claim()
        typer.echo(
            f"Listening to {source.name}. Kept in {out}: the seconds around what scores {settings.floor:g} or more as "
            f"{', '.join(settings.keywords)}. All else is forgotten at once, and nothing "
            "leaves this computer. Ctrl-C ends it."
        )
        mine_live(source, folder, settings, source.name, max_s, _tell, _warn, lambda result: _tell_end(result, out))


def _warn(text: str) -> None:
    typer.echo(text, err=True)


def _tell_end(result: Result, out: Path) -> None:
    n_clips = len(result.rows)
    typer.echo(f"{result.audio_s / 3600:.2f} h, {n_clips} clip{'' if n_clips == 1 else 's'} kept in {out}")


def _tell(find: Find, row: Row) -> None:
    what = "fired" if find.is_event else "nearly"
    typer.echo(f"{row['recorded']}  {find.keyword} {what}, {find.score:.3f}: {row['path']}")
