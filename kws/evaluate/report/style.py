"""One style for all plots, and SVG that takes its colours from the page, so that it is read by day and by night."""

from __future__ import annotations

import functools
import io
import re
from collections.abc import Callable
from typing import Any, ParamSpec

import matplotlib
from matplotlib.figure import Figure

P = ParamSpec("P")

# Each stands for a variable of the page's style sheet. They differ from any colour that matplotlib would choose.
INK, MUTED, GRID = "#010203", "#040506", "#070809"
SERIES = tuple(f"#a1000{i}" for i in range(1, 10))
LINES = ("-", "--", "-.", ":", (0, (5, 1)), (0, (1, 1)), (0, (3, 1, 1, 1, 1, 1)), (0, (8, 2)), (0, (2, 2)))
MARKERS = ("o", "s", "^", "D", "v", "P", "X", "<", ">")
_VARIABLES = {
    INK: "var(--ink)",
    MUTED: "var(--muted)",
    GRID: "var(--grid)",
    **{colour: f"var(--series-{i})" for i, colour in enumerate(SERIES)},
}
# Small, so that the text is still read where a telephone shows it at full width.
_WIDTH_IN, _HEIGHT_IN = 4.4, 3.2
_STYLE: Any = {
    "svg.fonttype": "none",
    "font.family": "sans-serif",
    "font.size": 9.0,
    "text.color": INK,
    "axes.edgecolor": MUTED,
    "axes.labelcolor": INK,
    "axes.grid": True,
    "axes.spines.top": False,
    "axes.spines.right": False,
    "axes.linewidth": 0.8,
    "axes.unicode_minus": False,
    "grid.color": GRID,
    "grid.linewidth": 0.6,
    "xtick.color": INK,
    "ytick.color": INK,
    "legend.frameon": False,
    "legend.fontsize": 8.0,
    "lines.linewidth": 1.6,
    "path.simplify": True,
    # A dollar sign in the name of a file is no formula.
    "text.parse_math": False,
}


def colour(index: int) -> str:
    """Return the colour of a series."""
    return SERIES[index % len(SERIES)]


def line(index: int) -> Any:
    """Return the line style of a series: colour alone is not seen by all."""
    return LINES[index % len(LINES)]


def marker(index: int) -> str:
    """Return the marker of a series."""
    return MARKERS[index % len(MARKERS)]


def styled(draw: Callable[P, str]) -> Callable[P, str]:
    """Let a function draw in the report's style; what it changes of matplotlib ends with it."""

    @functools.wraps(draw)
    def wrapper(*args: P.args, **kwargs: P.kwargs) -> str:
        with matplotlib.rc_context(_STYLE):
            return draw(*args, **kwargs)

    return wrapper


class Plot:
    """A figure with one set of axes, for a function that is :func:`styled`.

    Parameters
    ----------
    name : str
        Unique within the page; it keeps the parts of different pictures apart.
    height_in : float
    """

    def __init__(self, name: str, height_in: float = _HEIGHT_IN) -> None:
        self._name = name
        self.figure = Figure(figsize=(_WIDTH_IN, height_in), layout="constrained")
        self.axes: Any = self.figure.add_subplot()
        self.axes.set_axisbelow(True)

    def svg(self, description: str) -> str:
        """Return the picture as SVG to stand within HTML.

        Parameters
        ----------
        description : str
            What is seen, for those who do not see it.
        """
        file = io.StringIO()
        with matplotlib.rc_context({"svg.hashsalt": self._name}):
            self.figure.savefig(file, format="svg", transparent=True, metadata={"Date": None})
        return _inline(file.getvalue(), self._name, description)


def _inline(svg: str, name: str, description: str) -> str:
    svg = svg[svg.index("<svg") :]
    # What a file of its own needs, and a page must not have: metadata with addresses, a style that would hold for
    # the whole page, namespaces, a fixed size.
    svg = re.sub(r"<(metadata|style)\b.*?</\1>\s*", "", svg, flags=re.DOTALL)
    svg = re.sub(r' xmlns(:xlink)?="[^"]*"', "", svg).replace("xlink:href", "href")
    head, rest = svg.split(">", 1)
    view_box = re.search(r'viewBox="[^"]*"', head)
    # Names of groups repeat from picture to picture; nothing refers to them.
    rest = re.sub(r'<g id="[^"]*"', "<g", rest)
    rest = re.sub(r'(id="|url\(#|href="#)', rf"\g<1>{name}-", rest)
    for literal, variable in _VARIABLES.items():
        rest = rest.replace(literal, variable)
    label = description.replace("&", "&amp;").replace('"', "&quot;").replace("<", "&lt;")
    return f'<svg class="plot" {view_box.group(0) if view_box else ""} role="img" aria-label="{label}">{rest}'
