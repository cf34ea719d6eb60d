"""The live display in the terminal: levels, scores against thresholds, the last events, and how it goes."""

from __future__ import annotations

import dataclasses
import logging
import math
import time
from collections import deque
from collections.abc import Callable, Sequence

from rich.cells import set_cell_size
from rich.console import Console, ConsoleOptions, RenderResult
from rich.live import Live
from rich.segment import Segment
from rich.style import Style

from kws.audio import FloatArray
from kws.errors import ConfigError
from kws.runtime.detector import Event
from kws.runtime.sinks.base import Sink, Status, Summary
from kws.runtime.sinks.console import clock
from kws.runtime.sinks.view_bars import LevelBars, ScoreBars
from kws.runtime.sinks.view_rows import ASCII_BARS, Bars, Picture, Row, lay_out
from kws.spec import ModelSpec

_STYLES = {
    name: Style.parse(style)
    for name, style in {
        "": "none",
        "title": "bold",
        "label": "none",
        "value": "none",
        "empty": "bright_black",
        "level": "green",
        "loud": "bold red",
        "score": "cyan",
        "hit": "bold bright_green",
        "mark": "bold yellow",
        "event": "bold",
        "notice": "yellow",
        "warning": "bold red",
        "listening": "bold green",
        "asleep": "bright_black",
        "muted": "bold yellow",
        "waiting": "bold red",
        "ended": "bold",
    }.items()
}
_MAX_EVENTS = 8
_MAX_NOTICES = 2


class ViewSink(Sink):
    """Draw the state of the listening over and over, in place.

    Scores are smoothed as the decision does it and the highest over the channels; bars show the peak since the
    last picture and fall back slowly. At the end the last picture stays on the terminal.

    Parameters
    ----------
    specs : sequence of ModelSpec
        The models at work; their names differ.
    source : str
        Name of the source.
    console : rich.console.Console, optional
        By default standard output.
    refresh_hz : float
        Pictures a second, at most.
    clock_s : callable
        Time in seconds; never set back.

    Raises
    ------
    ConfigError
        If the console is no terminal.
    """

    def __init__(
        self,
        specs: Sequence[ModelSpec],
        source: str,
        console: Console | None = None,
        refresh_hz: float = 5.0,
        clock_s: Callable[[], float] = time.monotonic,
    ) -> None:
        self._console = console or Console()
        if not self._console.is_terminal or self._console.is_dumb_terminal:
            raise ConfigError("--view needs a terminal, and the output is none; accepted without one is --jsonl")
        self._source = _printable(source)
        self._period_s = 1.0 / refresh_hz
        self._clock_s = clock_s
        self._scores = ScoreBars(specs)
        self._levels = LevelBars()
        self._status = Status()
        self._events: deque[str] = deque(maxlen=_MAX_EVENTS)
        self._notices: deque[str] = deque(maxlen=_MAX_NOTICES)
        self._n_events = 0
        self._show_model = len(specs) > 1
        self._screen = _Screen(self._console)
        self._drawn_s = -math.inf

    def audio(self, samples: FloatArray) -> None:
        """Keep the block for its level."""
        self._levels.hear(samples)

    def scores(self, scores: FloatArray, model: str) -> None:
        """Raise the bars of the model's keywords."""
        self._scores.hear(scores, model)

    def event(self, event: Event, model: str) -> None:
        """Add a line to the events."""
        self._n_events += 1
        when = clock(event.time_s)
        if event.unix_s is not None:
            when = time.strftime("%H:%M:%S", time.localtime(event.unix_s))
        parts = [when, event.keyword, f"score {event.score:.2f}"]
        if self._levels.n_channels > 1:
            parts.append(f"channel {event.channel}")
        if self._show_model:
            parts.append(f"model {model}")
        self._events.appendleft("  ".join(parts))

    def status(self, status: Status) -> None:
        """Draw, if it is time to."""
        self._status = status
        self._levels.measure(status)
        now_s = self._clock_s()
        if now_s - self._drawn_s >= self._period_s:
            self._draw(now_s)

    def notice(self, text: str) -> None:
        """Show a line below everything, the last two of them."""
        self._notices.append(f"{clock(self._status.audio_s)}  {_printable(text)}")

    def end(self, summary: Summary) -> None:
        """Draw the last picture and give the terminal back."""
        self._status = dataclasses.replace(
            self._status,
            state="ended",
            audio_s=summary.audio_s,
            lost_samples=summary.lost_samples,
            stale_events=summary.stale_events,
            stalls=summary.stalls,
        )
        self._draw(self._clock_s())
        self._screen.close()

    def abort(self) -> None:
        """Give the terminal back as it was."""
        self._screen.close()

    def _draw(self, now_s: float) -> None:
        passed_s = min(now_s - self._drawn_s, 60.0)
        self._drawn_s = now_s
        status = self._status
        self._screen.show(
            Picture(
                self._source,
                status.state,
                clock(status.audio_s),
                self._levels.gauges(status.floors_db, passed_s),
                self._scores.gauges(passed_s),
                list(self._events),
                _counters(status, self._n_events),
                list(self._notices),
            )
        )


class NoticeHandler(logging.Handler):
    """Show log lines within the display; a handler that writes to the terminal would write over it.

    Parameters
    ----------
    sink : Sink
        The display.
    level : int
        Lowest level that is shown.
    """

    def __init__(self, sink: Sink, level: int = logging.WARNING) -> None:
        super().__init__(level)
        self._sink = sink

    def emit(self, record: logging.LogRecord) -> None:
        """Show a line."""
        self._sink.notice(self.format(record))


class _Screen:
    """The terminal: draws in place, starts anew when the window changes its size."""

    def __init__(self, console: Console) -> None:
        self._console = console
        self._live: Live | None = None
        self._size = console.size
        self._bars = ASCII_BARS if console.options.ascii_only else Bars()

    def show(self, picture: Picture) -> None:
        size = self._console.size
        if self._live is not None and size != self._size:
            # Lines that were drawn for another width have wrapped: where the picture begins is not known.
            self.close()
            self._console.clear()
        self._size = size
        # The last line is the cursor's.
        drawn = _Drawn(lay_out(picture, size.width, max(1, size.height - 1), set_cell_size, self._bars))
        if self._live is None:
            self._live = Live(drawn, console=self._console, auto_refresh=False, vertical_overflow="crop")
            self._live.start(refresh=True)
        else:
            self._live.update(drawn, refresh=True)

    def close(self) -> None:
        if self._live is not None:
            self._live.stop()
            self._live = None


class _Drawn:
    """Rows as rich wants them: segments with ready styles, the cheapest that it can print."""

    def __init__(self, rows: Sequence[Row]) -> None:
        self._rows = rows

    def __rich_console__(self, console: Console, options: ConsoleOptions) -> RenderResult:
        for row in self._rows:
            for text, style in row:
                yield Segment(text, _STYLES[style])
            yield Segment.line()


def _counters(status: Status, n_events: int) -> list[tuple[str, str]]:
    counted = [
        (f"lost {status.lost_samples} samples", status.lost_samples),
        (f"stale {status.stale_events}", status.stale_events),
        (f"stalls {status.stalls}", status.stalls),
    ]
    return [
        (f"{n_events} detection{'' if n_events == 1 else 's'}", "label"),
        (f"load {100 * status.load:.1f} %", "warning" if status.load >= 1.0 else "label"),
        (f"age {1000 * status.age_s:.0f} ms", "warning" if status.age_s >= 1.0 else "label"),
        *((text, "warning" if count else "label") for text, count in counted),
    ]


def _printable(text: str) -> str:
    """Return the text without what a terminal would obey: names of devices and files come from outside."""
    return "".join(letter if letter.isprintable() else "?" for letter in text)
