"""Links of the repository as links of the site."""

from __future__ import annotations

import importlib.util
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[3]


def load(name: str):
    spec = importlib.util.spec_from_file_location(name, ROOT / "tools" / "docs_site" / f"{name}.py")
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


hooks, docstrings = load("hooks"), load("docstrings")


@pytest.mark.parametrize(
    ("src_uri", "link", "expected"),
    [
        ("quickstart.md", "../recipes/my-word.toml", "repository/recipes/my-word.toml.md"),
        ("reference/index.md", "../architecture.md#conventions", "../architecture.md#conventions"),
        ("reference/index.md", "../../README.md", "../repository/README.md"),
        ("measuring.md", "../README.md#how-accuracy-is-reported", "repository/README.md#how-accuracy-is-reported"),
        ("repository/README.md", "docs/record.md", "../record.md"),
        ("repository/README.md", "docs/images/view.svg", "../images/view.svg"),
        ("repository/README.md", "LICENSE", "LICENSE.md"),
        ("repository/README.md", "recipes/my-word.toml", "recipes/my-word.toml.md"),
        ("repository/kws/assets/computer.md", "../../docs/record.md", "../../../record.md"),
        ("quickstart.md", "../recipes/gone.toml", "../recipes/gone.toml"),
        ("quickstart.md", "https://example.org/a.md", "https://example.org/a.md"),
        ("quickstart.md", "#here", "#here"),
    ],
)
def test_a_link_of_the_repository_becomes_one_of_the_site(src_uri, link, expected):
    assert hooks.rewritten(f"a [b]({link}) c", src_uri, "docs", ROOT) == f"a [b]({expected}) c"


def test_code_is_left_alone():
    text = "`[a](../LICENSE)`\n\n```md\n[a](../LICENSE)\n```\n\n[a](../LICENSE)\n"
    assert (
        hooks.rewritten(text, "a.md", "docs", ROOT)
        == text[: -len("[a](../LICENSE)\n")] + "[a](repository/LICENSE.md)\n"
    )
    assert list(hooks.relative_targets(text, "docs/a.md")) == ["LICENSE"]


def test_a_listing_holds_fences_of_its_own():
    page = hooks.listing("recipes/a.toml", "# ```\nb = 1\n")
    assert page == "# a.toml\n\n`recipes/a.toml`\n\n````toml\n# ```\nb = 1\n````\n"


def test_roles_become_code():
    text = "See :class:`kws.runtime.channels.BestRow` and :func:`~kws.decision.smooth`, ``a`` and `b`."
    assert (
        docstrings.as_markdown(text) == "See `kws.runtime.channels.BestRow` and `kws.decision.smooth`, ``a`` and `b`."
    )
