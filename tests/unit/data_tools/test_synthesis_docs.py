"""The page on synthesis shows code that runs."""

from __future__ import annotations

import re
from pathlib import Path

import numpy as np

from kws.audio import write_audio

PAGE = Path(__file__).resolve().parents[3] / "docs" / "synthesis.md"


def test_the_snippets_run_in_order(tmp_path, monkeypatch):
    rng = np.random.default_rng(0)
    for folder in ("clips/computer", "clips/other", "noise", "talk"):
        (tmp_path / folder).mkdir(parents=True)
        write_audio(tmp_path / folder / "1.wav", (rng.standard_normal(16_000) * 0.1).astype(np.float32))
    monkeypatch.chdir(tmp_path)
    snippets = re.findall(r"```python\n(.*?)```", PAGE.read_text(encoding="utf-8"), re.DOTALL)
    names: dict[str, object] = {}
    for snippet in snippets:
        exec(compile(snippet, str(PAGE), "exec"), names)
    assert len(snippets) == 4
    stream = names["stream"]
    assert stream.samples.shape == (48_000,)
    assert stream.step_labels(["computer"], 160, label_s=0.4).shape == (300, 1)
    plain, dask = (tmp_path / folder for folder in ("streams", "streams-dask"))
    assert len(list(plain.glob("*.flac"))) == 40
    assert {p.name: p.read_bytes() for p in plain.iterdir()} == {p.name: p.read_bytes() for p in dask.iterdir()}
