"""Audio from a pipe."""

import io
import struct

import numpy as np
import pytest
import soundfile

from kws.errors import AudioError, SourceError
from kws.runtime.sources import SourceOptions
from kws.runtime.sources.stdin import StdinSource

SAMPLES = (8000 * np.sin(np.arange(16_000) / 10)).astype(np.int16)


def heard(data: bytes, **options) -> np.ndarray:
    source = StdinSource("-", SourceOptions(**options), io.BytesIO(data))
    return np.concatenate([block.samples for block in source], axis=1)


def wav(samples=SAMPLES, rate_hz=16_000, subtype="PCM_16") -> bytes:
    buffer = io.BytesIO()
    soundfile.write(buffer, samples, rate_hz, format="WAV", subtype=subtype)
    return buffer.getvalue()


def with_data_bytes(data: bytes, n_bytes: int) -> bytes:
    at = data.index(b"data") + 4
    return data[:at] + struct.pack("<I", n_bytes) + data[at + 4 :]


def test_raw():
    assert np.array_equal(heard(SAMPLES.tobytes())[0], SAMPLES / np.float32(32768))


def test_raw_of_another_rate():
    assert heard(SAMPLES.tobytes(), raw_rate_hz=8000).shape[1] == pytest.approx(32_000, abs=1)


def test_half_a_sample_at_the_end_is_left_out():
    assert heard(SAMPLES.tobytes()[:-1]).shape[1] == 15_999


@pytest.mark.parametrize("subtype", ["PCM_U8", "PCM_16", "PCM_24", "PCM_32", "FLOAT", "DOUBLE"])
def test_wav_of_any_width_is_decoded_as_libsndfile_does(subtype):
    data = wav(SAMPLES / 32768, subtype=subtype)
    expected = soundfile.read(io.BytesIO(data), dtype="float32")[0]
    assert np.allclose(heard(data)[0], expected, atol=1e-6)


def test_wav_of_many_channels_and_another_rate():
    data = wav(np.stack([SAMPLES, SAMPLES // 2], axis=1), 48_000)
    assert heard(data).shape == (2, pytest.approx(5333, abs=1))


@pytest.mark.parametrize("n_bytes", [0, 0x7FFFFFFF, 0xFFFFFFFF])
def test_wav_that_does_not_know_its_length_yet(n_bytes):
    assert np.array_equal(heard(with_data_bytes(wav(), n_bytes))[0], SAMPLES / np.float32(32768))


def test_chunks_around_the_audio():
    data = wav()
    at = data.index(b"data")
    # An odd chunk is padded; what follows the audio is no audio.
    around = data[:at] + b"LIST" + struct.pack("<I", 3) + b"abc\0" + data[at:] + b"LIST" + struct.pack("<I", 2) + b"ab"
    assert np.array_equal(heard(around)[0], SAMPLES / np.float32(32768))


@pytest.mark.parametrize(
    ("data", "expected"),
    [
        (b"", "holds no samples"),
        (b"x", "holds no samples"),
        (b"fLaC" + bytes(100), "is FLAC; accepted are raw 16-bit PCM and WAV"),
        (b"OggS" + bytes(100), "is OGG"),
        (wav()[:30], "ends inside the WAV header"),
        (wav()[:5000], "is truncated"),
        (wav(np.zeros(0, np.int16)), "holds no samples"),
        (wav(subtype="ULAW"), "accepted are PCM"),
        (b"RIFF\0\0\0\0AVI " + bytes(50), "is no WAV"),
        (b"RIFF\0\0\0\0WAVEdata\0\0\0\0", "states no format"),
        (b"RIFF\0\0\0\0WAVEjunk\xff\xff\xff\xff", "no audio in the first"),
        (b"RIFF\0\0\0\0WAVEfmt \x02\0\0\0ab", "header is damaged"),
    ],
)
def test_what_is_no_audio(data, expected):
    with pytest.raises(AudioError, match=expected) as error:
        heard(data)
    assert str(error.value).startswith("stdin: ")


def test_impossible_samples():
    samples = np.zeros(1000, np.float32)
    samples[500] = np.nan
    with pytest.raises(AudioError, match="stdin: samples hold NaN"):
        heard(wav(samples, subtype="FLOAT"))


@pytest.mark.parametrize(("replacement", "expected"), [(None, "stdin is closed"), ("terminal", "stdin is a terminal")])
def test_no_pipe(monkeypatch, replacement, expected):
    class Terminal:
        def isatty(self):
            return True

    monkeypatch.setattr("sys.stdin", Terminal() if replacement else None)
    with pytest.raises(SourceError, match=expected):
        StdinSource()
