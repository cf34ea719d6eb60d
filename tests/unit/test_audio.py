"""Audio in and out: formats, rates, channels, and everything that is no audio."""

from __future__ import annotations

import hashlib
import io
import struct
from pathlib import Path

import numpy as np
import pytest
import soundfile
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp

from kws.audio import (
    encode_for_browser,
    pcm16_sha1,
    read_audio,
    read_native,
    read_stretch,
    resample,
    to_float32,
    to_pcm16,
    write_audio,
)
from kws.errors import AudioError

RATE_HZ = 16_000


def tone(
    frequency_hz: float = 440.0, rate_hz: int = RATE_HZ, duration_s: float = 0.5, level: float = 0.5
) -> np.ndarray:
    return (level * np.sin(2 * np.pi * frequency_hz * np.arange(int(rate_hz * duration_s)) / rate_hz)).astype(
        np.float32
    )


# To and from float32


@given(hnp.arrays(np.int16, st.integers(0, 50)))
def test_int16_survives_both_ways(pcm: np.ndarray) -> None:
    floats = to_float32(pcm)
    assert floats.dtype == np.float32
    assert np.array_equal(to_pcm16(floats), pcm)


def test_one_scale() -> None:
    assert to_float32(np.array([-32768, 0, 16384, 32767], np.int16)).tolist() == [-1.0, 0.0, 0.5, 32767 / 32768]
    assert to_pcm16(np.array([-2.0, -1.0, 0.25, 1.0, 2.0])).tolist() == [-32768, -32768, 8192, 32767, 32767]


def test_rounds_to_the_nearest() -> None:
    assert to_pcm16(np.array([0.4, 0.6, -0.6]) / 32768).tolist() == [0, 1, -1]


@pytest.mark.parametrize("dtype", [np.float16, np.float32, np.float64])
@pytest.mark.parametrize("shape", [(0,), (1,), (7,), (1, 7), (8, 7), (64, 0)])
def test_floats_of_any_kind_become_float32(dtype: type, shape: tuple[int, ...]) -> None:
    result = to_float32(np.full(shape, 0.5, dtype))
    assert (result.dtype, result.shape) == (np.float32, shape)
    assert np.all(result == 0.5)


@pytest.mark.parametrize(
    ("samples", "message"),
    [
        (np.zeros((1, 2, 3)), r"shape \(1, 2, 3\); accepted are \(N,\) and \(C, N\)"),
        (np.float32(0.5), r"shape \(\)"),
        (np.zeros((65, 10)), "C from 1 to 64"),
        (np.zeros((0, 10)), "C from 1 to 64"),
        (np.zeros(3, np.int32), "are int32; accepted are int16 and float32"),
        (np.zeros(3, np.uint8), "are uint8"),
        (np.zeros(3, bool), "are bool"),
        (np.zeros(3, complex), "are complex128"),
        (["a", "b"], "accepted are int16 and float32"),
        ([0.0, float("nan")], "NaN or infinity"),
        ([0.0, float("inf")], "NaN or infinity"),
        ([0.0, -float("inf")], "NaN or infinity"),
        (np.array([1e300]), "NaN or infinity"),
        (np.array([100.0, -32768.0]), r"reach 32768; accepted is full scale 1.0 \(divide int16 values by 32768\)"),
    ],
)
@pytest.mark.filterwarnings("error")
def test_what_is_no_audio(samples: object, message: str) -> None:
    with pytest.raises(AudioError, match=message):
        to_float32(samples)  # type: ignore[arg-type]
    with pytest.raises(AudioError, match=message):
        to_pcm16(samples)  # type: ignore[arg-type]


# Files

SUBTYPES = {"PCM_U8": 1 / 128, "PCM_16": 1 / 32768, "PCM_24": 1e-6, "PCM_32": 1e-6, "FLOAT": 0.0, "DOUBLE": 0.0}


@pytest.mark.parametrize("subtype", SUBTYPES)
@pytest.mark.parametrize("n_channels", [1, 2, 8])
def test_bits_and_channels(tmp_path: Path, subtype: str, n_channels: int) -> None:
    path = tmp_path / "x.wav"
    rows = np.stack([tone(200.0 * (i + 1)) for i in range(n_channels)])
    soundfile.write(path, rows.T, RATE_HZ, subtype=subtype)
    kept = read_audio(path, mono=False)
    assert kept.shape == rows.shape
    assert np.abs(kept - rows).max() <= SUBTYPES[subtype]
    mixed = read_audio(path)
    assert (mixed.shape, mixed.dtype) == ((rows.shape[1],), np.float32)
    assert np.abs(mixed - rows.mean(axis=0)).max() <= SUBTYPES[subtype] + 1e-7


@pytest.mark.parametrize("rate_hz", [8000, 11025, 16000, 22050, 32000, 44100, 48000, 88200, 96000])
def test_rates(tmp_path: Path, rate_hz: int) -> None:
    path = tmp_path / "x.wav"
    soundfile.write(path, tone(rate_hz=rate_hz), rate_hz, subtype="FLOAT")
    samples = read_audio(path)
    assert abs(len(samples) - RATE_HZ // 2) <= 1
    # Away from the edges it is the same tone.
    middle = slice(1000, 7000)
    assert np.abs(samples[middle] - tone()[middle]).max() < 2e-3


def test_eight_channels_keep_their_order_through_resampling(tmp_path: Path) -> None:
    path = tmp_path / "x.wav"
    rows = np.stack([np.full(4800, 0.1 * i, np.float32) for i in range(8)])
    soundfile.write(path, rows.T, 48_000, subtype="FLOAT")
    samples = read_audio(path, mono=False)
    assert samples.flags.c_contiguous
    np.testing.assert_allclose(samples[:, 800], 0.1 * np.arange(8), atol=1e-3)


def test_resampling_folds_nothing_back(tmp_path: Path) -> None:
    high = tone(10_000.0, 48_000)
    assert np.abs(resample(high, 48_000, RATE_HZ)[500:-500]).max() < 1e-3


def test_resampling_of_nothing_and_to_the_same_rate() -> None:
    samples = tone()
    assert resample(samples, RATE_HZ, RATE_HZ) is samples
    assert resample(samples[:0], 48_000, RATE_HZ).shape == (0,)


@pytest.mark.parametrize("suffix", ["wav", "WAV", "flac"])
@pytest.mark.parametrize("shape", [(1,), (1000,), (2, 1000)])
def test_written_and_read_back(tmp_path: Path, suffix: str, shape: tuple[int, ...]) -> None:
    path = tmp_path / f"x.{suffix}"
    samples = to_float32(np.random.default_rng(0).integers(-32768, 32767, shape).astype(np.int16))
    write_audio(path, samples)
    assert np.array_equal(read_audio(path, mono=len(shape) == 1), samples)
    assert soundfile.info(path).subtype == "PCM_16"
    assert [p.name for p in tmp_path.iterdir()] == [path.name]


def test_silence_and_one_sample_are_audio(tmp_path: Path) -> None:
    for samples in (np.zeros(1000, np.float32), np.zeros(1, np.float32)):
        write_audio(tmp_path / "x.wav", samples)
        assert np.array_equal(read_audio(tmp_path / "x.wav"), samples)


@pytest.mark.parametrize("name", ["x.ogg", "x", "x.mp3", "wav"])
def test_other_suffixes_are_not_written(tmp_path: Path, name: str) -> None:
    with pytest.raises(AudioError, match="accepted suffixes for writing are .wav, .flac"):
        write_audio(tmp_path / name, tone())


def test_a_failed_write_leaves_the_old_file_and_nothing_else(tmp_path: Path) -> None:
    path = tmp_path / "x.wav"
    path.write_bytes(b"old")
    with pytest.raises(AudioError):
        write_audio(path, np.array([float("nan")]))
    with pytest.raises(AudioError, match="cannot be written"):
        write_audio(tmp_path / "x.flac", np.zeros((9, 100)))
    assert [p.name for p in tmp_path.iterdir()] == ["x.wav"]
    assert path.read_bytes() == b"old"


def test_a_place_that_is_no_folder(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("x")
    for place in (tmp_path / "none" / "x.wav", tmp_path / "file" / "x.wav"):
        with pytest.raises(AudioError, match="cannot be written"):
            write_audio(place, tone())


# Files that are wrong


def wav_bytes(
    rate_hz: int = RATE_HZ, n_samples: int = 100, stated_bytes: int | None = None, extra: bytes = b""
) -> bytes:
    stated = 2 * n_samples if stated_bytes is None else stated_bytes
    form = struct.pack("<4sIHHIIHH", b"fmt ", 16, 1, 1, rate_hz, 2 * rate_hz & 0xFFFFFFFF, 2, 16)
    body = b"WAVE" + form + extra + struct.pack("<4sI", b"data", stated) + b"\x01\x00" * n_samples
    return struct.pack("<4sI", b"RIFF", len(body) & 0xFFFFFFFF) + body


BAD = {
    "empty": (b"", "is an empty file"),
    "text": (b"this is no audio at all, but text", "not readable as audio"),
    "zeros": (bytes(1000), "not readable as audio"),
    "header only": (b"RIFF", "not readable as audio"),
    "half a header": (wav_bytes()[:30], "not readable as audio"),
    "no samples": (wav_bytes(n_samples=0), "holds no samples"),
    "half of the samples": (wav_bytes()[:-100], "is truncated, it holds 100 of 200 bytes of audio"),
    "one byte is missing": (wav_bytes()[:-1], "is truncated, it holds 199 of 200 bytes"),
    "truncated after a chunk of odd length": (
        wav_bytes(extra=struct.pack("<4sI", b"LIST", 3) + b"abc\0")[:-50],
        "is truncated, it holds 150 of 200",
    ),
    "rate of 0": (wav_bytes(rate_hz=0), "not readable as audio"),
    "rate of 1 Hz": (wav_bytes(rate_hz=1), "has 1 samples a second; accepted are 1000 to 768000"),
    "rate of 2 GHz": (wav_bytes(rate_hz=2_000_000_000), "accepted are 1000 to 768000|not readable"),
    "less than one sample at 16 kHz": (wav_bytes(rate_hz=96_000, n_samples=1), "holds no samples"),
}


@pytest.mark.parametrize("name", BAD)
@pytest.mark.parametrize("mono", [True, False])
def test_bad_files(tmp_path: Path, name: str, mono: bool) -> None:
    data, message = BAD[name]
    path = tmp_path / "bad.wav"
    path.write_bytes(data)
    with pytest.raises(AudioError, match=message) as caught:
        read_audio(path, mono=mono)
    assert str(caught.value).startswith(f"{path}: ")
    assert "\n" not in str(caught.value)


@pytest.mark.parametrize("stated_bytes", [0xFFFFFFFF, 0x7FFFFFFF, 0x7FFFF000])
def test_wav_whose_writer_did_not_know_the_length(tmp_path: Path, stated_bytes: int) -> None:
    path = tmp_path / "pipe.wav"
    path.write_bytes(wav_bytes(stated_bytes=stated_bytes))
    assert len(read_audio(path)) == 100


@pytest.mark.parametrize("share", [0.02, 0.3, 0.9])
def test_truncated_flac(tmp_path: Path, share: float) -> None:
    path = tmp_path / "x.flac"
    write_audio(path, 0.5 * np.random.default_rng(0).uniform(-1, 1, RATE_HZ))
    data = path.read_bytes()
    path.write_bytes(data[: int(share * len(data))])
    with pytest.raises(AudioError, match=r"x\.flac: not readable as audio"):
        read_audio(path)


@pytest.mark.parametrize("value", [float("nan"), float("inf"), -float("inf"), 40_000.0])
@pytest.mark.parametrize("subtype", ["FLOAT", "DOUBLE"])
@pytest.mark.parametrize("mono", [True, False])
@pytest.mark.filterwarnings("error")
def test_impossible_samples(tmp_path: Path, value: float, subtype: str, mono: bool) -> None:
    path = tmp_path / "x.wav"
    rows = np.zeros((100, 2))
    rows[50] = value, -value
    rows[51] = value, value
    soundfile.write(path, rows, RATE_HZ, subtype=subtype)
    with pytest.raises(AudioError, match=r"x\.wav: (samples hold NaN or infinity|float samples reach 40000)"):
        read_audio(path, mono=mono)


def test_missing_file_and_folder(tmp_path: Path) -> None:
    with pytest.raises(AudioError, match="none.wav: no such file"):
        read_audio(tmp_path / "none.wav")
    with pytest.raises(AudioError, match="is a directory; accepted is an audio file"):
        read_audio(tmp_path)


def test_raw_samples_have_no_header(tmp_path: Path) -> None:
    path = tmp_path / "x.raw"
    path.write_bytes(bytes(1000))
    with pytest.raises(AudioError, match="not readable as audio"):
        read_audio(path)


def test_more_channels_than_are_kept_can_still_be_mixed(tmp_path: Path) -> None:
    path = tmp_path / "x.wav"
    soundfile.write(path, np.full((100, 70), 0.25), RATE_HZ)
    assert np.all(read_audio(path) == 0.25)
    with pytest.raises(AudioError, match=r"x\.wav: .*C from 1 to 64"):
        read_audio(path, mono=False)


def test_a_file_is_read_as_it_is_stored(tmp_path):
    stereo = np.stack([np.arange(-400, 400), np.arange(800)]).astype(np.int16)
    soundfile.write(tmp_path / "x.wav", stereo.T, 8000)
    native = read_native(tmp_path / "x.wav")
    assert (native.rate_hz, native.encoding) == (8000, "PCM_16")
    assert np.array_equal(native.samples, stereo / np.float32(32768))


def test_the_scale_of_a_file_as_it_is_stored_is_not_judged(tmp_path):
    soundfile.write(tmp_path / "x.wav", np.array([20_000.0, np.nan], np.float32), 16_000, subtype="FLOAT")
    samples = read_native(tmp_path / "x.wav").samples
    assert samples[0, 0] == 20_000.0 and np.isnan(samples[0, 1])
    (tmp_path / "y.wav").write_bytes(b"")
    with pytest.raises(AudioError, match="empty file"):
        read_native(tmp_path / "y.wav")


@pytest.mark.parametrize(
    ("formats", "media_type", "largest_error"), [({"MP3": "", "WAV": ""}, "audio/mpeg", 0.05), ({}, "audio/wav", 1e-4)]
)
def test_audio_for_a_browser_decodes_to_what_it_was(monkeypatch, formats, media_type, largest_error) -> None:
    monkeypatch.setattr(soundfile, "available_formats", lambda: formats)
    samples = tone(duration_s=1.25)
    found, data = encode_for_browser(samples)
    decoded, rate_hz = soundfile.read(io.BytesIO(data), dtype="float32")
    assert (found, rate_hz, decoded.shape) == (media_type, RATE_HZ, samples.shape)
    # MP3 rings at both ends.
    assert np.abs(decoded - samples)[1000:-1000].max() < largest_error


def test_a_stretch_of_a_file_is_read_alone(tmp_path: Path) -> None:
    samples = np.arange(32_000, dtype=np.int16)
    soundfile.write(tmp_path / "a.wav", np.stack([samples, samples], 1), 16_000)
    np.testing.assert_array_equal(to_pcm16(read_stretch(tmp_path / "a.wav", 0.5, 1.25)), samples[8000:20_000])
    np.testing.assert_array_equal(to_pcm16(read_stretch(tmp_path / "a.wav", -1.0, 0.001)), samples[:16])
    np.testing.assert_array_equal(to_pcm16(read_stretch(tmp_path / "a.wav", 1.999, 9.0)), samples[-16:])
    with pytest.raises(AudioError, match="holds no samples"):
        read_stretch(tmp_path / "a.wav", 2.5, 3.0)


def test_the_sha1_is_that_of_the_samples() -> None:
    pcm = np.array([[1, -2, 3], [4, 5, -6]], np.int16)
    expected = hashlib.sha1(np.array([1, 4, -2, 5, 3, -6], "<i2").tobytes()).hexdigest()
    assert pcm16_sha1(pcm) == pcm16_sha1(pcm.astype(np.float32) / 32_768) == expected
