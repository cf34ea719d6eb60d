import io
from types import SimpleNamespace

import numpy as np
import pytest
from rich.console import Console

from data_tools.record import Event
from kws.cli.record_view import LineView, LiveView, event_line, meter_text, peak_db


def terminal(width=80, **more):
    return Console(file=io.StringIO(), force_terminal=True, width=width, height=24, highlight=False, **more)


def work(**more):
    return SimpleNamespace(
        **{
            "actions": ("undo", "pause"),
            "prompt": "say “computer”",
            "counter": "2 of 5 takes",
            "is_paused": False,
            "is_done": False,
            **more,
        }
    )


def block(peak):
    return SimpleNamespace(samples=np.array([[0.0, -peak]], np.float32))


def shown(view, work, width=80):
    console = Console(file=io.StringIO(), width=width, highlight=False)
    console.print(view.picture(work))
    return console.file.getvalue()


def test_the_meter_shows_the_peak_and_falls_back_slowly(tmp_path):
    now_s = [0.0]
    view = LiveView(terminal(), "microphone mic", tmp_path, lambda: now_s[0])
    for at_s, peak, level in ((0.0, 0.1, "-20 dB"), (0.2, 1e-4, "-25 dB"), (0.4, 0.5, "-6 dB")):
        now_s[0] = at_s
        view.show(work(), block(peak))
        assert level in shown(view, work())


def test_counter_prompt_and_what_became_of_takes(tmp_path):
    view = LiveView(terminal(), "microphone mic", tmp_path)
    view.tell(Event("take", "computer-0001.flac: 0.43 s"))
    view.tell(Event("rejected", "clipped (9 flat tops)", "lower the input level"))
    text = shown(view, work(is_hearing=True), 120)
    for part in (
        "say “computer”",
        "2 of 5 takes",
        "hearing you",
        "✓ computer-0001",
        "✗ clipped",
        "lower the",
        "u undo   space pause",
    ):
        assert part in text
    assert "paused" in shown(view, work(is_paused=True))
    # On a narrow terminal what happened is broken into lines, and the rest is cut.
    narrow = shown(view, work(), 20)
    assert "".join(narrow.split()).count("lowertheinputlevel") == 1
    assert "2 of 5 takes" in text and "2 of 5 takes" not in narrow


def test_what_is_saved_at_the_stop_is_shown_too(tmp_path):
    console = terminal()
    with LiveView(console, "microphone mic", tmp_path, lambda: 0.0) as view:
        view.show(work(), block(0.1))
        view.tell(Event("take", "computer-0009.flac: 0.43 s"))
    assert "computer-0009" in console.file.getvalue()


def test_names_cannot_write_to_the_terminal(tmp_path):
    line = event_line(Event("told", "mic\x1b[2J gone", "\x07"))
    assert line.plain == "· mic?[2J gone  ?"
    assert event_line(Event("take", "a"), is_ascii=True).plain == "+ a"


def test_lines_for_pipes_say_each_thing_once():
    console = Console(file=io.StringIO(), width=40, highlight=False)
    with LineView(console) as view:
        for _ in range(3):
            view.show(work(), block(0.1))
        view.tell(Event("take", "computer-0003.flac: a rather long line that is not broken"))
        view.show(work(prompt="paused: space goes on", counter="3 takes"), block(0.1))
    assert console.file.getvalue().splitlines() == [
        "2 of 5 takes: say “computer”",
        "✓ computer-0003.flac: a rather long line that is not broken",
        "3 takes: paused: space goes on",
    ]


def test_levels():
    assert peak_db(np.zeros((2, 0), np.float32)) == -70.0
    assert peak_db(np.array([[0.5, -1.0]], np.float32)) == pytest.approx(0.0)
    assert meter_text(-35.0).plain == "█" * 20 + "·" * 20 + "  -35 dB"
    assert str(meter_text(-1.0).spans[0].style) == "bold red" and str(meter_text(-9.0).spans[0].style) == "green"
