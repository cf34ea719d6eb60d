"""The plot window's process: ``python -m kws.runtime.sinks.plot_window``, started by `PlotSink`.

It reads the messages of :mod:`kws.runtime.sinks.plot_messages` from standard input, and ends with it. One line of
JSON on standard output tells whether the window is open: ``{}``, ``{"missing": package}`` or ``{"error": why}``.
"""

from __future__ import annotations

import itertools
import json
import sys
import threading
from collections import deque
from typing import Any, BinaryIO

import numpy as np

from kws.errors import MissingPackageError
from kws.features.tables import hz_to_mel
from kws.packages import import_package, one_line
from kws.runtime.sinks.plot_messages import Curve, Hello, Message, read_messages
from kws.runtime.sinks.plot_track import BANDS, Track

_REDRAW_MS = 100
_LOWEST_DB, _HIGHEST_DB = -90.0, -20.0
_TICKS_HZ = (125, 250, 500, 1000, 2000, 4000)
_MARKER_COLOUR = "#ff4d6d"
_NOT_HEARD_COLOUR = "#d9d9d9"


def main(stdin: BinaryIO, stdout: BinaryIO) -> None:
    """Show the window until it is closed or the messages end."""
    try:
        window = _Window(_Inbox(stdin))
    except MissingPackageError as error:
        _answer(stdout, missing=error.package)
    except Exception as error:
        # Toolkits and displays fail in many ways; the process that asked tells the person.
        _answer(stdout, error=one_line(error))
    else:
        _answer(stdout)
        window.run()


def _answer(stdout: BinaryIO, **fields: str) -> None:
    stdout.write(json.dumps(fields).encode() + b"\n")
    stdout.flush()


class _Inbox:
    """Messages that wait to be drawn. A thread reads them, so that the window never waits for the pipe."""

    def __init__(self, stream: BinaryIO) -> None:
        self._messages = read_messages(stream)
        first = next(self._messages, None)
        if not isinstance(first, Hello):
            raise ValueError("the messages do not begin with what to show")
        self.hello: Hello = first
        self.waiting: deque[Message] = deque()
        self.has_ended = False
        threading.Thread(target=self._read, daemon=True).start()

    def _read(self) -> None:
        try:
            self.waiting.extend(self._messages)
        finally:
            self.has_ended = True


class _Window:
    """The figure. What moves is drawn over a saved picture of the rest, which is far cheaper than all of it."""

    def __init__(self, inbox: _Inbox) -> None:
        pyplot = import_package("matplotlib.pyplot", "matplotlib", "plot", "open the plot window")
        # Zooming and panning make no sense in a picture that moves.
        pyplot.rcParams["toolbar"] = "None"
        self._pyplot = pyplot
        self._inbox = inbox
        self._track = Track(inbox.hello)
        self._figure, (self._upper, self._lower) = pyplot.subplots(
            2, 1, sharex=True, figsize=(10, 6), height_ratios=(3, 2), layout="constrained"
        )
        canvas = self._figure.canvas
        if canvas.required_interactive_framework is None:
            raise RuntimeError(
                f"matplotlib shows no windows here (its backend is {pyplot.get_backend()}); needed are a display and "
                "a toolkit such as Tk (python3-tk) or Qt (PyQt6)"
            )
        canvas.manager.set_window_title(f"kws: {inbox.hello.title}")
        self._image = self._draw_upper(inbox.hello)
        self._lines = self._draw_lower(inbox.hello)
        self._marks = _Marks(self._upper, self._lower)
        self._background: Any = None
        canvas.mpl_connect("draw_event", self._save_background)
        self._timer = canvas.new_timer(interval=_REDRAW_MS)
        self._timer.add_callback(self._tick)

    def run(self) -> None:
        """Show the figure until it is closed."""
        self._timer.start()
        self._pyplot.show()

    def _draw_upper(self, hello: Hello) -> Any:
        axes = self._upper
        lowest, highest = (float(hz_to_mel(edge_hz)) for edge_hz in (BANDS.f_min_hz, BANDS.f_max_hz))
        colours = self._pyplot.get_cmap("magma").with_extremes(bad=_NOT_HEARD_COLOUR)
        image = axes.imshow(
            self._track.spectrogram_db,
            aspect="auto",
            origin="lower",
            interpolation="nearest",
            cmap=colours,
            vmin=_LOWEST_DB,
            vmax=_HIGHEST_DB,
            extent=(-hello.seconds, 0.0, lowest, highest),
            animated=True,
        )
        axes.set_yticks([float(hz_to_mel(tick)) for tick in _TICKS_HZ], [_hz_label(tick) for tick in _TICKS_HZ])
        axes.set_ylabel("frequency (Hz, mel scale)")
        # Above the picture is the room of the labels of detections.
        axes.set_title(hello.title, pad=24, fontweight="bold")
        scale = axes.inset_axes((1.012, 0.0, 0.018, 1.0))
        self._figure.colorbar(image, cax=scale, label="power in a band (dB)")
        return image

    def _draw_lower(self, hello: Hello) -> list[list[Any]]:
        axes = self._lower
        axes.set(xlim=(-hello.seconds, 0.0), ylim=(-0.02, 1.02), xlabel="time (s), now = 0", ylabel="score")
        axes.grid(alpha=0.25)
        axes.spines[["top", "right"]].set_visible(False)
        # The colours of matplotlib's cycle, C0 to C9, which repeat.
        index = itertools.count()
        lines = [[self._draw_curve(curve, f"C{next(index)}") for curve in curves] for curves in hello.models]
        axes.legend(loc="upper left", bbox_to_anchor=(1.01, 1.0), borderaxespad=0.0, frameon=False, fontsize="small")
        return lines

    def _draw_curve(self, curve: Curve, colour: str) -> Any:
        self._lower.axhline(curve.threshold, color=colour, linestyle="--", linewidth=1.0)
        label = f"{curve.label}\nfires at {curve.threshold:.2f}"
        return self._lower.plot([], [], color=colour, linewidth=1.8, label=label, animated=True)[0]

    def _tick(self) -> None:
        if self._inbox.has_ended:
            self._timer.stop()
            self._pyplot.close(self._figure)
            return
        if not self._inbox.waiting:
            return
        # All that has come, however much: a window that was behind jumps to now.
        while self._inbox.waiting:
            self._track.take(self._inbox.waiting.popleft())
        self._update()
        if self._background is not None:
            self._figure.canvas.restore_region(self._background)
            self._draw_moving()
            self._figure.canvas.blit(self._figure.bbox)

    def _update(self) -> None:
        self._image.set_data(np.ma.masked_invalid(self._track.spectrogram_db))
        for model, lines in enumerate(self._lines):
            times_s, scores = self._track.curve(model)
            for keyword, line in enumerate(lines):
                line.set_data(times_s, scores[:, keyword])
        self._marks.update(self._track)

    def _save_background(self, event: Any) -> None:
        # After every full drawing: the first one, and when the window changes its size.
        self._background = self._figure.canvas.copy_from_bbox(self._figure.bbox)
        self._draw_moving()

    def _draw_moving(self) -> None:
        for artist in [self._image, *self._marks.artists(), *(line for lines in self._lines for line in lines)]:
            artist.axes.draw_artist(artist)


class _Marks:
    """Vertical lines at the detections, with their labels above the spectrogram."""

    def __init__(self, upper: Any, lower: Any) -> None:
        self._upper, self._lower = upper, lower
        self._made: list[tuple[Any, Any, Any]] = []
        self._n_shown = 0

    def update(self, track: Track) -> None:
        """Put the lines where the detections are now."""
        markers = track.markers
        while len(self._made) < len(markers):
            self._made.append(self._make())
        for (above, below, text), marker in zip(self._made, markers, strict=False):
            place_s = marker.time_s - track.now_s
            above.set_xdata([place_s, place_s])
            below.set_xdata([place_s, place_s])
            text.set_x(place_s)
            text.set_text(f"{marker.keyword} {marker.score:.2f}")
        self._n_shown = len(markers)

    def artists(self) -> list[Any]:
        """Return what is to be drawn."""
        return [artist for artists in self._made[: self._n_shown] for artist in artists]

    def _make(self) -> tuple[Any, Any, Any]:
        above, below = (
            axes.axvline(0.0, color=_MARKER_COLOUR, linewidth=1.6, animated=True) for axes in (self._upper, self._lower)
        )
        text = self._upper.text(
            0.0,
            1.02,
            "",
            transform=self._upper.get_xaxis_transform(),
            color=_MARKER_COLOUR,
            fontweight="bold",
            horizontalalignment="center",
            animated=True,
        )
        text.set_in_layout(False)
        return above, below, text


def _hz_label(frequency_hz: int) -> str:
    return f"{frequency_hz // 1000}k" if frequency_hz >= 1000 else str(frequency_hz)


if __name__ == "__main__":
    # Unbuffered: a thread that waits inside a buffered reader makes the end of the interpreter fail.
    with open(0, "rb", buffering=0, closefd=False) as stdin:
        main(stdin, sys.stdout.buffer)
