"""The ring between callback and detector: order, dropping the oldest, counts."""

import threading

import numpy as np

from kws.runtime.sources.ring import FrameRing


def frames(first: int, n: int) -> bytes:
    return np.arange(first, first + n, dtype="<i2").tobytes()


def test_what_is_written_is_read_in_order():
    ring = FrameRing(10, 2)
    ring.write(frames(0, 4))
    ring.write(frames(4, 3))
    assert ring.read() == [(0, 0, frames(0, 7))]
    assert ring.read() == []
    # Round the end of the memory.
    ring.write(frames(7, 6))
    assert ring.read() == [(0, 7, frames(7, 6))]
    assert ring.n_written == 13


def test_the_oldest_are_dropped_and_counted():
    ring = FrameRing(10, 2)
    for first in range(0, 25, 5):
        ring.write(frames(first, 5))
    assert ring.read() == [(15, 15, frames(15, 10))]


def test_gaps_cut_what_is_read():
    ring = FrameRing(10, 2)
    ring.write(frames(0, 3))
    ring.write(frames(3, 2), lost_before=7)
    ring.write(frames(5, 1))
    assert ring.read() == [(0, 0, frames(0, 3)), (7, 3, frames(3, 3))]


def test_a_gap_before_anything_was_read_and_one_in_what_was_dropped():
    ring = FrameRing(4, 2)
    ring.write(frames(0, 2), lost_before=5)
    assert ring.read() == [(5, 0, frames(0, 2))]
    ring.write(frames(2, 3), lost_before=9)
    ring.write(frames(5, 3))
    assert ring.read() == [(2 + 9, 4, frames(4, 4))]


def test_frames_of_several_channels():
    ring = FrameRing(4, 4)
    ring.write(frames(0, 6))
    assert ring.read() == [(0, 0, frames(0, 6))]


def test_waiting():
    ring = FrameRing(4, 2)
    assert not ring.has_frames(0.01)
    threading.Timer(0.05, ring.write, [frames(0, 1)]).start()
    assert ring.has_frames(10)
    ring.read()
    assert not ring.has_frames(0.01)


def test_two_threads():
    ring = FrameRing(100_000, 2)
    writer = threading.Thread(target=lambda: [ring.write(frames(i * 7 % 30_000, 7)) for i in range(5000)])
    writer.start()
    data, position = b"", 0
    while position < 35_000:
        for lost, first, piece in ring.read():
            assert (lost, first) == (0, position)
            position += len(piece) // 2
            data += piece
    writer.join()
    assert data == b"".join(frames(i * 7 % 30_000, 7) for i in range(5000))


def test_a_reader_that_is_not_to_be_woken_for_every_piece():
    ring = FrameRing(10, 2)
    ring.collect(3)
    ring.write(frames(0, 2))
    assert not ring.has_frames(0.01)
    ring.write(frames(2, 2))
    assert ring.has_frames(0.01)
    assert ring.read() == [(0, 0, frames(0, 4))]
    ring.collect(1)
    ring.write(frames(4, 1))
    assert ring.has_frames(0.01)
