"""Clips: what is heard, and what is seen."""

import base64
import io

import numpy as np
import pytest
import soundfile
from matplotlib import image

from kws.evaluate.report.clips import AFTER_S, BEFORE_S, Clip, cut, score_points
from kws.evaluate.results import Trial


def trial(audio_s: float) -> Trial:
    return Trial("t", "clean", "word", np.arange(round(audio_s * 16_000), dtype=np.float32) / 1e6)


def decoded(uri: str) -> tuple[str, bytes]:
    head, data = uri.split(",", 1)
    return head, base64.b64decode(data, validate=True)


@pytest.mark.parametrize(
    ("audio_s", "time_s", "start_s", "end_s"),
    [(10.0, 5.0, 5.0 - BEFORE_S, 5.0 + AFTER_S), (10.0, 1.0, 0.0, 1.0 + AFTER_S), (4.0, 3.5, 3.5 - BEFORE_S, 4.0)],
)
def test_a_few_seconds_around(audio_s, time_s, start_s, end_s):
    clip = cut(trial(audio_s), time_s)
    assert clip.start_s == pytest.approx(start_s) and clip.audio_s == pytest.approx(end_s - start_s)
    assert clip.samples[0] == pytest.approx(start_s * 16_000 / 1e6)
    assert clip.place(time_s) == pytest.approx((time_s - start_s) / (end_s - start_s))


def test_a_time_beyond_the_audio_still_has_a_clip():
    assert len(cut(trial(1.0), 99.0).samples) == 1


def test_audio_is_that_of_the_clip():
    tone = (0.3 * np.sin(2 * np.pi * 500 * np.arange(32_000) / 16_000)).astype(np.float32)
    head, data = decoded(Clip(tone, 0.0).audio_uri())
    samples, rate_hz = soundfile.read(io.BytesIO(data))
    assert (head, rate_hz, len(samples)) == ("data:audio/mpeg;base64", 16_000, 32_000)
    assert np.argmax(np.abs(np.fft.rfft(samples))) == 1000


def test_spectrogram_has_the_tone_where_it_belongs():
    # 6 kHz of 8: a quarter from the top.
    tone = (0.3 * np.sin(2 * np.pi * 6000 * np.arange(16_000) / 16_000)).astype(np.float32)
    head, data = decoded(Clip(tone, 0.0).spectrogram_uri())
    brightness = image.imread(io.BytesIO(data), format="png")[..., :3].sum(axis=2).mean(axis=1)
    assert head == "data:image/png;base64"
    assert np.argmax(brightness) / len(brightness) == pytest.approx(0.25, abs=0.03)


@pytest.mark.parametrize("n", [1, 100, 511])
def test_short_clips_and_silence_have_a_picture(n):
    assert decoded(Clip(np.zeros(n, np.float32), 0.0).spectrogram_uri())[1].startswith(b"\x89PNG")


def test_points_of_the_score():
    # Steps are known at 0.5, 1.0, 1.5 and 2.0 s; the clip is the second from 0.5 to 1.5 s.
    clip = Clip(np.zeros(16_000, np.float32), 0.5)
    assert score_points([0.1, 0.25, 1.0, 0.3], 0.5, clip) == "0.0,90.0 50.0,75.0 100.0,0.0"
