"""What ``kws train`` says when the figures of a run mean little."""

from kws.cli.train import _warnings


def figures(words: int, missed: int, hours: float) -> dict[str, object]:
    return {"validation": {"words": {"clean": words}, "missed": {"clean": missed}, "negative_hours": hours}}


def test_a_sound_run_has_no_warning() -> None:
    assert _warnings(figures(44, 2, 0.31), True) == []


def test_a_useless_model_and_thin_validation_are_named() -> None:
    found = _warnings(figures(3, 3, 0.01), True)
    assert [text.partition(":")[0] for text in found] == [
        "3 of 3 validation words were missed",
        "only 3 validation words",
        "only 0.01 h without the word",
    ]


def test_words_that_a_computer_spoke_predict_no_person():
    (line,) = _warnings(figures(44, 2, 0.31), False)
    assert line.startswith("a computer spoke all validation words")
