"""The checker of the built site finds what is planted, and nothing in a sound page."""

from __future__ import annotations

import pytest

from tests.site_pages import Site, SitePage

SOUND = """<html><head><link rel="stylesheet" href="site.css"><link rel="canonical" href="https://example.org/x"></head><body>
<article><h1 id="top">Top</h1><p><a href="#top">up</a> <a href="sub/other.html#there">other</a>
<a href="https://example.org/">out</a> <code>```](</code> a - b | c</p><img src="a.png" alt="A"></article>
<script src="site.js"></script></body></html>"""

DEFECTS = {
    '<a href="gone.html">x</a>': "gone.html leads nowhere",
    '<a href="sub/other.html#gone">x</a>': "no such anchor",
    '<a href="#gone">x</a>': "no such anchor",
    '<a href="/sub/other.html">x</a>': "leads nowhere",
    '<a href="../outside.html">x</a>': "leads nowhere",
    '<a href="sub">x</a>': "leads nowhere",
    '<a href="http://example.org/">x</a>': "no address of the form",
    '<a href="https://localhost/">x</a>': "no address of the form",
    '<img src="gone.png" alt="A">': "gone.png is not there",
    '<img src="a.png">': "has no text",
    '<img src="https://example.org/a.png" alt="A">': "is fetched from outside",
    '<img src="a.png" srcset="gone.png 2x" alt="A">': "gone.png is not there",
    '<script src="//example.org/a.js"></script>': "is fetched from outside",
    '<link rel="preconnect" href="https://example.org">': "is fetched from outside",
    '<iframe src="https://example.org"></iframe>': "is fetched from outside",
    "<style>@import 'https://example.org/a.css';</style>": "is fetched from outside",
    '<p style="background: url(https://example.org/a.png)">x</p>': "is fetched from outside",
    "<p>a ```sh b</p>": "not understood",
    "<p>[a](b</p>": "not understood",
    "<p>as follows:\n- one</p>": "not understood",
    "<p>\n| a | b |\n</p>": "not understood",
    "<p>::: kws.runtime</p>": "not understood",
}


def site_with(folder, more: str) -> Site:
    (folder / "site" / "sub").mkdir(parents=True)
    for name, text in {"site.css": "a { color: red }", "site.js": "", "a.png": ""}.items():
        (folder / "site" / name).write_text(text)
    (folder / "outside.html").write_text("")
    (folder / "site" / "sub" / "other.html").write_text(
        '<article><a href="../index.html">x</a><a id="there"></a></article>'
    )
    (folder / "site" / "index.html").write_text(SOUND.replace("</article>", f"{more}</article>"))
    return Site(folder / "site")


def test_a_sound_site_has_no_complaints(tmp_path):
    assert list(site_with(tmp_path, "").complaints()) == []


@pytest.mark.parametrize("defect", DEFECTS)
def test_each_planted_defect_is_the_one_complaint(tmp_path, defect):
    (complaint,) = site_with(tmp_path, defect).complaints()
    assert complaint.startswith("index.html: ") and DEFECTS[defect] in complaint


@pytest.mark.parametrize(
    ("name", "text"),
    [
        ("more.css", "a { background: url('https://example.org/a.woff') }"),
        ("more.css", "a { background: url(gone.png) }"),
        (
            "more.svg",
            '<svg xmlns="http://www.w3.org/2000/svg"><style>@font-face { src: url(https://a.org/b) }</style></svg>',
        ),
    ],
)
def test_style_sheets_and_drawings_are_looked_at(tmp_path, name, text):
    site = site_with(tmp_path, "")
    (site.root / name).write_text(text)
    (complaint,) = site.complaints()
    assert name in complaint


def test_text_in_code_is_no_text(tmp_path):
    path = tmp_path / "a.html"
    path.write_text("<article><p>seen <code>hidden</code></p><pre>hidden</pre><br>seen</article><p>hidden</p>")
    assert SitePage(path).text.split() == ["seen", "seen"]
