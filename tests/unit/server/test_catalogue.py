import dataclasses

import numpy as np
import pytest

from kws.errors import ConfigError, ModelFileError
from kws.server import Catalogue
from tests.tiny_model import bursts, tiny_spec, write_tiny_model


@pytest.fixture
def path(tmp_path):
    return write_tiny_model(tmp_path / "tiny.onnx")


@pytest.fixture
def catalogue(tmp_path, path):
    """Three models: "loud" of tiny, "loud" and "hey you" of other, "stop" of third."""
    paths = [path]
    for name, keywords in (("other", ("loud", "hey you")), ("third", ("stop",))):
        paths.append(write_tiny_model(tmp_path / f"{name}.onnx", tiny_spec(name=name, keywords=keywords, decision={})))
    return Catalogue(paths)


def test_names(catalogue):
    assert [word.name for word in catalogue.words] == ["loud (tiny)", "loud (other)", "hey you", "stop"]
    assert [word.keyword for word in catalogue.words] == ["loud", "loud", "hey you", "stop"]
    assert catalogue.name_of(1, "loud") == "loud (other)"


@pytest.mark.parametrize(
    ("asked", "chosen"),
    [
        (None, {"loud (tiny)", "loud (other)", "hey you", "stop"}),
        ([], {"loud (tiny)", "loud (other)", "hey you", "stop"}),
        (["stop"], {"stop"}),
        (["STOP", "Hey_You"], {"stop", "hey you"}),
        (["loud"], {"loud (tiny)", "loud (other)"}),
        (["loud (other)"], {"loud (other)"}),
        (["alexa"], set()),
        (["alexa", "stop"], {"stop"}),
    ],
)
def test_choice(catalogue, asked, chosen, caplog):
    assert catalogue.choose(asked) == chosen
    assert ("'alexa'" in caplog.text) == ("alexa" in (asked or []))


def test_rules_are_changed(path):
    catalogue = Catalogue([path], lambda spec, index: spec.with_rule(threshold=0.25 + index))
    assert [detector.spec.decision_of("loud").threshold for detector in catalogue.take()] == [0.25]
    # A detector that is opened for another client has the same.
    assert [detector.spec.decision_of("loud").threshold for detector in catalogue.take()] == [0.25]
    assert catalogue.words[0].spec.decision_of("loud").threshold == 0.25


def test_detectors_of_two_clients_are_their_own(path):
    catalogue = Catalogue([path])
    (first,), (second,) = catalogue.take(), catalogue.take()
    assert first is not second
    events = first.process(bursts())
    assert len(events) == 2
    assert second.process(np.zeros(16_000, np.int16)) == []


def test_detectors_that_come_back_are_used_again_from_the_start(path):
    catalogue = Catalogue([path])
    taken = catalogue.take()
    events = taken[0].process(bursts())
    catalogue.give_back(taken)
    again = catalogue.take()
    assert again is taken
    assert again[0].process(bursts()) == events


def test_few_detectors_wait_for_the_next_client(path):
    catalogue = Catalogue([path])
    taken = [catalogue.take() for _ in range(20)]
    for detectors in taken:
        catalogue.give_back(detectors)
    kept = [catalogue.take() for _ in range(20)]
    assert sum(any(one is other for other in taken) for one in kept) == 8


def test_same_word_of_same_name(path):
    with pytest.raises(ConfigError, match=r"2 models are called 'loud \(tiny\)'"):
        Catalogue([path, path])


def test_another_model_in_place_of_the_first(path):
    catalogue = Catalogue([path])
    catalogue.take()
    write_tiny_model(path, dataclasses.replace(tiny_spec(), keywords=("other",), decision={}))
    with pytest.raises(ModelFileError, match="restart the server"):
        catalogue.take()


def test_no_such_model(tmp_path):
    with pytest.raises(ModelFileError, match=r"no.onnx"):
        Catalogue([tmp_path / "no.onnx"])
