"""Mining at a microphone: only finds are on disk, at once; a gap begins anew; an interrupt loses nothing."""

from __future__ import annotations

import datetime
from pathlib import Path

import numpy as np
import pytest

from kws.audio import to_float32
from kws.errors import ConfigError
from kws.evaluate.mining import MinedFolder, MiningSettings, mine_live
from kws.manifest import Manifest
from kws.runtime.sources import AudioBlock
from tests.tiny_model import bursts, write_tiny_model

BEGAN = datetime.datetime(2026, 5, 1, 12, 0, tzinfo=datetime.timezone.utc)


@pytest.fixture(scope="module")
def model(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return write_tiny_model(tmp_path_factory.mktemp("model") / "tiny.onnx")


def blocks(*starts_s: float, duration_s: float = 12.0, lost: int = 0, first: int = 0):
    stereo = np.stack([to_float32(bursts(starts_s, duration_s))] * 2)
    for start in range(0, stereo.shape[1], 1280):
        yield AudioBlock(stereo[:, start : start + 1280], first + start, lost if start == 0 else 0)


def mine(model: Path, out: Path, source, **options):
    settings = MiningSettings.of(model)
    folder = MinedFolder(out, settings)
    folder.claim()
    return mine_live(source, folder, settings, "microphone x", now=lambda: BEGAN, **options)


def test_only_what_scores_is_kept(model: Path, tmp_path: Path) -> None:
    told = []
    result = mine(model, tmp_path, blocks(4.0), on_find=lambda find, row: told.append(row))
    (row,) = Manifest(tmp_path / "manifest.csv").rows
    assert row["path"] == told[0]["path"] and row["mined_from"] == "microphone x"
    # The burst is at 4 s and the clip begins about two seconds before its end.
    assert row["recorded"] == "2026-05-01T12:00:02+00:00" and float(row["duration_s"]) == 3.0
    assert result.n_events == 1 and result.audio_s == pytest.approx(12.0)
    audio = [path for path in tmp_path.rglob("*") if path.suffix in (".flac", ".wav")]
    assert len(audio) == 1


def test_nothing_is_kept_of_silence(model: Path, tmp_path: Path) -> None:
    mine(model, tmp_path, blocks())
    names = {path.name for path in tmp_path.rglob("*") if path.is_file()}
    assert names == {"manifest.csv", "settings.json", "results.jsonl"}


def test_after_a_gap_times_go_on_and_an_interrupt_loses_nothing(model: Path, tmp_path: Path) -> None:
    def interrupted():
        yield from blocks(4.0)
        yield from blocks(4.0, lost=16_000 * 60, first=16_000 * 72)
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        mine(model, tmp_path, interrupted())
    first, second = sorted(float(row["time_s"]) for row in Manifest(tmp_path / "manifest.csv").rows)
    assert second - first == pytest.approx(72.0)
    # Another session adds to it.
    settings = MiningSettings.of(model)
    folder = MinedFolder(tmp_path, settings)
    folder.claim()
    mine_live(blocks(4.0), folder, settings)
    assert len(Manifest(tmp_path / "manifest.csv").rows) == 3


def test_it_ends_in_time_and_is_for_negatives(model: Path, tmp_path: Path) -> None:
    result = mine(model, tmp_path, blocks(duration_s=5.0), max_s=2.0)
    assert 2.0 <= result.audio_s < 2.1
    positive = MiningSettings.of(model, is_positive=True)
    with pytest.raises(ConfigError, match="positives are looked for in recordings"):
        mine_live([], MinedFolder(tmp_path, positive), positive)
