"""``kws speak``: clips of a phrase, of what sounds like it and of other speech, by speech synthesis."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from kws.cli.data_progress import jobs_of, progress_bar

if TYPE_CHECKING:
    from kws.cli.speak_parts import Wishes


def speak(
    phrase: Annotated[str, typer.Argument(help='What is to be said, such as "hey lumi".')],
    out: Annotated[Path, typer.Option(help="Folder for the clips and manifest.csv.")],
    lang: Annotated[str, typer.Option(help="Language of the phrase: en, en-gb, de, zh, yue, ...")] = "en",
    positives: Annotated[int, typer.Option(min=0, help="Clips of the phrase.")] = 300,
    confusables: Annotated[int, typer.Option(min=0, help="Clips of what sounds like it.")] = 300,
    sentences: Annotated[int, typer.Option(min=0, help="Sentences without it.")] = 300,
    text: Annotated[
        Path | None, typer.Option(help="Text file with sentences, instead of our own English ones.")
    ] = None,
    words: Annotated[Path | None, typer.Option(help="Word list, one a line, instead of /usr/share/dict.")] = None,
    engine: Annotated[
        list[str] | None, typer.Option(help="Use this engine; again for more. By default all that are installed.")
    ] = None,
    piper_voice: Annotated[
        list[Path] | None, typer.Option(help="Piper voice file NAME.onnx, beside its .json; again for more.")
    ] = None,
    command: Annotated[
        str, typer.Option(help="Another engine: a command line with {text} and {wav}, and {rate}, {seed} if it can.")
    ] = "",
    verify_model: Annotated[
        Path | None, typer.Option(help="Keep only clips of the phrase that this model hears.")
    ] = None,
    seed: Annotated[int, typer.Option(min=0, help="The same seed gives the same clips.")] = 0,
    jobs: Annotated[int, typer.Option(help="Processes that speak; -1 for all cores.")] = -1,
) -> None:
    """Make recordings of your word by speech synthesis, and of what must not be taken for it.

    A run that was stopped goes on when the same command is given again.

    Examples:

        kws speak "hey lumi" --lang en --out spoken/hey-lumi

        kws speak "你好 lumi" --lang zh --text chinese.txt --out spoken/nihao-lumi

        kws speak computer --engine espeak-ng --engine flite --positives 1000 --out spoken/computer

        kws speak computer --command 'mytts --text {text} --out {wav}' --out spoken/computer
    """
    from data_tools.speak import Counts
    from data_tools.voices import VoiceOptions, canonical_lang
    from kws.cli.speak_parts import Wishes

    n_jobs = jobs_of(jobs)
    language = canonical_lang(lang)
    wishes = Wishes(
        phrase=phrase,
        lang=language,
        counts=Counts(positives, confusables, sentences),
        engines=tuple(engine or ()),
        options=VoiceOptions(tuple(piper_voice or ()), command, language),
        text=text,
        words=words,
        seed=seed,
    )
    _speak(wishes, out, verify_model, n_jobs)


def _speak(wishes: Wishes, out: Path, verify_model: Path | None, jobs: int) -> None:
    from data_tools.speak import claim_folder, make_clips
    from kws.cli.speak_parts import ModelListener, prepare
    from kws.cli.speak_show import show_start, show_summary

    listener = None
    if verify_model is not None:
        listener = ModelListener(verify_model)
        # A model that cannot be read is told before minutes of speaking.
        listener.open()
    with progress_bar() as bar:
        bar("preparing", 0, 0)
        prepared = prepare(wishes)
    claim_folder(out, {"phrase": wishes.phrase, "lang": wishes.lang, "seed": str(wishes.seed)})
    show_start(prepared)
    with progress_bar() as bar:
        summary = make_clips(
            prepared.plan,
            wishes.counts,
            out,
            wishes.options,
            jobs=jobs,
            is_heard=listener,
            on_progress=bar,
        )
    show_summary(summary, prepared, out)
