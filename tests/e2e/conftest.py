import pytest
import soundfile

from tests.tiny_model import bursts, write_tiny_model


@pytest.fixture
def model(tmp_path):
    """The tiny model as a file."""
    return write_tiny_model(tmp_path / "tiny.onnx")


@pytest.fixture
def recording(tmp_path):
    """Five seconds in which the tiny model hears two words."""
    soundfile.write(tmp_path / "talk.wav", bursts(), 16_000)
    return tmp_path / "talk.wav"
