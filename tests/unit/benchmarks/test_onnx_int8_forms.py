"""Integer arithmetic in ONNX, as the benchmark of forms writes it, against the float graph."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import onnx
import pytest

from benchmarks.onnx_int8_forms import UncheckedRunner, write_integers
from kws.errors import ModelFileError
from kws.graph import calibrate, run_graph, zero_states
from kws.models import PRESETS, build_model
from kws.runtime.onnx_runner import OnnxRunner
from kws.spec import ModelSpec


@pytest.mark.parametrize("preset", ["crnn", "tcn"])
@pytest.mark.parametrize("is_static", [True, False])
def test_it_computes_the_graph_in_whole_numbers(preset: str, is_static: bool, tmp_path: Path) -> None:
    graph = build_model(PRESETS[preset], 40, 1).eval().to_graph()
    spec = ModelSpec("word", ("word",), model=PRESETS[preset], step_frames=graph.step_frames)
    x = np.random.default_rng(0).uniform(0, 8, (1, 30 * graph.step_frames, 40)).astype(np.float32)
    path = tmp_path / "integers.scan"
    write_integers(spec, graph, calibrate(graph, list(x)) if is_static else None, path)
    expected, _ = run_graph(graph, x, zero_states(graph))
    scores = UncheckedRunner(path).run(x)
    assert 0 < np.abs(scores - expected).max() < 0.03
    operations = {node.op_type for node in onnx.load(path).graph.node}
    assert "ConvInteger" in operations
    assert not operations & {"Conv", "MatMul", "GRU"}


def test_such_a_file_is_not_accepted_from_strangers(tmp_path: Path) -> None:
    graph = build_model(PRESETS["crnn"], 40, 1).eval().to_graph()
    write_integers(ModelSpec("w", ("w",), model=PRESETS["crnn"], step_frames=4), graph, None, tmp_path / "m.onnx")
    with pytest.raises(ModelFileError, match="'Scan', which is not accepted|graphs"):
        OnnxRunner(tmp_path / "m.onnx")
