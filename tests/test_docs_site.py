"""The site of the documents: built without a warning, no link leads nowhere, nothing is needed from elsewhere."""

from __future__ import annotations

import ast
import importlib
import importlib.util
import os
import re
import subprocess
import sys
import textwrap
import threading
from functools import partial
from http.server import SimpleHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import pytest

from tests.browser import browser, wait_for
from tests.site_pages import Site

ROOT = Path(__file__).resolve().parents[1]
DOCS = ROOT / "docs"


def mkdocs(*arguments: object) -> subprocess.CompletedProcess[str]:
    """Run MkDocs; without it the test says how to get it."""
    lacking = [name for name in ("mkdocs", "material", "mkdocstrings_handlers.python") if not is_there(name)]
    assert not lacking, f"{', '.join(lacking)} cannot be imported: pip install -e '.[docs]'"
    command = [sys.executable, "-m", "mkdocs", *map(str, arguments)]
    env = {**os.environ, "NO_MKDOCS_2_WARNING": "1", "NO_COLOR": "1"}
    return subprocess.run(command, cwd=ROOT, capture_output=True, text=True, env=env, timeout=300)


def options_of_make() -> list[str]:
    """Return what `make docs` calls MkDocs with."""
    called = re.search(r"-m mkdocs (.+)", (ROOT / "Makefile").read_text(encoding="utf-8"))
    assert called, "make docs calls no MkDocs"
    return called[1].split()


def is_there(module: str) -> bool:
    try:
        return importlib.util.find_spec(module) is not None
    except ModuleNotFoundError:
        return False


@pytest.fixture(scope="module")
def site(tmp_path_factory: pytest.TempPathFactory) -> Site:
    folder = tmp_path_factory.mktemp("site")
    finished = mkdocs(*options_of_make(), "--site-dir", folder)
    assert finished.returncode == 0, finished.stdout + finished.stderr
    return Site(folder)


def test_links_images_and_anchors_are_there_and_nothing_is_fetched_from_outside(site):
    assert list(site.complaints()) == []


def test_every_document_is_a_page(site):
    written = {path.relative_to(site.root).with_suffix("").as_posix() for path in site.pages}
    documents = {path.relative_to(DOCS).with_suffix("").as_posix() for path in DOCS.rglob("*.md")}
    assert documents <= written
    assert {"repository/CHANGELOG", "repository/recipes/my-word.toml", "repository/LICENSE"} <= written


def reference_names(site: Site) -> set[str]:
    """Return the full names that have an entry in the reference."""
    pages = [page for path, page in site.pages.items() if path.parent.name == "reference"]
    return {anchor for page in pages for anchor in page.anchors if "." in anchor}


def documented_modules() -> list[str]:
    text = "".join(path.read_text(encoding="utf-8") for path in (DOCS / "reference").glob("*.md"))
    return sorted(re.findall(r"^::: (\S+)$", text, flags=re.M))


@pytest.mark.parametrize("name", documented_modules())
def test_what_a_module_gives_out_has_an_entry(site, name):
    module = importlib.import_module(name)
    names = reference_names(site)
    given = getattr(module, "__all__", None)
    if given is None:
        tree = ast.parse(Path(module.__file__).read_text(encoding="utf-8"))
        given = [node.name for node in tree.body if isinstance(node, (ast.ClassDef, ast.FunctionDef))]
    # Names for a text or a number stand in the text of what takes them.
    given = [member for member in given if not isinstance(getattr(module, member), (str, int))]
    # A function that is called as its module is has the module's entry.
    lacking = [member for member in given if not {f"{name}.{member}", f"{name}.{member}.{member}"} & names]
    assert given and [member for member in lacking if not member.startswith("_")] == []


def test_the_interfaces_of_the_architecture_are_in_the_reference(site):
    text = (DOCS / "architecture.md").read_text(encoding="utf-8")
    block = text.split("## Interfaces")[1].split("```python\n")[1].split("```")[0]
    code = re.sub(r"#.*", "", block)
    called = set(re.findall(r"(?<![.\w])([A-Za-z]\w+)(?=[(\[.])", code)) - set(re.findall(r"(\w+) = ", code))
    ends = {name.rsplit(".", 1)[1] for name in reference_names(site)}
    assert len(called) > 50
    # Objects whose attributes are named, and the class that a user writes.
    assert called - ends <= {"recipe", "a", "b", "model", "MySink"}


SAMPLE = '''
def f(a: int) -> None:
    """Do.

    Parameters
    ----------
    b : int
    """
'''
BROKEN = {
    "a link to a page that is not there": ("index.md", "[x](gone.md)"),
    "an anchor that is not there": ("index.md", "[x](other.md#gone)"),
    "an absolute link": ("index.md", "[x](/other.md)"),
    "a link to a file that the repository lacks": ("index.md", "[x](../recipes/gone.toml)"),
    "a page that the navigation lacks": ("forgotten.md", "# Forgotten"),
    "a name that the code lacks": ("index.md", "::: kws.runtime.detector.Gone"),
    "a parameter that the code lacks": ("index.md", "::: sample.f"),
}


@pytest.mark.parametrize("defect", [None, *BROKEN])
def test_a_defect_ends_the_build(tmp_path, defect):
    pages = {"index.md": "# A\n\n[b](other.md#b)\n\n", "other.md": "# B\n\n[a](index.md)\n\n"}
    if defect:
        name, text = BROKEN[defect]
        pages[name] = pages.get(name, "") + text
    (tmp_path / "docs").mkdir()
    for name, text in pages.items():
        (tmp_path / "docs" / name).write_text(f"{text}\n", encoding="utf-8")
    (tmp_path / "sample.py").write_text(SAMPLE, encoding="utf-8")
    (tmp_path / "mkdocs.yml").write_text(settings_of_two_pages(tmp_path), encoding="utf-8")
    finished = mkdocs(*options_of_make(), "--config-file", tmp_path / "mkdocs.yml", "--site-dir", tmp_path / "site")
    assert (finished.returncode != 0) == bool(defect), finished.stdout + finished.stderr


def settings_of_two_pages(folder: Path) -> str:
    """Return the settings of the site for other pages: all that is not named here is inherited."""
    return textwrap.dedent(f"""\
        INHERIT: {ROOT / "mkdocs.yml"}
        docs_dir: {folder / "docs"}
        nav: [index.md, other.md]
        extra_css: []
        hooks: [{ROOT / "tools/docs_site/hooks.py"}]
        plugins:
          mkdocstrings: {{handlers: {{python: {{paths: ["{ROOT}", "{folder}"]}}}}}}
        """)


SHOWN = [
    "index.html",
    "evaluation.html",
    "quickstart.html",
    "record.html",
    "architecture.html",
    "repository/index.html",
    "reference/runtime.html",
]


@pytest.fixture(scope="module")
def driver():
    with browser(1400, 900) as found:
        yield found


@pytest.fixture(scope="module")
def server(site):
    handler = partial(QuietHandler, directory=site.root)
    with ThreadingHTTPServer(("127.0.0.1", 0), handler) as found:
        threading.Thread(target=found.serve_forever, daemon=True).start()
        yield f"http://127.0.0.1:{found.server_port}/"
        found.shutdown()


class QuietHandler(SimpleHTTPRequestHandler):
    def log_message(self, format: str, *args: object) -> None:
        pass


def complaints_of(driver) -> list[str]:
    return [entry["message"] for entry in driver.get_log("browser") if entry["level"] in ("SEVERE", "WARNING")]


@pytest.mark.parametrize("page", SHOWN)
def test_a_browser_shows_a_page_from_the_disk_wide_and_narrow(site, driver, page):
    for width in (1400, 420):
        driver.set_window_size(width, 900)
        driver.get((site.root / page).as_uri())
        # Wide tables and code scroll in themselves; the page does not.
        assert driver.execute_script("return document.documentElement.scrollWidth - window.innerWidth") <= 0, width
        images = driver.execute_script("return [...document.images].filter(i => !i.naturalWidth).map(i => i.src)")
        assert images == []
        assert complaints_of(driver) == []


def test_a_page_from_a_server_fetches_from_there_only(server, driver):
    for page in SHOWN:
        driver.get(server + page)
        fetched = driver.execute_script("return performance.getEntriesByType('resource').map(entry => entry.name)")
        assert len(fetched) >= 4 and [address for address in fetched if not address.startswith(server)] == []
        assert complaints_of(driver) == []


def test_search_works_from_the_disk(site, driver):
    driver.set_window_size(1400, 900)
    driver.get((site.root / "record.html").as_uri() + "?q=refractory")
    found = "return [...document.querySelectorAll('.md-search-result__link')].map(link => link.href)"
    links = wait_for(lambda: driver.execute_script(found), "what was searched for", 60)
    assert any("/reference/" in link for link in links) and all(link.startswith("file://") for link in links)
