"""The pages of a built site, read from their HTML, and what is wrong with them."""

from __future__ import annotations

import os
import re
from collections.abc import Iterator
from dataclasses import dataclass, field
from functools import cached_property
from html.parser import HTMLParser
from pathlib import Path
from urllib.parse import unquote, urlsplit

# What a browser fetches without being asked; `link` only with some of its meanings.
_FETCHED = {
    "img": ("src", "srcset"),
    "script": ("src",),
    "iframe": ("src",),
    "source": ("src", "srcset"),
    "video": ("src", "poster"),
    "audio": ("src",),
    "embed": ("src",),
    "object": ("data",),
    "use": ("href", "xlink:href"),
}
_FETCHED_RELATIONS = {
    "stylesheet",
    "icon",
    "preload",
    "prefetch",
    "preconnect",
    "dns-prefetch",
    "manifest",
    "modulepreload",
}
_VOID = {"img", "br", "hr", "input", "link", "meta", "source", "wbr", "col", "area", "base", "embed", "track"}
# Markdown that was not understood and stands on the page as text.
_LEFT_OVER = re.compile(r"```|\]\(|^\s*\|.*\|\s*$|^ {0,3}[-*] \S|^#{1,6} |::: ", flags=re.M)
_CSS_ADDRESS = re.compile(r"""url\(\s*["']?([^"')]+)|@import\s+["']([^"']+)""")


@dataclass
class SitePage(HTMLParser):
    """One page: its anchors, where its links lead, what it fetches, and its text outside of code."""

    path: Path
    anchors: set[str] = field(default_factory=set)
    links: list[str] = field(default_factory=list)
    fetched: list[str] = field(default_factory=list)
    images_without_alt: list[str] = field(default_factory=list)

    def __post_init__(self) -> None:
        super().__init__(convert_charrefs=True)
        self._open: list[str] = []
        self._text: list[str] = []
        self.feed(self.path.read_text(encoding="utf-8"))
        self.close()

    __hash__ = object.__hash__

    @cached_property
    def text(self) -> str:
        """Text of the article, with code, scripts and styles left out."""
        return "".join(self._text)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        """Note what an element is, links to or fetches."""
        found = {name: value or "" for name, value in attrs}
        self.anchors.update(found[name] for name in ("id", "name") if found.get(name))
        if tag in {"a", "area"} and "href" in found:
            self.links.append(found["href"])
        self.fetched.extend(
            part.split()[0] for name in _FETCHED.get(tag, ()) for part in found.get(name, "").split(",") if part
        )
        if tag == "link" and set(found.get("rel", "").split()) & _FETCHED_RELATIONS:
            self.fetched.append(found["href"])
        self.fetched.extend(css_addresses(found.get("style", "")))
        if tag == "img" and not found.get("alt"):
            self.images_without_alt.append(found.get("src", ""))
        if tag not in _VOID:
            self._open.append(tag)

    def handle_endtag(self, tag: str) -> None:
        """Close an element."""
        if tag in self._open:
            while self._open.pop() != tag:
                pass

    def handle_data(self, data: str) -> None:
        """Keep the text that a reader sees as text."""
        if "style" in self._open:
            self.fetched.extend(css_addresses(data))
        if "article" in self._open and not {"code", "pre", "script", "style", "svg"} & set(self._open):
            self._text.append(data)


def css_addresses(css: str) -> list[str]:
    """Return what a style sheet fetches; pictures that are written into it are none."""
    found = (a or b for a, b in _CSS_ADDRESS.findall(css))
    return [address for address in found if not address.startswith(("data:", "#"))]


class Site:
    """All pages of a folder.

    Parameters
    ----------
    root : Path
        Folder that a build has written.
    """

    def __init__(self, root: Path) -> None:
        self.root = root.resolve()
        self.pages = {path: SitePage(path) for path in sorted(self.root.rglob("*.html"))}

    def complaints(self) -> Iterator[str]:
        """Yield a line for everything that is wrong."""
        for page in self.pages.values():
            name = page.path.relative_to(self.root).as_posix()
            found = [
                *(self._of_link(page, link) for link in page.links),
                *(self._of_fetched(page.path, address) for address in page.fetched),
                *(f"image {source} has no text" for source in page.images_without_alt),
                *(f"not understood: {left!r}" for left in _LEFT_OVER.findall(page.text)),
            ]
            yield from (f"{name}: {complaint}" for complaint in found if complaint)
        for sheet in self.root.rglob("*.css"):
            for address in css_addresses(sheet.read_text(encoding="utf-8")):
                if complaint := self._of_fetched(sheet, address):
                    yield f"{sheet.relative_to(self.root)}: {complaint}"
        for picture in self.root.rglob("*.svg"):
            text = re.sub(r'xmlns(:\w+)?="[^"]*"', "", picture.read_text(encoding="utf-8"))
            if re.search(r"https?://|<script", text):
                yield f"{picture.relative_to(self.root)}: names what lies outside"

    def _of_link(self, page: SitePage, link: str) -> str | None:
        parts = urlsplit(link)
        if parts.scheme or parts.netloc:
            is_well_formed = parts.scheme == "https" and re.fullmatch(r"([\w-]+\.)+[a-z]{2,}", parts.netloc)
            return None if is_well_formed else f"link {link} is no address of the form https://name.domain/..."
        target = self._target(page.path, parts.path)
        if target is None:
            return f"link {link} leads nowhere"
        anchors = self.pages[target].anchors if target in self.pages else set()
        if parts.fragment and unquote(parts.fragment) not in anchors:
            return f"link {link}: there is no such anchor"
        return None

    def _of_fetched(self, place: Path, address: str) -> str | None:
        parts = urlsplit(address)
        if parts.scheme == "data":
            return None
        if parts.scheme or parts.netloc:
            return f"{address} is fetched from outside"
        return None if self._target(place, parts.path) else f"{address} is not there"

    def _target(self, place: Path, path: str) -> Path | None:
        if path.startswith("/"):
            return None  # from the disk, that is another place
        target = Path(os.path.normpath(place.parent / unquote(path))) if path else place
        is_inside = target.is_relative_to(self.root)
        return target if is_inside and target.is_file() else None
