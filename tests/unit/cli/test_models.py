"""Rules of the decision, as they are given on the command line."""

import pytest

from kws.cli.models import parse_rules
from kws.config import DecisionConfig
from kws.errors import ConfigError
from tests.tiny_model import tiny_spec

SPEC = tiny_spec(keywords=("on", "off"), decision={"on": DecisionConfig(threshold=0.9, refractory_s=2.0)})


def rule(word, thresholds=(), patience=(), refractory=(), index=0, n_models=1):
    return parse_rules(thresholds, patience, refractory, n_models).applied(SPEC, index).decision_of(word)


def test_nothing_is_changed_unasked():
    assert rule("on") == DecisionConfig(threshold=0.9, refractory_s=2.0)
    assert rule("off") == DecisionConfig()


def test_for_all_and_for_one_keyword():
    assert rule("on", ["0.3"]).threshold == rule("off", ["0.3"]).threshold == 0.3
    assert rule("on", ["0.3", "off=0.4"]).threshold == 0.3 and rule("off", ["off=0.4", "0.3"]).threshold == 0.4
    assert rule("on", patience=["3"], refractory=["off=5"]) == DecisionConfig(0.9, patience_steps=3, refractory_s=2.0)
    assert rule("off", patience=["3"], refractory=["off=5"]) == DecisionConfig(patience_steps=3, refractory_s=5.0)


def test_thresholds_in_the_order_of_the_models():
    assert [rule("on", ["0.3", "0.4"], index=index, n_models=2).threshold for index in (0, 1)] == [0.3, 0.4]
    assert [rule("on", ["0.3"], index=index, n_models=2).threshold for index in (0, 1)] == [0.3, 0.3]


def test_words_of_other_models_are_left_to_them():
    assert rule("on", ["stop=0.3"]).threshold == 0.9


def test_a_word_may_hold_an_equals_sign():
    spec = tiny_spec(keywords=("a=b",), decision={})
    assert parse_rules(["a=b=0.3"], [], [], 1).applied(spec, 0).decision_of("a=b").threshold == 0.3


@pytest.mark.parametrize(
    ("arguments", "expected"),
    [
        ((["0.3", "0.4", "0.5"], [], [], 2), "--threshold was given 3 times for 2 models; accepted is 1 or 2"),
        ((["x"], [], [], 1), "--threshold 'x' is not a number; accepted is VALUE or WORD=VALUE"),
        ((["on="], [], [], 1), "--threshold '' is not a number"),
        ((["nan"], [], [], 1), "threshold is nan"),
        (([], ["2.5"], [], 1), "--patience '2.5' is not a whole number"),
        (([], ["0"], [], 1), "patience_steps is 0; accepted are numbers from 1 to 1000"),
        (([], [], ["on=61"], 1), "refractory_s is 61.0"),
        (([], ["2", "3"], [], 1), "--patience was given twice for all keywords"),
    ],
)
def test_bad_rules(arguments, expected):
    with pytest.raises(ConfigError, match=expected.replace("(", r"\(")):
        parse_rules(*arguments)
