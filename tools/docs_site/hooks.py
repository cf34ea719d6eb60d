"""What the documents link to beside docs/ becomes part of the site: pages as pages, other text files as listings.

The documents are also read on the code-hosting site, so their links are those of the repository:
``../recipes/my-word.toml``, or ``docs/record.md`` in the README. Here each becomes the link of the site's own page.
"""

from __future__ import annotations

import posixpath
import re
from collections.abc import Iterator
from pathlib import Path, PurePosixPath

from mkdocs.config.defaults import MkDocsConfig
from mkdocs.structure.files import File, Files, InclusionLevel
from mkdocs.structure.pages import Page

# Folder of the site for what lies outside docs/, under the names that it has in the repository.
OUTSIDE = "repository"
# Always there, as the navigation names them.
PROJECT_PAGES = ("README.md", "CONTRIBUTING.md", "CHANGELOG.md")
LEXERS = {
    ".toml": "toml",
    ".py": "python",
    ".sh": "sh",
    ".json": "json",
    ".cfg": "ini",
    ".java": "java",
    ".kt": "kotlin",
}

# Code is kept apart, as what looks like a link in it is none.
_CODE = re.compile(r"(^ *(?:```|~~~).*?^ *(?:```|~~~) *$|`[^`\n]+`)", flags=re.M | re.S)
_LINK = re.compile(r"(\]\()([^)\s#]+)((?:#[^)\s]*)?\))")


def repository_path(src_uri: str, docs: str) -> str:
    """Return where a page of the site lies in the repository."""
    if src_uri.startswith(f"{OUTSIDE}/"):
        return src_uri.removeprefix(f"{OUTSIDE}/")
    return f"{docs}/{src_uri}"


def site_path(path: str, docs: str) -> str:
    """Return the source path in the site of a file of the repository."""
    if path.startswith(f"{docs}/"):
        return path.removeprefix(f"{docs}/")
    return f"{OUTSIDE}/{path}" if path.endswith(".md") else f"{OUTSIDE}/{path}.md"


def relative_targets(markdown: str, path: str) -> Iterator[str]:
    """Yield the paths in the repository that a page's relative links lead to."""
    for text in _CODE.split(markdown)[::2]:
        for _, target, _ in _LINK.findall(text):
            if ":" not in target:
                yield _joined(path, target)


def rewritten(markdown: str, src_uri: str, docs: str, root: Path) -> str:
    """Return a page with its links to files of the repository as links within the site.

    Parameters
    ----------
    markdown : str
    src_uri : str
        Source path of the page in the site.
    docs : str
        Name of the documents' folder.
    root : Path
        The repository. A link to what it does not hold is left as it is, for MkDocs to complain of.
    """
    path = repository_path(src_uri, docs)

    def replace(link: re.Match[str]) -> str:
        target = _joined(path, link[2])
        if ":" in link[2] or not (root / target).is_file():
            return link[0]
        return link[1] + posixpath.relpath(site_path(target, docs), posixpath.dirname(src_uri) or ".") + link[3]

    parts = _CODE.split(markdown)
    return "".join(part if index % 2 else _LINK.sub(replace, part) for index, part in enumerate(parts))


def listing(path: str, text: str) -> str:
    """Return a text file as a page that shows it."""
    name = PurePosixPath(path)
    fence = "`" * 4
    return f"# {name.name}\n\n`{path}`\n\n{fence}{LEXERS.get(name.suffix, 'text')}\n{text.rstrip()}\n{fence}\n"


def on_config(config: MkDocsConfig) -> MkDocsConfig:
    """Leave out the page for addresses that are not there: its links only hold at the root of a server."""
    config.theme.static_templates.discard("404.html")
    return config


def on_files(files: Files, config: MkDocsConfig) -> Files:
    """Add what the pages link to outside docs/, and what those link to in turn."""
    root, docs = Path(config.config_file_path).parent, Path(config.docs_dir).name
    waiting = [(repository_path(file.src_uri, docs), file.content_string) for file in files.documentation_pages()]
    targets = [*PROJECT_PAGES]
    while waiting or targets:
        if waiting:
            path, markdown = waiting.pop()
            targets.extend(relative_targets(markdown, path))
            continue
        target = targets.pop()
        src_uri = site_path(target, docs)
        if target.startswith(("../", f"{docs}/")) or src_uri in files.src_uris or not (root / target).is_file():
            continue
        text = (root / target).read_text(encoding="utf-8")
        is_page = target.endswith(".md")
        level = InclusionLevel.INCLUDED if target in PROJECT_PAGES else InclusionLevel.NOT_IN_NAV
        content = text if is_page else listing(target, text)
        files.append(File.generated(config, src_uri, content=content, inclusion=level))
        if is_page:
            waiting.append((target, text))
    return files


def on_page_markdown(markdown: str, page: Page, config: MkDocsConfig, files: Files) -> str:
    """Turn the links of the repository into those of the site."""
    root = Path(config.config_file_path).parent
    return rewritten(markdown, page.file.src_uri, Path(config.docs_dir).name, root)


def _joined(path: str, target: str) -> str:
    return posixpath.normpath(posixpath.join(posixpath.dirname(path), target))
