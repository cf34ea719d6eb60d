"""What the server needs before it serves; the rest is in tests/e2e/serve."""

import subprocess
import sys

import pytest

from kws.config import FrontEndConfig
from kws.errors import ConfigError, MissingPackageError
from kws.server import Address, Catalogue, WakeWord, WyomingServer
from kws.server.info import describe
from tests.tiny_model import tiny_spec, write_tiny_model


@pytest.fixture
def catalogue(tmp_path):
    return Catalogue([write_tiny_model(tmp_path / "tiny.onnx")])


def test_without_the_package(catalogue, monkeypatch):
    monkeypatch.setitem(sys.modules, "wyoming.server", None)
    with pytest.raises(MissingPackageError, match=r"wyoming is needed to serve wake words.*\[wyoming\]"):
        WyomingServer(catalogue, Address(), "1.0")


@pytest.mark.parametrize("max_clients", [0, 10_001])
def test_number_of_clients(catalogue, max_clients):
    with pytest.raises(ConfigError, match="max_clients is"):
        WyomingServer(catalogue, Address(), "1.0", max_clients=max_clients)


def test_importing_the_package_loads_neither_wyoming_nor_torch():
    code = "import sys, kws.server; print({'wyoming', 'zeroconf', 'torch', 'onnxruntime'} & set(sys.modules))"
    assert subprocess.run([sys.executable, "-c", code], capture_output=True, text=True).stdout == "set()\n"


@pytest.mark.parametrize(
    ("training", "languages", "version"),
    [
        ({}, ["en"], None),
        ({"languages": ["de", "tr"], "toolkit": "0.2.0"}, ["de", "tr"], "0.2.0"),
        ({"languages": "de", "toolkit": 2}, ["en"], None),
        ({"languages": []}, ["en"], None),
    ],
)
def test_what_a_model_states_about_itself(training, languages, version):
    spec = tiny_spec(training=training, front_end=FrontEndConfig(n_bands=10))
    (model,) = describe([WakeWord("loud", "loud", spec)], "1.0").wake[0].models
    assert (model.languages, model.version) == (languages, version)
    assert (model.name, model.phrase, model.description) == ("loud", "loud", "loud (tiny)")
