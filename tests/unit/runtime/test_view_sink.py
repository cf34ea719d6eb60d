"""The terminal display: what stands in its rows, and what it does to the terminal."""

import dataclasses
import io
import logging
import re
import time

import numpy as np
import pytest
from rich.cells import cell_len, set_cell_size
from rich.console import Console

from kws.config import DecisionConfig
from kws.errors import ConfigError
from kws.runtime import Event
from kws.runtime.sinks import Status, Summary
from kws.runtime.sinks.best_scores import BestScores
from kws.runtime.sinks.view import NoticeHandler, ViewSink
from kws.runtime.sinks.view_rows import ASCII_BARS, Bars, Gauge, Picture, draw_bar, lay_out, level_gauge, score_gauge
from tests.tiny_model import tiny_spec

HIDE_CURSOR, SHOW_CURSOR, CLEAR = "\x1b[?25l", "\x1b[?25h", "\x1b[2J"


class Clock:
    now_s = 100.0

    def __call__(self):
        return self.now_s


@pytest.fixture
def clock():
    return Clock()


def terminal(width=80, height=24, **options):
    return Console(file=io.StringIO(), force_terminal=True, color_system=None, width=width, height=height, **options)


def shown(console):
    """Return what was written since the last call."""
    text = console.file.getvalue()
    console.file.seek(0)
    console.file.truncate()
    return text


def open_view(clock, console, specs=None, **options):
    return ViewSink(specs or [tiny_spec()], "talk.wav", console, clock_s=clock, **options)


def picture(**changes):
    full = Picture(
        source="microphone",
        state="listening",
        time="00:01.00",
        channels=[level_gauge(0, -40.0, -60.0)],
        keywords=[score_gauge("loud", 0.25, 0.5)],
        events=["one", "two"],
        counters=[("2 detections", "label"), ("lost 7 samples", "warning")],
        notices=["the microphone is gone"],
    )
    return dataclasses.replace(full, **changes)


def texts(rows):
    return ["".join(text for text, _ in row) for row in rows]


@pytest.mark.parametrize(
    ("share", "mark", "expected"),
    [
        (0.0, None, "........"),
        (1.0, None, "########"),
        (0.5, 0.75, "####..|."),
        (0.75, 0.25, "##|###.."),
        (7.0, 1.0, "#######|"),
        (-1.0, -3.0, "|......."),
    ],
)
def test_bar(share, mark, expected):
    assert texts([draw_bar(Gauge("", share, mark, "level", "", ""), 8, ASCII_BARS)]) == [expected]


def test_bar_is_drawn_to_an_eighth_of_a_cell_and_coloured_up_to_there():
    row = draw_bar(Gauge("", 0.3125, 0.75, "score", "", ""), 4, Bars())
    assert row == [("█▎", "score"), ("·", "empty"), ("┃", "mark")]


def test_level_and_score_gauges():
    level = level_gauge(2, -20.0, -60.0)
    assert (level.label, level.share, level.mark, level.style) == ("channel 2", 0.75, 0.25, "level")
    assert (level.value, level.detail) == (" -20 dB", "  noise  -60 dB")
    assert level_gauge(0, -6.0, None).style == "loud"
    assert level_gauge(0, -6.0, None).mark is None
    assert [score_gauge("loud", score, 0.5).style for score in (0.49, 0.5)] == ["score", "hit"]


def test_layout():
    rows = lay_out(picture(), 60, 13, set_cell_size, ASCII_BARS)
    assert [text.rstrip() for text in texts(rows)] == [
        "microphone                               listening  00:01.00",
        "",
        "channel 0 ######|######..............  -40 dB  noise  -60 dB",
        "",
        "loud      ######.......|.............    0.25  fires at 0.50",
        "",
        "one",
        "two",
        "",
        "",
        "",
        "2 detections   lost 7 samples",
        "the microphone is gone",
    ]


def test_layout_where_there_is_little_room():
    rows = lay_out(picture(events=[]), 28, 7, set_cell_size, ASCII_BARS)
    assert [text.rstrip() for text in texts(rows)] == [
        "microph  listening  00:01.00",
        "channel 0 ##|##.....  -40 dB",
        "loud      ##...|....    0.25",
        "nothing heard yet",
        "2 detections",
        "lost 7 samples",
        "the microphone is gone",
    ]


@pytest.mark.parametrize("width", [10, 24, 40, 47, 80, 200])
@pytest.mark.parametrize("height", [1, 3, 8, 23, 60])
def test_layout_stays_within_the_terminal(width, height):
    wide = picture(source="麦克风" * 20, keywords=[score_gauge("早上好" * 9, 0.5, 0.5)], events=["早" * 150] * 9)
    rows = lay_out(wide, width, height, set_cell_size, Bars())
    assert 1 <= len(rows) <= height
    if width >= 24:
        assert max(cell_len(text) for text in texts(rows)) <= width


def test_best_scores_are_smoothed_as_decided_then_the_highest_of_the_channels():
    rules = {"a": DecisionConfig(smoothing_steps=2), "b": DecisionConfig(smoothing_steps=1)}
    best = BestScores(tiny_spec(keywords=("a", "b"), decision=rules))
    scores = np.array([[[0.2, 0.1], [0.4, 0.3]], [[0.8, 0.0], [0.0, 0.9]]], np.float32)
    assert best.update(scores) == pytest.approx(np.array([[0.4, 0.1], [0.4, 0.9]]))
    assert best.update(np.zeros((2, 1, 2), np.float32)) == pytest.approx(np.array([[0.2, 0.0]]))


def test_shows_everything_once_a_period(clock):
    console = terminal()
    view = open_view(clock, console, refresh_hz=4.0)
    view.audio(np.full((2, 1280), 0.1, np.float32))
    view.scores(np.array([[[0.9], [0.6]], [[0.0], [0.0]]], np.float32), "tiny")
    view.event(Event("loud", 61.5, 0.75, 1), "tiny")
    view.notice("the microphone \x1b[31mis gone")
    view.status(Status(62.0, "muted", (), (-50.0, -60.0), 0.025, 0.1, 160, 1, 2))
    text = shown(console)
    for part in (
        "talk.wav",
        "muted  01:02.00",
        "channel 0",
        "-20 dB  noise  -50 dB",
        "noise  -60 dB",
        "0.75  fires at 0.50",
        "01:01.50  loud  score 0.75  channel 1",
        "1 detection   load 2.5 %   age 100 ms   lost 160 samples   stale 1   stalls 2",
        "00:00.00  the microphone ?[31mis gone",
    ):
        assert part in text
    clock.now_s += 0.2
    view.status(Status(62.2))
    assert shown(console) == ""
    clock.now_s += 0.05
    view.status(Status(62.25, "waiting"))
    assert "waiting  01:02.25" in shown(console)
    view.abort()


def test_levels_of_the_status_are_preferred_and_fall_slowly(clock):
    console = terminal()
    view = open_view(clock, console)
    view.audio(np.full((1, 1280), 0.1, np.float32))
    view.status(Status(levels_db=(-33.0,)))
    assert "-33 dB" in shown(console)
    clock.now_s += 1.0
    view.status(Status(levels_db=(-79.0,)))
    assert "-58 dB" in shown(console)
    view.abort()


def test_keywords_of_several_models_and_wall_clock_of_live_events(clock):
    console = terminal()
    specs = [tiny_spec(), tiny_spec(name="other", keywords=("loud", "quiet"), decision={})]
    view = open_view(clock, console, specs)
    view.event(Event("quiet", 1.0, 0.5, 0, unix_s=1_700_000_000.0), "other")
    view.status(Status())
    text = shown(console)
    assert "loud (tiny)" in text
    assert "loud (other)" in text
    when = time.strftime("%H:%M:%S", time.localtime(1_700_000_000))
    assert f"{when}  quiet  score 0.50  model other" in text
    view.abort()


def test_terminal_is_given_back(clock):
    console = terminal()
    view = open_view(clock, console)
    assert shown(console) == ""
    view.status(Status())
    assert HIDE_CURSOR in shown(console)
    view.end(Summary(3.0, 5))
    text = shown(console)
    assert "ended  00:03.00" in text
    assert "lost 5 samples" in text
    assert text.rindex(SHOW_CURSOR) > text.rindex("stalls")
    assert text.rstrip(SHOW_CURSOR).endswith("\n")
    view.abort()
    assert SHOW_CURSOR not in shown(console)


def test_abort_gives_the_terminal_back_and_before_anything_was_drawn_does_nothing(clock):
    console = terminal()
    view = open_view(clock, console)
    view.abort()
    assert shown(console) == ""
    view.status(Status())
    view.abort()
    assert SHOW_CURSOR in shown(console)


def test_starts_anew_when_the_terminal_changes_its_size(clock):
    console = terminal()
    view = open_view(clock, console)
    view.status(Status())
    assert CLEAR not in shown(console)
    console.width = 40
    clock.now_s += 1.0
    view.status(Status())
    text = shown(console)
    assert CLEAR in text
    plain = re.sub(r"\x1b\[[0-9;?]*[A-Za-z]", "", text.split(CLEAR)[1])
    assert max(cell_len(line) for line in plain.splitlines()) == 40
    view.abort()


def test_log_lines_are_shown_within_the_display(clock):
    console = terminal()
    view = open_view(clock, console)
    logger = logging.Logger("test")
    logger.addHandler(NoticeHandler(view))
    logger.info("of no interest")
    logger.warning("the queue is %d long", 7)
    view.status(Status())
    text = shown(console)
    assert "00:00.00  the queue is 7 long" in text
    assert "interest" not in text
    view.abort()


def test_needs_a_terminal():
    with pytest.raises(ConfigError, match="--view needs a terminal"):
        ViewSink([tiny_spec()], "microphone", Console(file=io.StringIO()))
