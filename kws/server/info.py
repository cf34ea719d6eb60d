"""What the server says about itself and its wake words."""

from __future__ import annotations

from collections.abc import Sequence

from wyoming.info import Attribution, Info, WakeModel, WakeProgram

from kws.server.catalogue import WakeWord

PROGRAM = "kws"
_ATTRIBUTION = Attribution(name="kws-toolkit", url="")
_DEFAULT_LANGUAGES = ["en"]


def describe(words: Sequence[WakeWord], version: str) -> Info:
    """Return the answer to ``describe``: one program with a model for each wake word.

    Parameters
    ----------
    words : sequence of WakeWord
    version : str
        Of this program.
    """
    program = WakeProgram(
        name=PROGRAM,
        description="Wake words of your own",
        attribution=_ATTRIBUTION,
        installed=True,
        version=version,
        models=[_model(word) for word in words],
    )
    return Info(wake=[program])


def _model(word: WakeWord) -> WakeModel:
    made_by = word.spec.training.get("toolkit")
    return WakeModel(
        name=word.name,
        # Home Assistant shows this to people.
        description=word.keyword if word.keyword == word.spec.name else f"{word.keyword} ({word.spec.name})",
        attribution=_ATTRIBUTION,
        installed=True,
        version=made_by if isinstance(made_by, str) else None,
        languages=_languages(word.spec.training.get("languages")),
        phrase=word.keyword,
    )


def _languages(stated: object) -> list[str]:
    # What a model file says under `training` is free-form.
    if isinstance(stated, list) and stated and all(isinstance(code, str) for code in stated):
        return list(stated)
    return _DEFAULT_LANGUAGES
