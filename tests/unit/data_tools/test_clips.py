"""Folders of clips: every format to int16 at 16 kHz, and one clear line for what cannot be read."""

from __future__ import annotations

import subprocess
import sys

import numpy as np
import pytest
import soundfile

from data_tools.synthesize import clips
from data_tools.synthesize.clips import find_clips, load_folders, read_clip, to_pydub
from kws.audio import write_audio
from kws.errors import AudioError, DataError, MissingPackageError

SECOND = 16_000


def tone(n_samples: int = SECOND, rate_hz: int = 16_000) -> np.ndarray:
    return (0.5 * np.sin(2 * np.pi * 440 * np.arange(n_samples) / rate_hz)).astype(np.float32)


def test_folders_are_read_in_order_of_path_as_int16(tmp_path):
    (tmp_path / "b" / "deep").mkdir(parents=True)
    write_audio(tmp_path / "b" / "deep" / "1.wav", tone(300))
    write_audio(tmp_path / "b" / "0.FLAC", tone(200))
    (tmp_path / "b" / "notes.txt").write_text("no audio")
    (tmp_path / "a").mkdir()
    soundfile.write(tmp_path / "a" / "stereo.ogg", np.stack([tone(44_100, 44_100)] * 2, axis=1), 44_100)
    loaded = load_folders([tmp_path / "b", tmp_path / "a"])
    assert [clip.dtype for clip in loaded] == [np.int16] * 3
    assert [len(clip) for clip in loaded[:2]] == [200, 300]
    assert len(loaded[2]) == pytest.approx(SECOND, abs=20)
    assert np.abs(loaded[2]).max() == pytest.approx(16_384, rel=0.05)


def test_missing_and_empty_folders_are_named(tmp_path):
    with pytest.raises(DataError, match="nowhere: no such folder"):
        find_clips(tmp_path / "nowhere")
    with pytest.raises(DataError, match="holds no audio; accepted are .*wav"):
        find_clips(tmp_path)
    (tmp_path / "broken.wav").write_bytes(b"RIFFnothing")
    with pytest.raises(AudioError, match=r"broken\.wav: not readable as audio"):
        load_folders([tmp_path])


@pytest.mark.parametrize("suffix", [".m4a", ".mp3"])
def test_what_phones_write_is_read_through_ffmpeg(tmp_path, suffix):
    soundfile.write(tmp_path / "x.wav", tone(48_000, 48_000), 48_000)
    path = tmp_path / f"x{suffix}"
    subprocess.run(["ffmpeg", "-loglevel", "error", "-i", tmp_path / "x.wav", path], check=True)
    audio = read_clip(path)
    # Coders add up to a tenth of a second of padding.
    assert SECOND <= len(audio) <= SECOND + 2400
    spectrum = np.abs(np.fft.rfft(audio[4000:12_000]))
    assert np.argmax(spectrum) == pytest.approx(440 * 8000 / SECOND, abs=1)
    assert np.abs(audio[4000:12_000]).max() == pytest.approx(0.5, rel=0.1)


def test_a_damaged_file_without_ffmpeg_and_without_pydub_are_one_line_each(tmp_path, monkeypatch):
    path = tmp_path / "x.m4a"
    path.write_bytes(b"no audio at all")
    with pytest.raises(AudioError, match=r"x\.m4a: not readable as audio") as error:
        read_clip(path)
    assert "\n" not in str(error.value)
    with pytest.raises(AudioError, match="not readable|no such file"):
        read_clip(tmp_path / "missing.m4a")
    monkeypatch.setattr(clips.shutil, "which", lambda name: None)
    with pytest.raises(AudioError, match=r"x\.m4a: the ffmpeg program is needed"):
        read_clip(path)
    monkeypatch.setitem(sys.modules, "pydub.exceptions", None)
    with pytest.raises(MissingPackageError, match=r"pydub is needed to read \.m4a files.*\[data\]"):
        read_clip(path)


def test_samples_can_be_played_through_pydub():
    segment = to_pydub(tone(8000))
    assert (segment.frame_rate, segment.channels, len(segment)) == (16_000, 1, 500)
    np.testing.assert_allclose(np.array(segment.get_array_of_samples()) / 32768, tone(8000), atol=1e-4)
