"""What the terminal display shows, as rows of styled text: no terminal, no clock, no package."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass

Piece = tuple[str, str]
"""Text, and the name of its style."""

Row = list[Piece]

Fit = Callable[[str, int], str]
"""Cut or pad a text to a number of terminal cells."""

LOWEST_DB = -80.0
LOUD_DB = -6.0
"""Level from which on a channel is close to clipping."""

_MAX_EVENTS = 8
_MIN_LABEL_CELLS = 9
_MAX_LABEL_CELLS = 16
_MIN_BAR_CELLS = 4
# A bar is not made shorter than this by words that explain the value.
_BAR_BEFORE_DETAIL_CELLS = 24
_EIGHTHS = " ▏▎▍▌▋▊▉"


@dataclass(frozen=True)
class Bars:
    """The characters of a bar: full cell, empty cell, mark, and eighths of a cell where there are any."""

    full: str = "█"
    empty: str = "·"
    mark: str = "┃"
    eighths: str = _EIGHTHS


ASCII_BARS = Bars("#", ".", "|", "")
"""For terminals that show no other characters."""


@dataclass(frozen=True)
class Gauge:
    """One bar with its label and its value in words.

    Parameters
    ----------
    label : str
    share : float
        How much of the bar is filled, 0 to 1.
    mark : float or None
        Where the mark stands, 0 to 1.
    style : str
        Style of the filled part.
    value, detail : str
        Shown at the right; the detail only where there is room.
    """

    label: str
    share: float
    mark: float | None
    style: str
    value: str
    detail: str


@dataclass(frozen=True)
class Picture:
    """All that is shown at one moment.

    Parameters
    ----------
    source, state, time : str
        The title. The state is one of :class:`kws.runtime.sinks.Status`, or "ended".
    channels, keywords : sequence of Gauge
    events : sequence of str
        Newest first.
    counters : sequence of (str, str)
        Text and style.
    notices : sequence of str
        Newest last.
    """

    source: str
    state: str
    time: str
    channels: Sequence[Gauge]
    keywords: Sequence[Gauge]
    events: Sequence[str]
    counters: Sequence[Piece]
    notices: Sequence[str]


def level_gauge(channel: int, level_db: float, floor_db: float | None) -> Gauge:
    """Return the bar of a channel: its level in dB of full scale, its noise floor as the mark."""
    style = "loud" if level_db >= LOUD_DB else "level"
    mark = None if floor_db is None else _share_of_db(floor_db)
    detail = "" if floor_db is None else f"  noise {floor_db:4.0f} dB"
    return Gauge(f"channel {channel}", _share_of_db(level_db), mark, style, f"{level_db:4.0f} dB", detail)


def score_gauge(label: str, score: float, threshold: float) -> Gauge:
    """Return the bar of a keyword: its score, its threshold as the mark."""
    style = "hit" if score >= threshold else "score"
    return Gauge(label, score, threshold, style, f"{score:.2f}", f"  fires at {threshold:.2f}")


def lay_out(picture: Picture, width: int, height: int, fit: Fit, bars: Bars) -> list[Row]:
    """Return at most `height` rows of at most `width` cells.

    Where there is little room, events go first, then the blank rows, then whatever is last.
    """
    top = [_title(picture, width, fit)]
    columns = _Columns.of([*picture.channels, *picture.keywords], width)
    channels = _gauges(picture.channels, columns, fit, bars)
    keywords = _gauges(picture.keywords, columns, fit, bars)
    bottom = _packed(picture.counters, width, fit)
    bottom += [[(fit(text, width), "notice")] for text in picture.notices]
    n_fixed = len(top) + len(channels) + len(keywords) + len(bottom)
    blank: list[Row] = [[]] if height >= n_fixed + 5 else []
    n_events = max(1, min(_MAX_EVENTS, height - n_fixed - 4 * len(blank)))
    events = _events(picture.events, n_events, width, fit)
    return [*top, *blank, *channels, *blank, *keywords, *blank, *events, *blank, *bottom][:height]


def draw_bar(gauge: Gauge, width: int, bars: Bars) -> Row:
    """Return the bar alone, `width` cells wide."""
    filled = min(max(gauge.share, 0.0), 1.0) * width
    n_full = int(filled)
    text = bars.full * n_full
    eighth = int((filled - n_full) * 8)
    if bars.eighths and eighth and n_full < width:
        text += bars.eighths[eighth]
    n_filled = len(text)
    text += bars.empty * (width - n_filled)
    if gauge.mark is None:
        return _pieces(text, 0, n_filled, gauge.style)
    at = min(int(min(max(gauge.mark, 0.0), 1.0) * width), width - 1)
    before = _pieces(text[:at], 0, n_filled, gauge.style)
    return [*before, (bars.mark, "mark"), *_pieces(text[at + 1 :], at + 1, n_filled, gauge.style)]


@dataclass(frozen=True)
class _Columns:
    """Widths in cells, the same for all bars so that they stand below each other."""

    label: int
    bar: int
    value: int
    detail: int

    @classmethod
    def of(cls, gauges: Sequence[Gauge], width: int) -> _Columns:
        longest = max((len(gauge.label) for gauge in gauges), default=0)
        label = min(longest, _MAX_LABEL_CELLS, max(_MIN_LABEL_CELLS, width // 4))
        value = max((len(gauge.value) for gauge in gauges), default=0)
        detail = max((len(gauge.detail) for gauge in gauges), default=0)
        if width < label + value + detail + _BAR_BEFORE_DETAIL_CELLS:
            detail = 0
        return cls(label, max(_MIN_BAR_CELLS, width - label - value - detail - 2), value, detail)


def _pieces(text: str, start: int, n_filled: int, style: str) -> Row:
    cut = max(0, n_filled - start)
    return [piece for piece in ((text[:cut], style), (text[cut:], "empty")) if piece[0]]


def _share_of_db(level_db: float) -> float:
    return 1.0 - level_db / LOWEST_DB


def _title(picture: Picture, width: int, fit: Fit) -> Row:
    state = f"{picture.state}  {picture.time}"[:width]
    room = max(0, width - len(state) - 2)
    return [(fit(picture.source, room), "title"), ("  "[: width - room - len(state)], ""), (state, picture.state)]


def _gauges(gauges: Sequence[Gauge], columns: _Columns, fit: Fit, bars: Bars) -> list[Row]:
    return [
        [
            (fit(gauge.label, columns.label), "label"),
            (" ", ""),
            *draw_bar(gauge, columns.bar, bars),
            (f" {gauge.value:>{columns.value}}", "value"),
            (fit(gauge.detail, columns.detail), "empty"),
        ]
        for gauge in gauges
    ]


def _packed(counters: Sequence[Piece], width: int, fit: Fit) -> list[Row]:
    """Return the counters one after the other, on as many rows as they take."""
    rows: list[Row] = []
    used = width
    for text, style in counters:
        if used + 3 + len(text) > width:
            rows.append([(fit(text, min(width, len(text))), style)])
            used = len(text)
        else:
            rows[-1] += [("   ", ""), (text, style)]
            used += 3 + len(text)
    return rows


def _events(events: Sequence[str], n_rows: int, width: int, fit: Fit) -> list[Row]:
    shown: list[Row] = [[(fit(text, width), "event")] for text in events[:n_rows]]
    if not shown:
        shown = [[(fit("nothing heard yet", width), "empty")]]
    # As many rows with no event as with eight: the rest stays where it is.
    return shown + [[] for _ in range(n_rows - len(shown))]
