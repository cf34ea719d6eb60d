import pytest

from tests.tiny_model import write_tiny_model


@pytest.fixture
def model_path(tmp_path):
    """The tiny model as a file."""
    return write_tiny_model(tmp_path / "tiny.onnx")
