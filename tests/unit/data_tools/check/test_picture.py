"""Pictures are whole PNG files of what they were given."""

from pathlib import Path

import numpy as np
import pytest

from data_tools.check.batch import BatchView
from data_tools.check.examples import example_clips
from data_tools.check.listing import list_folder
from data_tools.check.picture import ClipView, draw_batch, draw_clips
from kws.errors import DataError
from tests.planted import utterance, write


def batch(n_streams: int = 3, with_words: bool = True) -> BatchView:
    rng = np.random.default_rng(0)
    labels = np.zeros((n_streams, 50, 2), np.float32)
    labels[:, 20:28, 0] = with_words
    windows = labels.astype(np.int8)
    windows[:, 28:34, 0] = -1
    return BatchView(rng.random((n_streams, 200, 40), np.float32), windows, labels, ("up", "down"), 2.0)


def png_size(path: Path) -> tuple[int, int]:
    data = path.read_bytes()
    assert data.startswith(b"\x89PNG\r\n\x1a\n") and data.endswith(b"IEND\xaeB`\x82")
    return int.from_bytes(data[16:20], "big"), int.from_bytes(data[20:24], "big")


def test_a_batch_grows_by_its_streams(tmp_path: Path) -> None:
    draw_batch(tmp_path / "one.png", batch(), 1)
    draw_batch(tmp_path / "three.png", batch(), 8)
    assert png_size(tmp_path / "one.png") == (1100, 260)
    assert png_size(tmp_path / "three.png") == (1100, 780)
    assert sorted(path.name for path in tmp_path.iterdir()) == ["one.png", "three.png"]


def test_a_batch_without_words_is_drawn(tmp_path: Path) -> None:
    draw_batch(tmp_path / "x.png", batch(with_words=False))
    assert png_size(tmp_path / "x.png") == (1100, 780)


def test_clips_are_drawn_two_in_a_row(tmp_path: Path) -> None:
    clip = ClipView("up: a.wav", utterance(np.random.default_rng(0)), (0.4, 1.0), [(0.3, 0.9)])
    draw_clips(tmp_path / "x.png", [clip, ClipView("short", np.zeros(10, np.float32), (0.0, 0.0)), clip])
    assert png_size(tmp_path / "x.png") == (1100, 440)


def test_a_place_that_cannot_be_written_is_one_line(tmp_path: Path) -> None:
    with pytest.raises(DataError, match="cannot be written"):
        draw_batch(tmp_path / "nowhere" / "x.png", batch())


def test_examples_are_of_each_class_in_turn(tmp_path: Path) -> None:
    rng = np.random.default_rng(0)
    for name in ("up/1.wav", "up/2.wav", "up/3.wav", "down/1.wav", "noise/1.wav", "rir/1.wav"):
        write(tmp_path / name, utterance(rng))
    (tmp_path / "down" / "0.wav").write_bytes(b"")
    (tmp_path / "manifest.csv").write_text("path,label,kw_start_s,kw_end_s\nup/2.wav,up,0.5,0.75\n")
    views = example_clips(list_folder(tmp_path), 4)
    assert [view.title for view in views] == ["up: up/1.wav", "noise: noise/1.wav", "down: down/1.wav", "up: up/2.wav"]
    assert views[3].labels_s == [(0.5, 0.75)]
    start_s, end_s = views[0].active_s
    assert start_s == pytest.approx(0.4, abs=0.06) and 0.8 < end_s < 1.2


def test_no_example_can_be_read(tmp_path: Path) -> None:
    (tmp_path / "a.wav").write_bytes(b"")
    with pytest.raises(DataError, match="no clip can be read"):
        example_clips(list_folder(tmp_path))
