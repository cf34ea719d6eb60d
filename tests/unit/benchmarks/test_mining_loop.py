"""The loop's own parts: what is mined, the recipe with the clips, and figures counted by hand."""

from __future__ import annotations

from pathlib import Path

import numpy as np

from benchmarks.mining_loop import judge, mine, parse, table, training_files, write_recipe
from kws.audio import to_float32, write_audio
from kws.evaluate.recordings import Recording
from kws.evaluate.trials import Material, TrialSettings, make_trials
from kws.manifest import Manifest, write_manifest
from kws.train.recipe import load_recipe
from tests.tiny_model import bursts, tiny_spec, write_tiny_model

RECIPE = """
name = "loud"
[data]
root = "audio"
manifest = "manifest.csv"
negatives = ["speech"]
noise = ["noise"]
[data.weights]
"speech" = 2.0
[data.keywords]
loud = ["word"]
"""


def make_recipe(folder: Path) -> Path:
    rows = []
    for group, count in (("word", 10), ("speech", 4), ("noise", 4)):
        for index in range(count):
            path = folder / "audio" / group / f"{index}.flac"
            path.parent.mkdir(parents=True, exist_ok=True)
            write_audio(path, to_float32(bursts((1.0,), 3.0, seed=index)))
            rows.append(
                {
                    "path": f"{group}/{index}.flac",
                    "speaker": f"{group}{index}",
                    "split": "val" if index == 0 else "train",
                }
            )
    write_manifest(folder / "audio" / "manifest.csv", rows)
    (folder / "recipe.toml").write_text(RECIPE)
    return folder / "recipe.toml"


def test_only_the_training_side_is_mined_and_trained_with(tmp_path: Path) -> None:
    options = parse(["--recipe", str(make_recipe(tmp_path)), "--out", str(tmp_path / "out"), "--steps", "7"])
    recipe = load_recipe(options.recipe)
    files = training_files(recipe)
    assert [f"{path.parent.name}/{path.stem}" for path in files] == [
        f"{group}/{index}" for group in ("noise", "speech") for index in (1, 2, 3)
    ]
    mined = tmp_path / "out" / "mined"
    assert mine(write_tiny_model(tmp_path / "tiny.onnx"), recipe, mined, 0.1, 1) == {"false-accepts": 6}
    assert {row["split"] for row in Manifest(mined / "manifest.csv").rows} == {"train"}
    write_recipe(tmp_path / "out" / "after.toml", options, mined)
    after = load_recipe(tmp_path / "out" / "after.toml")
    assert after.data.negatives == ("speech", str(mined)) and after.training.steps == 7
    assert after.data.weights == {"speech": 2.0, str(mined): 3.0}
    # The clips of noise among them are negatives now; the noise stays as it was.
    assert len(training_files(after)) == 12


def test_figures_and_table(tmp_path: Path) -> None:
    model = write_tiny_model(tmp_path / "tiny.onnx", tiny_spec(training={"parameters": 1}))
    words = [Recording(str(i), g * to_float32(bursts((1.0,), 3.0))) for i, g in enumerate((1.0, 1.0, 0.001))]
    negatives = [
        Recording("talk", to_float32(bursts((2.0, 6.0), 36.0))),
        Recording("quiet", np.zeros(576_000, np.float32)),
    ]
    trials = make_trials(Material({"loud": words}, {"talk": negatives}), TrialSettings((), (), 0, 1))
    found = judge(model, trials, tmp_path / "one.json")
    (condition,) = found["words"]
    assert found["words"][condition] == 3 and found["own"][condition][:2] == [1, 3]
    assert found["own"]["negatives"][2] == 2 and found["hours"] == 0.02
    lines = list(table({"before": found, "after": judge(model, [], tmp_path / "one.json")}))
    assert lines[0] == "| | before | after |"
    assert f"| missed at it, {condition} | 1 of 3 | 1 of 3 |" in lines
    assert "| false accepts at it | 2 in 0.02 h | 2 in 0.02 h |" in lines
