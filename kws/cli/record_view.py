"""What a person sees while recording: a level meter and what became of each take, or plain lines."""

from __future__ import annotations

import contextlib
import math
import time
from collections import deque
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
from rich.console import Console, Group
from rich.live import Live
from rich.text import Text

from kws.audio import FloatArray
from kws.config import SAMPLE_RATE_HZ

if TYPE_CHECKING:
    from data_tools.record import Event, Work
    from data_tools.record.work import Block

_MARKS = {"take": "✓", "rejected": "✗", "undone": "↶", "told": "·", "problem": "!"}
_COLOURS = {"take": "green", "rejected": "yellow", "undone": "cyan", "told": "bright_black", "problem": "bold red"}
_ASCII_MARKS = {"take": "+", "rejected": "x", "undone": "<", "told": "-", "problem": "!"}
_SHOWN_EVENTS = 8
_REFRESH_S = 0.1
_LOWEST_DB, _LOUD_DB = -70.0, -3.0
_FALL_DB_S = 25.0
_METER_CELLS = 40


class LineView:
    """One line an event, for pipes and logs."""

    def __init__(self, console: Console) -> None:
        self._console = console
        self._prompt = ""

    def tell(self, event: Event) -> None:
        """Print an event."""
        self._console.print(event_line(event, is_ascii=self._console.options.ascii_only), soft_wrap=True)

    def show(self, work: Work, block: Block) -> None:
        """Print what to do when that changes."""
        if work.prompt != self._prompt and not work.is_done:
            self._prompt = work.prompt
            self._console.print(
                f"{work.counter}: {_printable(self._prompt)}", soft_wrap=True, markup=False, highlight=False
            )

    def __enter__(self) -> LineView:
        return self

    def __exit__(self, *_: object) -> None:
        """Nothing is to be given back."""


class LiveView:
    """Level meter, counter and the last events, drawn in place.

    Parameters
    ----------
    console : Console
        A terminal.
    source : str
        Name of the microphone.
    folder : Path
        Where takes go.
    clock_s : callable
        Time in seconds; never set back.
    """

    def __init__(
        self, console: Console, source: str, folder: Path, clock_s: Callable[[], float] = time.monotonic
    ) -> None:
        self._console, self._clock_s = console, clock_s
        self._source, self._folder = _printable(source), _printable(str(folder))
        self._events: deque[Event] = deque(maxlen=_SHOWN_EVENTS)
        self._peak_db = self._shown_db = _LOWEST_DB
        self._drawn_s = -math.inf
        self._has_news = True
        self._work: Work | None = None
        self._live = Live(console=console, auto_refresh=False, vertical_overflow="crop")

    def tell(self, event: Event) -> None:
        """Keep an event for the next picture."""
        self._events.append(event)
        self._has_news = True

    def show(self, work: Work, block: Block) -> None:
        """Draw, if it is time to."""
        self._work = work
        self._peak_db = max(self._peak_db, peak_db(block.samples))
        now_s = self._clock_s()
        if now_s - self._drawn_s < _REFRESH_S and not self._has_news:
            return
        fallen_db = self._shown_db - _FALL_DB_S * min(now_s - self._drawn_s, 60.0)
        self._shown_db = max(self._peak_db, fallen_db, _LOWEST_DB)
        self._peak_db, self._drawn_s, self._has_news = _LOWEST_DB, now_s, False
        self._live.update(self.picture(work), refresh=True)

    def picture(self, work: Work) -> Group:
        """Return all that is shown now."""
        is_ascii = self._console.options.ascii_only
        is_heard = bool(getattr(work, "is_hearing", False))
        state = "paused" if work.is_paused else "hearing you" if is_heard else "listening"
        style = {"paused": "bold yellow", "hearing you": "bold bright_green"}.get(state, "green")
        title = Text.assemble((_printable(work.prompt), "bold"), "   ", (work.counter, "bold cyan"))
        meter = Text.assemble(meter_text(self._shown_db, is_ascii), "  ", (state, style))
        events = [event_line(event, is_ascii) for event in self._events]
        where = Text(f"{self._source} → {self._folder}".replace("→", "->" if is_ascii else "→"), "bright_black")
        keys = Text(keys_text(work.actions), "bright_black")
        # What happened is read to its end, on several lines if it takes them; the rest keeps its place.
        for row in (title, meter, keys, where):
            row.no_wrap = True
        return Group(title, meter, Text(""), *events, Text(""), keys, where)

    def __enter__(self) -> LiveView:
        self._live.start()
        return self

    def __exit__(self, *_: object) -> None:
        # What was saved last, when it stopped.
        if self._has_news and self._work is not None:
            self._live.update(self.picture(self._work))
        self._live.stop()


def event_line(event: Event, is_ascii: bool = False) -> Text:
    """Return an event as one line."""
    mark = (_ASCII_MARKS if is_ascii else _MARKS)[event.kind]
    advice = f"  {_printable(event.advice)}" if event.advice else ""
    return Text.assemble((f"{mark} {_printable(event.text)}", _COLOURS[event.kind]), (advice, "bright_black"))


def keys_text(actions: Sequence[str]) -> str:
    """Return the keys of actions, with what they do."""
    from data_tools.record.keys import KEYS

    keys = {action: key for key, action in KEYS.items()}
    return "   ".join(f"{keys[action].replace(' ', 'space')} {action}" for action in actions)


def meter_text(level_db: float, is_ascii: bool = False) -> Text:
    """Return the bar of a peak level in dB of full scale, red where it clips soon."""
    share = min(max((level_db - _LOWEST_DB) / -_LOWEST_DB, 0.0), 1.0)
    n_full = round(share * _METER_CELLS)
    full, empty = ("#", ".") if is_ascii else ("█", "·")
    style = "bold red" if level_db >= _LOUD_DB else "green"
    return Text.assemble(
        (full * n_full, style), (empty * (_METER_CELLS - n_full), "bright_black"), f" {level_db:4.0f} dB"
    )


def peak_db(samples: FloatArray) -> float:
    """Return the highest peak of a block in dB of full scale."""
    return 20.0 * math.log10(max(float(np.abs(samples).max()), 1e-6)) if samples.size else _LOWEST_DB


def open_view(source: str, folder: Path) -> LiveView | LineView:
    """Return the display for standard output: live on a terminal, else lines."""
    console = Console(highlight=False)
    is_live = console.is_terminal and not console.is_dumb_terminal
    return LiveView(console, source, folder) if is_live else LineView(console)


@contextlib.contextmanager
def open_progress(duration_s: float) -> Iterator[tuple[Callable[[Work, Block], None], Callable[[Event], None]]]:
    """Yield what shows the progress through a recording, and what tells of takes; it is on stderr."""
    from rich.progress import BarColumn, Progress, TextColumn, TimeRemainingColumn

    console = Console(stderr=True, highlight=False)
    columns = (
        TextColumn("{task.description}"),
        BarColumn(),
        TextColumn("{task.percentage:.0f} %"),
        TimeRemainingColumn(),
    )
    with Progress(*columns, console=console, disable=not console.is_terminal) as bar:
        task = bar.add_task("cutting", total=duration_s)

        def show(work: Work, block: Block) -> None:
            bar.update(task, advance=block.samples.shape[1] / SAMPLE_RATE_HZ, description=work.counter)

        def tell(event: Event) -> None:
            bar.console.print(event_line(event, console.options.ascii_only), soft_wrap=True)

        yield show, tell


def _printable(text: str) -> str:
    """Return the text without what a terminal would obey: names of devices and files come from outside."""
    return "".join(letter if letter.isprintable() else "?" for letter in text)
