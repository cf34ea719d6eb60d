"""The process that draws a run while it trains: ``python -m kws.train.observers.live_plot``, started by `LivePlot`.

It reads lines of JSON from standard input and ends with it: first the title, the number of steps and where a picture
goes, then steps and validations. What a person should know is written to standard output, a line each.
"""

from __future__ import annotations

import json
import sys
import threading
import time
from collections import deque
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import Any, TextIO

from kws.errors import MissingPackageError
from kws.files import replacing
from kws.packages import import_package, one_line

_REDRAW_MS = 500
# A picture costs a quarter of a second of CPU time, which training should not miss.
_PICTURE_EVERY_S = 10.0
_MOST_POINTS = 2000
_MOST_LOSS_FACTOR = 1.3


class Curves:
    """The points of a run, thinned so that any number of steps is quick to draw."""

    def __init__(self) -> None:
        self.steps: list[int] = []
        self.losses: list[float] = []
        self.smoothed: list[float] = []
        self.validations: list[dict[str, Any]] = []
        self._stride = 1

    def take(self, message: dict[str, Any]) -> None:
        """Add a step (``step``, ``loss``, ``smoothed``) or a validation (with ``frr`` by condition)."""
        if "frr" in message:
            self.validations.append(message)
        if "smoothed" in message and message["step"] % self._stride == 0:
            self.steps.append(message["step"])
            self.losses.append(message["loss"])
            self.smoothed.append(message["smoothed"])
            if len(self.steps) > _MOST_POINTS:
                self._stride *= 2
                for points in (self.steps, self.losses, self.smoothed):
                    del points[::2]

    @property
    def best(self) -> dict[str, Any] | None:
        """The validation with the smallest cost, the newest of several."""
        return min(self.validations, key=lambda v: (v["cost"], -v["step"])) if self.validations else None


class Drawing:
    """The figure: the loss on the left, what was missed on the right."""

    def __init__(self, pyplot: Any, title: str, n_steps: int) -> None:
        self._title = title
        self.figure, (self._left, self._right) = pyplot.subplots(1, 2, figsize=(11, 4.2), layout="constrained")
        self._raw = self._left.plot([], [], color="C0", alpha=0.25, linewidth=0.8, label="each step")[0]
        self._smooth = self._left.plot([], [], color="C0", linewidth=1.8, label="smoothed")[0]
        self._left.set(xlim=(0, n_steps), xlabel="step", ylabel="training loss", title="loss")
        title_right = "misses on validation streams"
        self._right.set(xlim=(0, n_steps), xlabel="step", ylabel="false rejects (%)", title=title_right)
        self._left.legend()
        self._rates: dict[str, Any] = {}
        self._best = self._right.axvline(0, color="0.7", linestyle="--", visible=False)
        for axes in (self._left, self._right):
            axes.grid(alpha=0.3)

    def update(self, curves: Curves) -> None:
        """Bring everything to the newest points."""
        self._raw.set_data(curves.steps, curves.losses)
        self._smooth.set_data(curves.steps, curves.smoothed)
        if curves.smoothed:
            # The change of the loss after the warm-up would flatten all that follows if single steps counted.
            self._left.set_ylim(0, _MOST_LOSS_FACTOR * max(curves.smoothed))
        self._update_rates(curves)
        self.figure.suptitle(self._headline(curves), fontsize="medium")

    def _update_rates(self, curves: Curves) -> None:
        best = curves.best
        if best is None:
            return
        steps = [v["step"] for v in curves.validations]
        for name in best["frr"]:
            if name not in self._rates:
                self._rates[name] = self._right.plot([], [], marker=".", label=name)[0]
            self._rates[name].set_data(steps, [100 * v["frr"].get(name, float("nan")) for v in curves.validations])
        highest = max(100 * rate for v in curves.validations for rate in v["frr"].values())
        self._right.set_ylim(0, max(1.0, 1.05 * highest))
        self._best.set(xdata=[best["step"]] * 2, visible=True, label=f"best: step {best['step']}")
        self._right.legend()

    def _headline(self, curves: Curves) -> str:
        parts = [self._title]
        if curves.steps:
            parts.append(f"step {curves.steps[-1]}, loss {curves.smoothed[-1]:.3f}")
        if curves.validations:
            last = curves.validations[-1]
            parts.append(f"{last['false_accepts']} false accepts in {last['negative_hours']:.2f} h")
        return ": ".join(parts[:2]) + "".join(f"; {part}" for part in parts[2:])


class Inbox:
    """Messages that wait to be drawn; a thread reads them."""

    def __init__(self, lines: Iterable[bytes]) -> None:
        self._messages = _messages(lines)
        self.hello = next(self._messages)
        self.waiting: deque[dict[str, Any]] = deque()
        self.has_ended = threading.Event()
        threading.Thread(target=self._read, daemon=True).start()

    def move_to(self, curves: Curves) -> bool:
        """Pass all that has come on to the curves; tell whether there was any."""
        has_any = bool(self.waiting)
        while self.waiting:
            curves.take(self.waiting.popleft())
        return has_any

    def _read(self) -> None:
        try:
            self.waiting.extend(self._messages)
        finally:
            self.has_ended.set()


def main(lines: Iterable[bytes], answers: TextIO) -> None:
    """Show a run until its messages end, in a window if there is a display."""
    inbox = Inbox(lines)
    try:
        pyplot = import_package("matplotlib.pyplot", "matplotlib", "train", "draw a run while it trains")
    except MissingPackageError as error:
        answers.write(f"{error}\n")
        return
    reason = show_window(pyplot, inbox)
    if reason is not None:
        answers.write(f"no window can be opened ({reason}); drawing {inbox.hello['picture']} instead\n")
        answers.flush()
        draw_pictures(pyplot, inbox)


def show_window(pyplot: Any, inbox: Inbox) -> str | None:
    """Show the window until it is closed or the run ends; return why it could not be opened, or None."""
    try:
        # Zooming makes no sense in a picture that moves.
        pyplot.rcParams["toolbar"] = "None"
        drawing = Drawing(pyplot, inbox.hello["title"], inbox.hello["steps"])
        canvas = drawing.figure.canvas
        if canvas.required_interactive_framework is None:
            pyplot.close(drawing.figure)
            return "no display, or no toolkit such as Tk (python3-tk)"
        canvas.manager.set_window_title(f"kws: {inbox.hello['title']}")
    except Exception as error:
        # Toolkits and displays fail in many ways.
        return one_line(error)
    curves = Curves()

    def tick() -> None:
        if inbox.has_ended.is_set():
            timer.stop()
            pyplot.close(drawing.figure)
        elif inbox.move_to(curves):
            drawing.update(curves)
            canvas.draw_idle()

    timer = canvas.new_timer(interval=_REDRAW_MS)
    timer.add_callback(tick)
    timer.start()
    pyplot.show()
    return None


def draw_pictures(pyplot: Any, inbox: Inbox) -> None:
    """Redraw the picture now and then until the run ends, and once more then."""
    pyplot.switch_backend("Agg")
    drawing, curves = Drawing(pyplot, inbox.hello["title"], inbox.hello["steps"]), Curves()
    path = Path(inbox.hello["picture"])
    due_s = 0.0
    while True:
        has_ended = inbox.has_ended.wait(0.2)
        if not has_ended and time.monotonic() < due_s:
            continue
        if inbox.move_to(curves):
            drawing.update(curves)
            save_picture(drawing.figure, path)
            due_s = time.monotonic() + _PICTURE_EVERY_S
        if has_ended:
            return


def save_picture(figure: Any, path: Path) -> None:
    """Write a figure as PNG; the file is replaced whole."""
    with replacing(path, is_durable=False) as temporary:
        figure.savefig(temporary, format="png", dpi=100)


def _messages(lines: Iterable[bytes]) -> Iterator[dict[str, Any]]:
    for line in lines:
        # The last line may be torn where the run was killed.
        if line.endswith(b"\n"):
            yield json.loads(line)


if __name__ == "__main__":
    # Unbuffered: a thread that waits inside a buffered reader makes the end of the interpreter fail.
    with open(0, "rb", buffering=0, closefd=False) as stdin:
        main(stdin, sys.stdout)
