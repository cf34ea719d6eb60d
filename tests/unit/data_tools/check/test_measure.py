"""What is measured of one file, against numbers worked out by hand."""

import hashlib
from pathlib import Path

import numpy as np
import pytest
import soundfile

from data_tools.check.measure import measure_file, measure_files
from kws.errors import AudioError


def wav(path: Path, samples: np.ndarray, rate_hz: int = 16_000, subtype: str = "PCM_16") -> Path:
    soundfile.write(path, samples, rate_hz, subtype=subtype)
    return path


def sine(amplitude: float = 0.5, n_samples: int = 16_000, rate_hz: int = 16_000) -> np.ndarray:
    return amplitude * np.sin(2 * np.pi * 440 * np.arange(n_samples) / rate_hz)


def test_size_rate_and_encoding(tmp_path: Path) -> None:
    found = measure_file(wav(tmp_path / "x.wav", np.stack([sine(), sine()], axis=1)[:8000], 8000, "PCM_24"))
    assert (found.rate_hz, found.n_channels, found.n_samples, found.encoding) == (8000, 2, 8000, "PCM_24")
    assert found.duration_s == 1.0
    assert found.channel_correlation == pytest.approx(1.0)


def test_levels(tmp_path: Path) -> None:
    found = measure_file(wav(tmp_path / "x.wav", sine(0.5) + 0.1))
    assert found.peak == pytest.approx(0.6, abs=1e-3)
    assert found.dc == pytest.approx(0.1, abs=1e-3)
    assert found.rms_dbfs == pytest.approx(10 * np.log10(0.5**2 / 2 + 0.01), abs=0.01)
    # The offset is no sound.
    assert found.level_dbfs == pytest.approx(20 * np.log10(0.5 / 2**0.5), abs=0.2)
    assert found.levels_db.shape == (100,)
    assert np.allclose(found.levels_db[5:-5], -9.03, atol=0.6)


def test_flat_tops_are_counted(tmp_path: Path) -> None:
    samples = np.zeros(1000)
    # Four and three samples at the top, five at the bottom; two in a row are no flat top.
    samples[100:104] = samples[200:203] = 0.999
    samples[300:305] = -0.999
    samples[400:402] = 0.999
    found = measure_file(wav(tmp_path / "x.wav", samples))
    assert (found.clipped_runs, found.clipped_samples) == (3, 12)
    assert measure_file(wav(tmp_path / "y.wav", sine(0.99))).clipped_runs == 0
    # Clipped, then turned down.
    assert measure_file(wav(tmp_path / "z.wav", 0.6 * np.clip(sine(3.0), -1, 1))).clipped_runs > 100


def test_dropouts_are_zeros_between_loud_edges(tmp_path: Path) -> None:
    cut = sine()
    cut[5000:5800] = 0.0
    assert measure_file(wav(tmp_path / "x.wav", cut)).dropout_s == pytest.approx(0.05, abs=0.001)
    # A pause that fades is none, nor is silence at the ends.
    faded = sine() * np.concatenate([np.zeros(2000), np.linspace(1, 0, 4000) ** 4, np.zeros(4000), np.ones(6000)])
    assert measure_file(wav(tmp_path / "y.wav", faded)).dropout_s == 0.0


def test_sha1_is_that_of_the_samples(tmp_path: Path) -> None:
    pcm = np.arange(-500, 500, dtype=np.int16)
    expected = hashlib.sha1(pcm.tobytes()).hexdigest()
    for name in ("x.wav", "x.flac"):
        assert measure_file(wav(tmp_path / name, pcm)).sha1 == expected
    assert measure_file(tmp_path / "x.wav").n_values == 1000


def test_channels(tmp_path: Path) -> None:
    found = measure_file(wav(tmp_path / "x.wav", np.stack([sine(0.5), -sine(0.25)], axis=1)))
    assert found.channel_rms == pytest.approx((0.5 / 2**0.5, 0.25 / 2**0.5), abs=1e-3)
    assert found.channel_correlation == pytest.approx(-1.0, abs=1e-3)
    assert measure_file(wav(tmp_path / "y.wav", sine())).channel_correlation == 0.0


def test_a_wrong_scale_is_kept_as_the_peak_and_measured_as_if_right(tmp_path: Path) -> None:
    found = measure_file(wav(tmp_path / "x.wav", 32768 * sine(0.5), subtype="FLOAT"))
    assert found.peak == pytest.approx(16_384, rel=1e-3)
    assert found.level_dbfs == pytest.approx(-9.03, abs=0.3)
    holed = sine()
    holed[7] = np.inf
    assert measure_file(wav(tmp_path / "y.wav", holed, subtype="FLOAT")).peak == np.inf


@pytest.mark.parametrize("n_samples", [1, 100, 1000])
def test_very_short_files_are_measured(tmp_path: Path, n_samples: int) -> None:
    found = measure_file(wav(tmp_path / "x.wav", np.full(n_samples, 0.1)))
    assert found.n_samples == n_samples and np.isfinite(found.floor_dbfs)


def test_files_that_cannot_be_measured_say_why(tmp_path: Path) -> None:
    (tmp_path / "empty.wav").write_bytes(b"")
    (tmp_path / "text.wav").write_text("words")
    wav(tmp_path / "none.wav", np.zeros(0))
    wav(tmp_path / "good.wav", sine())
    paths = {path.name: path for path in sorted(tmp_path.iterdir())}
    measures, failures = measure_files(paths)
    assert list(measures) == ["good.wav"]
    assert list(failures) == ["empty.wav", "none.wav", "text.wav"]
    assert failures["empty.wav"].startswith("is an empty file") and failures["none.wav"] == "holds no samples"
    with pytest.raises(AudioError, match="no such file"):
        measure_file(tmp_path / "gone.wav")


def test_processes_measure_the_same_in_order(tmp_path: Path) -> None:
    for number in range(60):
        wav(tmp_path / f"{number:02}.wav", sine(0.01 * (number + 1), 1600))
    (tmp_path / "33.wav").write_bytes(b"RIFF")
    paths = {path.name: path for path in sorted(tmp_path.iterdir())}
    calls: list[tuple[int, int]] = []
    together, failed = measure_files(paths, 2, lambda done, total: calls.append((done, total)))
    alone, also_failed = measure_files(paths)
    assert list(together) == list(alone) and failed == also_failed and list(failed) == ["33.wav"]
    assert all(together[name].sha1 == alone[name].sha1 for name in alone)
    assert calls == [(n, 60) for n in range(1, 61)]
