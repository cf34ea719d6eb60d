"""The audio behind the page: bytes of a WAV that is never made as a whole, and one pass for the overview."""

import hashlib
import io
import wave
from pathlib import Path

import numpy as np
import pytest
import soundfile

from data_tools.label.sound import N_PEAKS, WavView, read_stretch, scan, sound_info
from kws.errors import AudioError


@pytest.fixture
def ramp(tmp_path: Path) -> Path:
    """A tenth of a second of stereo at 8 kHz whose mean counts its samples."""
    count = np.arange(800, dtype=np.int16)
    soundfile.write(tmp_path / "ramp.flac", np.stack([2 * count, np.zeros_like(count)], axis=1), 8000)
    return tmp_path / "ramp.flac"


def test_a_stretch_is_a_wav_that_others_read(ramp: Path) -> None:
    view = WavView(ramp, 0.05, 0.06)
    whole = view.read(0, view.n_bytes)
    assert len(whole) == view.n_bytes == 44 + 2 * 80
    with wave.open(io.BytesIO(whole)) as file:
        assert (file.getframerate(), file.getnchannels(), file.getnframes()) == (8000, 1, 80)
        assert np.frombuffer(file.readframes(80), "<i2").tolist() == list(range(400, 480))


@pytest.mark.parametrize(
    ("start", "end"), [(0, 10), (10, 44), (40, 47), (44, 46), (45, 48), (100, 204), (203, 204), (0, 204)]
)
def test_any_range_is_that_part_of_the_whole(ramp: Path, start: int, end: int) -> None:
    view = WavView(ramp, 0.05, 0.06)
    assert view.read(start, end) == view.read(0, view.n_bytes)[start:end]


def test_the_whole_file_is_the_default_and_times_past_the_end_are_refused(ramp: Path) -> None:
    assert WavView(ramp).n_bytes == 44 + 1600
    assert WavView(ramp, 0.0, 99.0).n_bytes == 44 + 1600
    with pytest.raises(AudioError, match=r"has 0.100 s; accepted are stretches inside, not 0.2 s on"):
        WavView(ramp, 0.2)


def test_a_pass_gives_checksum_and_peaks(tmp_path: Path) -> None:
    pcm = np.zeros(N_PEAKS * 3 - 1, np.int16)
    pcm[[0, 7, -1]] = 32767, -16384, 8192
    soundfile.write(tmp_path / "a.wav", pcm, 16_000)
    shares: list[float] = []
    found = scan(tmp_path / "a.wav", shares.append)
    assert found.sha1 == hashlib.sha1(pcm.tobytes()).hexdigest()
    assert len(found.peaks) == N_PEAKS
    assert found.peaks[[0, 1, 2, -1]].tolist() == [255, 0, 128, 64]
    assert shares[-1] == 1.0


def test_six_hours_are_read_in_little_memory(tmp_path: Path) -> None:
    path = tmp_path / "long.wav"
    n_frames = 6 * 3600 * 1000
    # A file of holes: its zeros take no space on disk.
    with wave.open(str(path), "wb") as file:
        file.setnchannels(1)
        file.setsampwidth(2)
        file.setframerate(1000)
        file.writeframes(b"")
    header = bytearray(path.read_bytes())
    header[4:8] = (36 + 2 * n_frames).to_bytes(4, "little")
    header[40:44] = (2 * n_frames).to_bytes(4, "little")
    with path.open("wb") as raw:
        raw.write(header)
        raw.truncate(44 + 2 * n_frames)
    assert sound_info(path).duration_s == 6 * 3600
    assert len(scan(path).peaks) == N_PEAKS
    assert len(WavView(path, 21_000, 21_001).read(0, 5000)) == 44 + 2000


def test_what_cannot_be_read_is_one_line(tmp_path: Path, ramp: Path) -> None:
    (tmp_path / "text.wav").write_text("no audio at all")
    with pytest.raises(AudioError, match="not readable as audio"):
        sound_info(tmp_path / "text.wav")
    (tmp_path / "empty.wav").touch()
    with pytest.raises(AudioError, match="is an empty file"):
        sound_info(tmp_path / "empty.wav")
    soundfile.write(tmp_path / "none.wav", np.zeros(0), 16_000)
    with pytest.raises(AudioError, match="holds no samples"):
        sound_info(tmp_path / "none.wav")
    view = WavView(ramp)
    ramp.unlink()
    with pytest.raises(AudioError, match=r"ramp.flac: no such file"):
        view.read(0, 100)
    with pytest.raises(AudioError, match=r"ramp.flac: no such file"):
        read_stretch(ramp, 0.0, 0.1)


def test_a_damaged_recording_is_told(tmp_path: Path) -> None:
    noise = np.random.default_rng(0).integers(-3000, 3000, 40_000).astype(np.int16)
    soundfile.write(tmp_path / "a.flac", noise, 16_000)
    whole = (tmp_path / "a.flac").read_bytes()
    (tmp_path / "a.flac").write_bytes(whole[: len(whole) // 2])
    with pytest.raises(AudioError, match=r"a.flac: is (damaged|truncated)"):
        scan(tmp_path / "a.flac")
