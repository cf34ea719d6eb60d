"""Mining at a microphone: only finds are on disk, at once; a gap begins anew; an interrupt loses nothing."""

from __future__ import annotations

import datetime
import time
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


def test_what_was_heard_is_kept_when_the_microphone_goes(model: Path, tmp_path: Path) -> None:
    kept: list[int] = []

    def unplugged():
        # The burst is just over, and what belongs around it has not been heard.
        yield from blocks(1.0, duration_s=1.6)
        yield AudioBlock(np.zeros((2, 0), np.float32), round(1.6 * 16_000), notice="the device is gone")
        kept.append(len(list(tmp_path.rglob("*.flac"))))
        yield from blocks(1.0, lost=16_000, first=round(2.6 * 16_000))

    notices: list[str] = []
    result = mine(model, tmp_path, unplugged(), on_notice=notices.append)
    assert notices == ["the device is gone"] and kept == [1]
    first, second = Manifest(tmp_path / "manifest.csv").rows
    assert float(first["duration_s"]) == pytest.approx(1.6)
    assert result.n_events == 2 and first["path"] != second["path"]


def test_its_time_passes_without_a_microphone_too(model: Path, tmp_path: Path) -> None:
    beats = iter([AudioBlock(np.zeros((2, 0), np.float32), 0)] * 1000)

    def gone():
        for beat in beats:
            time.sleep(0.02)
            yield beat

    assert mine(model, tmp_path, gone(), max_s=0.1).audio_s == 0.0
    assert len(list(beats)) > 500
    with pytest.raises(ConfigError, match="max-seconds"):
        mine(model, tmp_path, [], max_s=0.0)


def test_the_end_is_told_and_an_interrupt_while_a_clip_is_written_loses_nothing(
    model: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    keep, calls, ends = MinedFolder.keep, [], []

    def interrupted(self: MinedFolder, *arguments):
        row = keep(self, *arguments)
        calls.append(row)
        if len(calls) == 1:
            raise KeyboardInterrupt
        return row

    monkeypatch.setattr(MinedFolder, "keep", interrupted)
    with pytest.raises(KeyboardInterrupt):
        mine(model, tmp_path, blocks(4.0), on_end=ends.append)
    assert calls[0] == calls[1] and len(calls) == 2
    assert [row["path"] for row in Manifest(tmp_path / "manifest.csv").rows] == [calls[0]["path"]]
    assert [result.rows for result in ends] == [(calls[0],)]


def test_it_may_end_before_the_first_audio(model: Path, tmp_path: Path) -> None:
    def nothing():
        yield AudioBlock(np.zeros((1, 0), np.float32), 0)
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        mine(model, tmp_path, nothing())
    assert Manifest(tmp_path / "manifest.csv").rows == []
