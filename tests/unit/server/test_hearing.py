import numpy as np
import pytest

from kws.errors import AudioError, ConfigError
from kws.runtime import Detector
from kws.server import Catalogue
from kws.server.hearing import Heard, Hearing, PcmFormat
from tests.tiny_model import bursts, write_tiny_model

PLAIN = PcmFormat(16_000, 2, 1)


@pytest.fixture
def path(tmp_path):
    return write_tiny_model(tmp_path / "tiny.onnx")


@pytest.fixture
def catalogue(path):
    return Catalogue([path])


@pytest.fixture
def expected_ms(path):
    detector = Detector.open(path)
    return [round(1000 * event.time_s) for event in detector.process(bursts()) + detector.flush()]


def all_heard(hearing, samples, chunk_samples, pcm=PLAIN, timestamps=lambda start_ms: start_ms) -> list[Heard]:
    found = []
    for start in range(0, len(samples), chunk_samples):
        timestamp_ms = timestamps(round(1000 * start / pcm.rate_hz))
        for heard in hearing.process(samples[start : start + chunk_samples].tobytes(), pcm, timestamp_ms):
            found += heard
    return found + hearing.finish()


@pytest.mark.parametrize("chunk_samples", [1, 333, 1280, 16_001, 1_000_000])
def test_any_chunks(catalogue, expected_ms, chunk_samples):
    # One sample at a time is slow: the first burst is enough.
    samples = bursts()[: 20_000 if chunk_samples == 1 else None]
    heard = all_heard(Hearing(catalogue, catalogue.take()), samples, chunk_samples)
    assert [word.name for word in heard] == ["loud"] * len(heard)
    tolerance_ms = 1  # timestamps of chunks are whole milliseconds
    assert len(heard) == (1 if chunk_samples == 1 else 2)
    assert all(abs(word.timestamp_ms - ms) <= tolerance_ms for word, ms in zip(heard, expected_ms, strict=False))


def test_long_chunks_are_worked_on_in_pieces(catalogue):
    pieces = list(Hearing(catalogue, catalogue.take()).process(bursts().tobytes(), PLAIN, 0))
    assert [len(heard) for heard in pieces] == [0, 1, 0, 1, 0]


def test_clock_of_the_client(catalogue, expected_ms):
    def at(timestamps, start_ms=0):
        heard = all_heard(Hearing(catalogue, catalogue.take(), start_ms), bursts(), 1600, timestamps=timestamps)
        return [word.timestamp_ms for word in heard]

    assert at(lambda ms: ms + 77_000) == [ms + 77_000 for ms in expected_ms]
    assert at(lambda _: None) == expected_ms
    assert at(lambda _: None, start_ms=500) == [ms + 500 for ms in expected_ms]
    # A clock that jumps between the words, and one that stands still: the chunk's time and the way into it.
    assert at(lambda ms: ms if ms < 2000 else ms + 9000) == [expected_ms[0], expected_ms[1] + 9000]
    assert at(lambda _: 0) == [(ms - 1) % 100 + 1 for ms in expected_ms]


def test_a_word_at_the_very_end(catalogue):
    """What waits for the rest of its 80 ms is decided when the stream ends."""
    n_samples = round(1.08 * 16_000)
    assert n_samples % 1280 == 640
    hearing = Hearing(catalogue, catalogue.take())
    assert [heard for piece in hearing.process(bursts()[:n_samples].tobytes(), PLAIN, 0) for heard in piece] == []
    assert hearing.finish() == [Heard("loud", 1080)]


@pytest.mark.parametrize("width_bytes", [1, 2, 3, 4])
def test_widths(catalogue, width_bytes):
    whole = bursts().astype(np.int64) << 16 >> (32 - 8 * width_bytes)
    stored = whole + 128 if width_bytes == 1 else whole
    data = stored.astype("<i8")[:, None].view(np.uint8)[:, :width_bytes]
    heard = all_heard(Hearing(catalogue, catalogue.take()), data, 1280, PcmFormat(16_000, width_bytes, 1))
    assert [word.timestamp_ms // 1000 for word in heard] == [1, 3]


def test_channels_are_mixed(catalogue, expected_ms):
    samples = bursts()
    both = np.stack([samples, samples, samples], axis=1)
    opposite = np.stack([samples, -samples], axis=1)
    heard = all_heard(Hearing(catalogue, catalogue.take()), both, 1600, PcmFormat(16_000, 2, 3))
    assert [word.timestamp_ms for word in heard] == expected_ms
    assert all_heard(Hearing(catalogue, catalogue.take()), opposite, 1600, PcmFormat(16_000, 2, 2)) == []


@pytest.mark.parametrize("rate_hz", [8000, 11_025, 48_000])
def test_rates(catalogue, expected_ms, rate_hz):
    """The burst is where it was in time, whatever the resampler holds back."""
    times_s = np.arange(5 * rate_hz) / rate_hz
    is_loud = (times_s % 2 >= 1.0) & (times_s % 2 < 1.5) & (times_s < 3.5)
    noise = np.random.default_rng(0).normal(0, 3000, len(times_s))
    samples = np.where(is_loud, np.clip(noise, -32768, 32767), 0).astype(np.int16)
    heard = all_heard(Hearing(catalogue, catalogue.take()), samples, rate_hz // 100, PcmFormat(rate_hz, 2, 1))
    assert [word.timestamp_ms for word in heard] == pytest.approx(expected_ms, abs=41)


def test_silence_and_nothing(catalogue):
    hearing = Hearing(catalogue, catalogue.take())
    assert hearing.finish() == []
    assert list(Hearing(catalogue, catalogue.take()).process(b"", PLAIN, None)) == []


@pytest.mark.parametrize(
    ("figures", "expected"),
    [
        ((None, 2, 1), "rate is None"),
        ((999, 2, 1), "rate is 999"),
        ((16_000.0, 2, 1), "whole numbers"),
        ((True, 2, 1), "rate is True"),
        ((16_000, 0, 1), "width is 0"),
        ((16_000, 5, 1), "width is 5"),
        ((16_000, 2, 65), "channels is 65"),
        ((16_000, 2, "1"), "channels is '1'"),
        ((10**30, 2, 1), "rate is 1000"),
    ],
)
def test_formats_that_are_refused(figures, expected):
    with pytest.raises(ConfigError, match=expected):
        PcmFormat(*figures)


def test_chunks_that_are_refused(catalogue):
    hearing = Hearing(catalogue, catalogue.take())
    with pytest.raises(AudioError, match="3 bytes; accepted are multiples of 2"):
        list(hearing.process(b"abc", PLAIN, None))
    with pytest.raises(AudioError, match="8000 Hz, 16 bits, 1 channels; accepted is one format"):
        list(hearing.process(b"ab", PcmFormat(8000, 2, 1), None))
