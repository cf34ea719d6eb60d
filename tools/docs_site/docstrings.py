"""Docstrings as Markdown: a role of reStructuredText, such as ``:class:`Detector```, becomes code."""

from __future__ import annotations

import re
from typing import Any

from griffe import Extension, Object

_ROLE = re.compile(r":(?:class|func|data|meth|mod|attr|obj|exc):`~?([^`]+)`")


def as_markdown(text: str) -> str:
    """Return a docstring's text without roles."""
    return _ROLE.sub(r"`\1`", text)


class MarkdownDocstrings(Extension):
    """Applied to every docstring that is read."""

    def on_instance(self, *, obj: Object, **_: Any) -> None:
        """Rewrite the docstring of an object, if it has one."""
        if obj.docstring is not None:
            obj.docstring.value = as_markdown(obj.docstring.value)
