"""What the plot window is told and what it makes of it; the window itself is in tests/e2e."""

import io
import json
import os
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest

from kws.config import SAMPLE_RATE_HZ, DecisionConfig
from kws.errors import ConfigError, MissingPackageError
from kws.runtime import Event
from kws.runtime.sinks import Status, Summary, plot, plot_window
from kws.runtime.sinks.plot import PlotSink
from kws.runtime.sinks.plot_messages import Audio, Curve, Hello, Marker, Scores, pack, read_messages
from kws.runtime.sinks.plot_track import BANDS, Track
from tests.tiny_model import tiny_spec

ROOT = Path(__file__).resolve().parent.parent.parent.parent
HELLO = Hello("talk", 2.0, ((Curve("loud", 0.5), Curve("soft", 0.25)),), (640,))

# A window that says it is open and copies what it is told to a file.
RECORDER = "import sys; print('{}', flush=True); open(sys.argv[1], 'wb').write(sys.stdin.buffer.read())"
# One that says it is open and never reads.
DEAF = "import sys, time; print('{}', flush=True); time.sleep(600)"


class FakeWindow:
    """Starts a Python program in place of the window."""

    def __init__(self, monkeypatch, program, *arguments):
        self.command = [sys.executable, "-c", program, *arguments]
        monkeypatch.setattr(plot, "_start", self.start)

    def start(self):
        self.process = subprocess.Popen(self.command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, bufsize=0)
        return self.process


def tone(hz):
    """Return a second of a tone of full scale as int16, shape (1, N)."""
    samples = np.sin(2 * np.pi * hz * np.arange(SAMPLE_RATE_HZ) / SAMPLE_RATE_HZ)
    return np.round(32767 * samples).astype(np.int16)[np.newaxis]


def test_messages_survive_the_pipe_in_any_pieces():
    class Trickle(io.BytesIO):
        def read(self, size=-1):
            return super().read(min(size, 3))

    audio = Audio(1280, np.arange(20, dtype=np.int16).reshape(2, 10))
    scores = Scores(640, 1, np.array([[0.25, 0.5]], np.float32))
    marker = Marker(1.5, "loud", 0.75)
    data = b"".join(map(pack, (HELLO, audio, scores, marker)))
    hello, got_audio, got_scores, got_marker = read_messages(Trickle(data))
    assert (hello, got_marker) == (HELLO, marker)
    assert (got_audio.end, got_scores.end, got_scores.model) == (1280, 640, 1)
    np.testing.assert_array_equal(got_audio.samples, audio.samples)
    np.testing.assert_array_equal(got_scores.scores, scores.scores)


@pytest.mark.parametrize("n_bytes", [1, 3, 5, 30])
def test_messages_end_where_the_pipe_breaks(n_bytes):
    marker = pack(Marker(1.5, "loud", 0.75))
    assert list(read_messages(io.BytesIO(marker + marker[:n_bytes]))) == [Marker(1.5, "loud", 0.75)]


def test_message_of_absurd_length_ends_the_reading():
    assert list(read_messages(io.BytesIO(b"M\xff\xff\xff\xff" + b"x" * 100))) == []


def test_spectrogram_scrolls_and_shows_a_tone_in_its_band():
    track = Track(HELLO)
    assert track.spectrogram_db.shape == (BANDS.n_bands, 100)
    track.take(Audio(SAMPLE_RATE_HZ, tone(1000)))
    picture = track.spectrogram_db
    assert np.isnan(picture[:, :50]).all()
    assert np.isfinite(picture[:, 50:]).all()
    band = int(np.argmax(picture[:, 75]))
    track.take(Audio(3 * SAMPLE_RATE_HZ, np.zeros((1, 2 * SAMPLE_RATE_HZ), np.int16)))
    assert track.spectrogram_db.shape == (BANDS.n_bands, 100)
    # But for the first columns, whose windows reach back into the tone.
    assert track.spectrogram_db[band, 2:].max() < picture[band, 75] - 60
    track.take(Audio(4 * SAMPLE_RATE_HZ, tone(4000)))
    assert int(np.argmax(track.spectrogram_db[:, 75])) > band


def test_spectrogram_is_the_mean_power_of_the_channels():
    one, two = Track(HELLO), Track(HELLO)
    one.take(Audio(SAMPLE_RATE_HZ, tone(1000)))
    two.take(Audio(SAMPLE_RATE_HZ, np.concatenate([tone(1000), np.zeros((1, SAMPLE_RATE_HZ), np.int16)])))
    difference_db = (one.spectrogram_db - two.spectrogram_db)[:, 60:]
    assert difference_db.max() == pytest.approx(10 * np.log10(2), abs=0.01)


def test_what_was_lost_is_left_empty():
    track = Track(HELLO)
    sound = np.full((1, 1280), 1000, np.int16)
    track.take(Audio(1280, sound))
    # 0.8 s later: 40 columns from end to end, 4 of them heard.
    track.take(Audio(1280 + 12800, sound))
    empty = np.isnan(track.spectrogram_db).all(axis=0)
    assert empty.tolist() == [True] * 56 + [False] * 4 + [True] * 36 + [False] * 4
    track.take(Audio(10**9, sound))
    assert np.isnan(track.spectrogram_db).all(axis=0).tolist() == [True] * 96 + [False] * 4


def test_blocks_of_odd_sizes_make_the_same_picture():
    whole, cut = Track(HELLO), Track(HELLO)
    sound = tone(500)
    whole.take(Audio(SAMPLE_RATE_HZ, sound))
    for start in range(0, SAMPLE_RATE_HZ, 777):
        piece = sound[:, start : start + 777]
        cut.take(Audio(start + piece.shape[1], piece))
    np.testing.assert_allclose(cut.spectrogram_db, whole.spectrogram_db, atol=1e-3)


def test_curve_has_a_time_for_each_score_and_forgets():
    track = Track(HELLO)
    assert [array.shape for array in track.curve(0)] == [(0,), (0, 2)]
    track.take(Audio(3200, np.zeros((1, 3200), np.int16)))
    track.take(Scores(2560, 0, np.array([[0.1, 0.2], [0.3, 0.4]], np.float32)))
    times_s, scores = track.curve(0)
    assert times_s == pytest.approx([-0.08, -0.04])
    assert scores == pytest.approx(np.array([[0.1, 0.2], [0.3, 0.4]]))
    track.take(Audio(3200 + 48000, np.zeros((1, 48000), np.int16)))
    track.take(Scores(51200, 0, np.array([[0.5, 0.6]], np.float32)))
    assert track.curve(0)[0] == pytest.approx([0.0])


def test_no_line_is_drawn_where_the_model_heard_nothing():
    track = Track(HELLO)
    track.take(Audio(16_000, np.zeros((1, 16_000), np.int16)))
    for end, score in ((8000, 0.9), (12_000, 0.1), (16_000, 0.2)):
        track.take(Scores(end, 0, np.full((1, 2), score, np.float32)))
    times_s, scores = track.curve(0)
    assert np.isnan(times_s).tolist() == [False, True, False, True, False] and np.isnan(scores[1]).all()
    assert scores[[0, 2, 4], 0] == pytest.approx([0.9, 0.1, 0.2])


def test_one_mark_a_word_and_only_while_it_is_seen():
    track = Track(HELLO)
    for marker in (Marker(0.5, "loud", 0.9), Marker(0.5, "loud", 0.8), Marker(0.5, "soft", 0.8), Marker(1, "loud", 1)):
        track.take(marker)
    assert [(marker.time_s, marker.keyword) for marker in track.markers] == [(0.5, "loud"), (0.5, "soft"), (1, "loud")]
    track.take(Audio(45000, np.zeros((1, 45000), np.int16)))
    assert [marker.time_s for marker in track.markers] == [1]


def test_sink_tells_everything_in_order(monkeypatch, tmp_path):
    window = FakeWindow(monkeypatch, RECORDER, str(tmp_path / "told"))
    rule = DecisionConfig(threshold=0.5, smoothing_steps=2)
    sink = PlotSink([tiny_spec(decision={"loud": rule})], "talk.wav", seconds=5.0)
    sink.audio(np.full((2, 1280), 0.5, np.float32))
    sink.scores(np.array([[[0.2], [0.4]], [[0.6], [0.0]]], np.float32), "tiny")
    sink.event(Event("loud", 0.08, 0.75, 1), "tiny")
    sink.status(Status())
    sink.audio(np.zeros((2, 0), np.float32))
    sink.status(Status())
    sink.end(Summary(0.08, 0))
    assert window.process.returncode == 0
    hello, audio, marker, scores = read_messages(io.BytesIO((tmp_path / "told").read_bytes()))
    assert hello == Hello("talk.wav", 5.0, ((Curve("loud", 0.5),),), (640,))
    assert (audio.end, audio.samples.shape, audio.samples[1, 7]) == (1280, (2, 1280), 16384)
    assert scores.end == 1280
    assert scores.scores == pytest.approx(np.array([[0.3], [0.3]]))
    assert marker == Marker(0.08, "loud", 0.75)


@pytest.mark.parametrize(
    ("told", "ends"),
    [
        # Blocks of the model's own size.
        ([(1280, 1), (1280, 1), (1280, 1)], [1280, 2560, 3840]),
        # Larger ones, of which the model leaves a rest.
        ([(4000, 3), (4000, 3), (4000, 3)], [3840, 7680, 11520]),
        # Nothing is scored while the gate is closed; as it opens, the audio before is scored too.
        ([(1280, 1), (64000, 0), (1280, 4), (1280, 1)], [1280, 66560, 67840]),
    ],
)
def test_scores_follow_each_other_and_the_audio(monkeypatch, tmp_path, told, ends):
    FakeWindow(monkeypatch, RECORDER, str(tmp_path / "told"))
    sink = PlotSink([tiny_spec()], "talk.wav")
    for n_samples, n_blocks in told:
        sink.audio(np.zeros((1, n_samples), np.float32))
        for _ in range(n_blocks):
            sink.scores(np.zeros((1, 2, 1), np.float32), "tiny")
        sink.status(Status())
    sink.end(Summary(0.0, 0))
    messages = list(read_messages(io.BytesIO((tmp_path / "told").read_bytes())))
    scores = [message for message in messages if isinstance(message, Scores)]
    assert [message.end for message in scores] == ends
    assert [len(message.scores) for message in scores] == [2 * n_blocks for _, n_blocks in told if n_blocks]


def test_window_that_does_not_read_costs_messages_not_memory_or_time(monkeypatch, caplog):
    window = FakeWindow(monkeypatch, DEAF)
    sink = PlotSink([tiny_spec()], "talk.wav")
    # Without a limit this would be 160 MB; with a pipe that blocks it would never end.
    for _ in range(2000):
        sink.audio(np.zeros((4, 10_000), np.float32))
    assert sink._window._waiting.qsize() <= 256
    sink.end(Summary(0.0, 0))
    assert window.process.returncode != 0
    assert caplog.text == ""


def test_window_that_dies_is_one_log_line(monkeypatch, caplog):
    window = FakeWindow(monkeypatch, DEAF)
    sink = PlotSink([tiny_spec()], "talk.wav")
    window.process.kill()
    window.process.wait()
    for _ in range(1000):
        sink.audio(np.zeros((1, 1280), np.float32))
        sink.event(Event("loud", 1.0, 0.5, 0), "tiny")
    sink._window._writer.join(30)
    sink.audio(np.zeros((1, 1280), np.float32))
    sink.abort()
    assert [record.getMessage() for record in caplog.records] == [
        "the plot window is closed; detection goes on without it"
    ]


@pytest.mark.parametrize(
    ("program", "error", "message"),
    [
        ("import sys; sys.exit(3)", ConfigError, "--plot: no window can be opened: its process ended at once"),
        ("""print('{"error": "no display"}')""", ConfigError, "--plot: no window can be opened: no display"),
        ("""print('{"missing": "matplotlib"}')""", MissingPackageError, r"matplotlib is needed .*\[plot\]"),
    ],
)
def test_window_that_cannot_open_is_one_line(monkeypatch, caplog, program, error, message):
    window = FakeWindow(monkeypatch, program)
    with pytest.raises(error, match=message):
        PlotSink([tiny_spec()], "talk.wav")
    assert window.process.returncode is not None
    assert caplog.text == ""


def test_seconds_are_checked_before_anything_starts():
    with pytest.raises(ConfigError, match=r"seconds is 0\.5"):
        PlotSink([tiny_spec()], "talk.wav", seconds=0.5)


def answer_of(*messages, **changes):
    """Return what the real window's process answers where it cannot open a window."""
    environment = {**os.environ, "MPLBACKEND": "svg", **changes}
    command = [sys.executable, "-m", plot_window.__name__]
    finished = subprocess.run(
        command, cwd=ROOT, env=environment, input=b"".join(map(pack, messages)), capture_output=True
    )
    assert finished.stderr == b""
    return json.loads(finished.stdout)


def test_backend_without_windows():
    assert "shows no windows here (its backend is svg)" in answer_of(HELLO)["error"]


def test_matplotlib_missing(tmp_path):
    (tmp_path / "matplotlib.py").write_text("raise ImportError('not here')")
    assert answer_of(HELLO, PYTHONPATH=str(tmp_path)) == {"missing": "matplotlib"}


def test_messages_that_do_not_begin_with_what_to_show():
    assert answer_of(Marker(1.0, "loud", 0.5)) == answer_of()
    assert answer_of() == {"error": "the messages do not begin with what to show"}
