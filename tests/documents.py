"""The documents taken apart: fenced blocks, commands, and what stands in code within a line."""

from __future__ import annotations

import re
import shlex
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

ROOT = Path(__file__).resolve().parents[1]
PAGES = sorted([*ROOT.glob("*.md"), *(ROOT / "docs").rglob("*.md"), *(ROOT / "kws" / "assets").glob("*.md")])
SHELL = ("sh", "bash", "shell", "console")

_FENCE = re.compile(r"^( *)(`{3,}|~{3,})(.*)$")
_BETWEEN_COMMANDS = {"|", "||", "&&", "&", ";", "(", ")"}
_SHELL_WORDS = {"while", "until", "do", "done", "if", "then", "else", "fi", "for", "!", "time", "exec"}
_TO_FILE = {"<", ">", ">>"}


@dataclass(frozen=True)
class Block:
    """A fenced block.

    Parameters
    ----------
    page : str
        Path of the document in the repository.
    line : int
        Line of its fence, from 1.
    language : str
        What stands behind the fence; may be empty.
    text : str
        Its lines, without the indent of the fence.
    """

    page: str
    line: int
    language: str
    text: str

    def __str__(self) -> str:
        return f"{self.page}:{self.line}"


def name_of(page: Path) -> str:
    """Return the path of a document in the repository."""
    return page.relative_to(ROOT).as_posix()


def blocks_of(text: str, page: str = "") -> list[Block]:
    """Return the fenced blocks of a document; one that is not closed ends with it."""
    found: list[Block] = []
    lines = iter(enumerate(text.splitlines(), start=1))
    for number, line in lines:
        fence = _FENCE.match(line)
        if fence is None:
            continue
        indent, ticks, language = fence.groups()
        inside: list[str] = []
        for _, further in lines:
            if re.fullmatch(rf" *{ticks[0]}{{{len(ticks)},}} *", further):
                break
            inside.append(further.removeprefix(indent))
        found.append(Block(page, number, language.strip(), "".join(f"{kept}\n" for kept in inside)))
    return found


def prose_of(text: str) -> str:
    """Return a document without its fenced blocks."""
    kept, ticks = [], ""
    for line in text.splitlines():
        fence = _FENCE.match(line)
        if ticks:
            ticks = "" if fence and fence[2].startswith(ticks) and not fence[3].strip() else ticks
        elif fence:
            ticks = fence[2]
        else:
            kept.append(line)
    return "\n".join(kept)


def code_in_lines(text: str) -> list[str]:
    """Return what stands between single backticks outside of blocks."""
    return re.findall(r"(?<!`)`([^`]+)`(?!`)", prose_of(text))


ALL_BLOCKS = [block for page in PAGES for block in blocks_of(page.read_text(encoding="utf-8"), name_of(page))]


def commands_of(script: str) -> Iterator[list[str]]:
    """Yield the commands of a shell script as lists of words.

    Pipes and lists are taken apart; comments, prompts, redirections, assignments and the brackets around what may be
    left out are dropped.
    """
    for line in script.replace("\\\n", " ").splitlines():
        # `<this repository>`, which a reader fills in, is one word; `2>&1` is none.
        plain = re.sub(r"\d>&\d", "", re.sub(r"<(\w[^<>]*\w)>", r"'<\1>'", line.removeprefix("$ ")))
        lexer = shlex.shlex(plain, posix=True, punctuation_chars=True)
        lexer.whitespace_split = True
        command: list[str] = []
        words = iter(list(lexer))
        for word in words:
            if word in _BETWEEN_COMMANDS:
                yield from ([command] if command else [])
                command = []
            elif word in _TO_FILE:
                next(words, None)
            elif command or not (word in _SHELL_WORDS or re.match(r"[A-Z_]+=", word)):
                command.append(_without_brackets(word))
        yield from ([command] if command else [])


def _without_brackets(word: str) -> str:
    """Take `[--load]` and the parts of `[--channels 4]`, which may be left out, as given."""
    if word.startswith("[--"):
        word = word[1:]
    return word[:-1] if word.endswith("]") and "[" not in word else word
