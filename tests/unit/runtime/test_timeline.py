"""From pieces of a device to blocks on one timeline."""

import numpy as np
import pytest

from kws.runtime.sources.capture import Piece
from kws.runtime.sources.timeline import Timeline


def piece(first: int, n: int, lost: int = 0, captured_s: float = 10.0, n_channels: int = 1) -> Piece:
    frames = np.repeat((np.arange(first, first + n) % 30_000).astype(np.int16)[:, None], n_channels, axis=1)
    return Piece(frames, first, lost, captured_s)


def places(blocks) -> list[tuple[int, int, int]]:
    return [(block.start, block.samples.shape[1], block.lost) for block in blocks]


def test_contiguous_pieces():
    line = Timeline(1)
    assert places(line.blocks(piece(0, 1280))) == [(0, 1280, 0)]
    (block,) = line.blocks(piece(1280, 1280))
    assert (block.start, block.lost, block.captured_s) == (1280, 0, 10.0)
    assert np.array_equal(block.samples[0] * 32768, np.arange(1280, 2560))
    assert line.end == 2560


def test_long_pieces_are_cut_and_say_when_each_part_was_captured():
    blocks = list(Timeline(1).blocks(piece(0, 20_000)))
    assert places(blocks) == [(0, 8000, 0), (8000, 8000, 0), (16_000, 4000, 0)]
    assert [block.captured_s for block in blocks] == pytest.approx([9.25, 9.75, 10.0])


def test_a_loss():
    line = Timeline(1)
    list(line.blocks(piece(0, 1000)))
    assert places(line.blocks(piece(1500, 1000, lost=500))) == [(1500, 1000, 500)]
    assert places(line.blocks(piece(2500, 1000))) == [(2500, 1000, 0)]


def test_a_loss_before_the_first_frame_is_no_part_of_the_timeline():
    assert places(Timeline(1).blocks(piece(500, 100, lost=500))) == [(500, 100, 500)]


def test_another_device_begins_where_the_clock_is():
    line = Timeline(1)
    list(line.blocks(piece(0, 1600, captured_s=10.0)))
    line.open(16_000)
    # Its first 1600 frames end at 12.1 s, so they begin 2 s after the last of the old device.
    assert places(line.blocks(piece(0, 1600, captured_s=12.1))) == [(1600 + 32_000, 1600, 32_000)]
    assert places(line.blocks(piece(1600, 1600, captured_s=12.2))) == [(35_200, 1600, 0)]


def test_other_rates_are_resampled_without_seams():
    tone = (8000 * np.sin(2 * np.pi * 400 * np.arange(48_000) / 48_000)).astype(np.int16)
    line = Timeline(1)
    line.open(48_000)
    blocks = [
        block
        for first in range(0, 48_000, 3840)
        for block in line.blocks(Piece(tone[first : first + 3840, None], first, 0, 1.0))
    ]
    samples = np.concatenate([block.samples for block in blocks], axis=1)[0]
    expected = 8000 / 32768 * np.sin(2 * np.pi * 400 * np.arange(len(samples)) / 16_000)
    assert 15_000 < len(samples) <= 16_000
    assert np.allclose(samples[2000:14_000], expected[2000:14_000], atol=2e-3)
    assert [block.lost for block in blocks] == [0] * len(blocks)


def test_times_after_a_loss_at_another_rate():
    line = Timeline(1)
    line.open(48_000)
    list(line.blocks(piece(0, 9600)))
    end = line.end
    (block,) = line.blocks(piece(9600 + 48_000, 9600, lost=48_000))
    # 1.2 s of the device have gone by: that is where the block begins.
    assert block.start == 19_200 and block.lost == 19_200 - end


@pytest.mark.parametrize(("found", "wanted"), [(1, 3), (3, 1), (2, 2)])
def test_a_device_with_another_number_of_channels(found, wanted):
    (block,) = Timeline(wanted).blocks(piece(1, 10, n_channels=found))
    assert block.samples.shape == (wanted, 10)
    assert np.count_nonzero(block.samples.any(axis=1)) == min(found, wanted)


def test_beats():
    line = Timeline(2)
    list(line.blocks(piece(0, 100, n_channels=2)))
    beat = line.beat("gone")
    assert beat.samples.shape == (2, 0) and (beat.start, beat.notice, beat.captured_s) == (100, "gone", None)
