"""Files of every kind that people have, and damaged ones."""

import numpy as np
import pytest
import soundfile

from kws.audio import read_audio
from kws.errors import AudioError
from kws.runtime.sources import SourceOptions, open_source
from kws.runtime.sources.file import FileSource


def tone(rate_hz: int, n_channels: int = 1, duration_s: float = 1.0, hz: float = 400.0) -> np.ndarray:
    time_s = np.arange(round(rate_hz * duration_s)) / rate_hz
    gains = np.linspace(0.6, 0.2, n_channels)
    return np.sin(2 * np.pi * hz * time_s)[:, None] * gains


def heard(path, **options) -> np.ndarray:
    with FileSource(path, SourceOptions(**options)) as source:
        return np.concatenate([block.samples for block in source], axis=1)


@pytest.mark.parametrize("rate_hz", [8000, 11_025, 16_000, 22_050, 44_100, 48_000, 96_000])
def test_any_rate_becomes_16_khz(tmp_path, rate_hz):
    soundfile.write(tmp_path / "a.wav", tone(rate_hz), rate_hz, subtype="FLOAT")
    samples = heard(tmp_path / "a.wav")[0]
    assert len(samples) == pytest.approx(16_000, abs=1)
    middle = slice(2000, 14_000)
    assert np.allclose(samples[middle], tone(16_000)[middle, 0], atol=0.01)
    # As when the whole file is read at once.
    whole = read_audio(tmp_path / "a.wav")
    n = min(len(whole), len(samples))
    assert np.allclose(samples[:n], whole[:n], atol=1e-4)


@pytest.mark.parametrize("subtype", ["PCM_U8", "PCM_16", "PCM_24", "PCM_32", "FLOAT", "DOUBLE"])
def test_any_width(tmp_path, subtype):
    soundfile.write(tmp_path / "a.wav", tone(16_000), 16_000, subtype=subtype)
    assert np.allclose(heard(tmp_path / "a.wav")[0], tone(16_000)[:, 0], atol=0.01)


@pytest.mark.parametrize("n_channels", [1, 2, 8])
@pytest.mark.parametrize("rate_hz", [16_000, 48_000])
def test_channels_are_kept(tmp_path, n_channels, rate_hz):
    soundfile.write(tmp_path / "a.flac", tone(rate_hz, n_channels), rate_hz)
    kept = heard(tmp_path / "a.flac")
    assert kept.shape[0] == n_channels
    assert np.allclose(kept[:, 5000:6000], tone(16_000, n_channels)[5000:6000].T, atol=0.01)


@pytest.mark.parametrize("rate_hz", [8000, 16_000, 96_000])
def test_one_sample_and_silence(tmp_path, rate_hz):
    soundfile.write(tmp_path / "one.wav", np.array([0.5]), rate_hz)
    with FileSource(tmp_path / "one.wav") as source:
        assert sum(block.samples.shape[1] for block in source) <= 2
    soundfile.write(tmp_path / "zero.wav", np.zeros(rate_hz), rate_hz)
    assert not heard(tmp_path / "zero.wav").any()


def test_long_file_is_read_in_pieces(tmp_path):
    samples = np.random.default_rng(0).normal(0, 0.1, 100_000).astype(np.float32)
    soundfile.write(tmp_path / "a.wav", samples, 16_000, subtype="FLOAT")
    with FileSource(tmp_path / "a.wav") as source:
        blocks = list(source)
    assert [block.start for block in blocks] == list(range(0, 100_000, 1280))
    assert np.array_equal(np.concatenate([block.samples for block in blocks], axis=1)[0], samples)


def message(path) -> str:
    with pytest.raises(AudioError) as error:
        heard(path)
    assert str(error.value).startswith(str(path)) and "\n" not in str(error.value)
    assert str(error.value).count(str(path)) == 1
    return str(error.value)


def test_missing_empty_directory_and_text(tmp_path):
    assert "no such file" in message(tmp_path / "none.wav")
    assert "is a directory" in message(tmp_path)
    (tmp_path / "empty.wav").touch()
    assert "is an empty file" in message(tmp_path / "empty.wav")
    (tmp_path / "text.wav").write_text("not audio at all\n" * 50)
    assert "not readable as audio" in message(tmp_path / "text.wav")


def test_no_samples(tmp_path):
    soundfile.write(tmp_path / "a.wav", np.zeros(0), 16_000)
    assert "holds no samples" in message(tmp_path / "a.wav")


@pytest.mark.parametrize("suffix", ["wav", "flac"])
def test_truncated(tmp_path, suffix):
    path = tmp_path / f"a.{suffix}"
    soundfile.write(path, np.random.default_rng(0).normal(0, 0.1, 80_000), 16_000)
    whole = path.read_bytes()
    for n_bytes in (len(whole) // 2, len(whole) - 3000):
        path.write_bytes(whole[:n_bytes])
        assert "truncated" in message(path) or "damaged" in message(path)
    path.write_bytes(whole[:20])
    message(path)


def test_unknown_length_of_a_stream_is_accepted(tmp_path):
    path = tmp_path / "a.wav"
    soundfile.write(path, tone(16_000), 16_000)
    data = bytearray(path.read_bytes())
    at = data.index(b"data") + 4
    data[at : at + 4] = b"\xff\xff\xff\xff"
    path.write_bytes(data)
    assert heard(path).shape == (1, 16_000)


@pytest.mark.parametrize("value", [np.nan, np.inf, -np.inf])
def test_impossible_samples(tmp_path, value):
    samples = tone(16_000, 2).astype(np.float32)
    samples[9000, 1] = value
    soundfile.write(tmp_path / "a.wav", samples, 16_000, subtype="FLOAT")
    assert "NaN or infinity" in message(tmp_path / "a.wav")


def test_address_chooses_the_source(tmp_path):
    soundfile.write(tmp_path / "a.wav", tone(16_000), 16_000)
    assert isinstance(open_source(str(tmp_path / "a.wav")), FileSource)
