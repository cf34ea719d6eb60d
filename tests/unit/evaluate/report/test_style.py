"""SVG that can stand in a page: no addresses, no names twice, colours of the page."""

import re

from kws.evaluate.report.style import INK, SERIES, Plot, colour, line, marker, styled


@styled
def draw(name: str, label: str = "line") -> str:
    plot = Plot(name)
    plot.axes.plot([0, 1], [0, 1], "o-", color=colour(0), label=label)
    plot.axes.plot([0, 1], [1, 0], color=colour(1))
    plot.axes.legend()
    return plot.svg('what "it" shows: a < b & c')


def test_it_asks_nothing_of_other_places():
    assert "http" not in draw("one") and "xmlns" not in draw("one") and "<style" not in draw("one")


def test_series_differ_in_more_than_colour():
    looks = [(colour(i), str(line(i)), marker(i)) for i in range(len(SERIES))]
    assert all(len(set(column)) == len(SERIES) for column in zip(*looks, strict=True))


def test_colours_are_those_of_the_page():
    svg = draw("one")
    assert "var(--series-0)" in svg and "var(--series-1)" in svg and "var(--ink)" in svg
    assert not any(literal in svg for literal in (INK, *SERIES)) and "#000000" not in svg


def test_names_are_unique_to_the_picture_and_all_references_are_met():
    svg = draw("one") + draw("two")
    names = re.findall(r'\bid="([^"]*)"', svg)
    assert len(names) == len(set(names))
    references = re.findall(r'url\(#([^)]*)\)|href="#([^"]*)"', svg)
    assert references and {a or b for a, b in references} <= set(names)


def test_the_same_picture_twice_is_the_same_text():
    assert draw("one") == draw("one")


def test_descriptions_and_labels_are_escaped():
    svg = draw("one", "<b>$x$ & more")
    assert 'aria-label="what &quot;it&quot; shows: a &lt; b &amp; c"' in svg
    assert "&lt;b&gt;$x$ &amp; more" in svg and "<b>" not in svg


def test_nothing_of_the_style_stays_behind():
    import matplotlib

    before = dict(matplotlib.rcParams)
    draw("one")
    assert dict(matplotlib.rcParams) == before
