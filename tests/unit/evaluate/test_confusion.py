"""Accuracy and the confusion matrix by hand."""

import numpy as np
import pytest

from kws.errors import ConfigError
from kws.evaluate.confusion import Confusion, confusion_table

CLASSES = ("yes", "no", "_unknown_")


def small() -> Confusion:
    said = ["yes", "yes", "yes", "no", "no", "_unknown_"]
    told = ["yes", "yes", "no", "no", "_unknown_", "_unknown_"]
    return Confusion.of(said, told, CLASSES)


def test_rows_are_what_was_said() -> None:
    assert small().counts.tolist() == [[2, 1, 0], [0, 1, 1], [0, 0, 1]]


def test_accuracy_with_its_interval() -> None:
    confusion = small()
    assert (confusion.n_right, confusion.n_clips) == (4, 6)
    assert confusion.accuracy == pytest.approx(2 / 3)
    # Wilson by hand: z = 1.96, p = 2/3, n = 6.
    z2, n, p = 1.959963984540054**2, 6, 2 / 3
    centre, half = (p + z2 / (2 * n)) / (1 + z2 / n), np.sqrt(z2 * (p * (1 - p) / n + z2 / (4 * n * n))) / (1 + z2 / n)
    assert confusion.interval == pytest.approx((centre - half, centre + half))


def test_figures_by_class() -> None:
    by_class = small().to_dict()["by_class"]
    assert by_class["yes"]["recall"] == pytest.approx(2 / 3) and by_class["yes"]["precision"] == 1.0
    assert by_class["no"]["recall"] == 0.5 and by_class["no"]["precision"] == 0.5
    assert by_class["_unknown_"]["told"] == 2


def test_a_class_without_clips_has_no_rate() -> None:
    by_class = Confusion.of(["yes"], ["yes"], CLASSES).to_dict()["by_class"]
    assert by_class["no"]["recall"] is None and by_class["no"]["precision"] is None


def test_table_as_text() -> None:
    assert confusion_table(small()).splitlines() == [
        "said \\ told  yes  no  unknown",
        "yes            2   1        .",
        "no             .   1        1",
        "unknown        .   .        1",
    ]


def test_nothing_to_count() -> None:
    with pytest.raises(ConfigError, match="0 clips were said and 0 told"):
        Confusion.of([], [], CLASSES)
    with pytest.raises(ConfigError, match="1 clips were said and 0 told"):
        Confusion.of(["yes"], [], CLASSES)
