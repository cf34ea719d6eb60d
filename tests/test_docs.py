"""The documents against the code: commands, options, imports, links and make targets that they name exist."""

from __future__ import annotations

import ast
import importlib
import os
import re
import shlex
import subprocess
import sys
from functools import cache
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parent.parent
PAGES = sorted([*ROOT.glob("*.md"), *(ROOT / "docs").rglob("*.md")])
SHIMS = {"run.py": "run", "train.py": "train"}
GROUPS = {"data"}
# A command that has others beside it: `kws label DIR`, `kws label export DIR`.
BESIDE = {"label": {"import", "export"}}
SEPARATORS = {"|", "&&", ";", "||"}


def code_blocks(page: Path, *languages: str) -> list[str]:
    """Return the fenced blocks of a page in one of the languages, without their indent."""
    blocks = re.findall(r"^( *)```(\w*)\n(.*?)^\1```", page.read_text(encoding="utf-8"), flags=re.M | re.S)
    return [re.sub(f"^{indent}", "", text, flags=re.M) for indent, language, text in blocks if language in languages]


def shell_commands(page: Path) -> list[list[str]]:
    """Return the commands of a page's shell blocks as lists of words, pipes taken apart."""
    commands: list[list[str]] = []
    for block in code_blocks(page, "sh", "bash", "shell", "console"):
        for line in block.replace("\\\n", " ").splitlines():
            words = shlex.split(line.removeprefix("$ "), comments=True)
            commands.append([])
            for word in words:
                if word in SEPARATORS:
                    commands.append([])
                else:
                    commands[-1].append(word)
    return [command for command in commands if command]


def subcommand_and_options(command: list[str]) -> tuple[str, list[str]] | None:
    """Return the subcommand and the options of a command of ours, None for any other program."""
    if command[0] == "kws":
        rest = command[1:]
        has_two = len(rest) > 1 and rest[1] in BESIDE.get(rest[0], ())
        n_words = 2 if rest and (rest[0] in GROUPS or has_two) else 1
        name = " ".join(word for word in rest[:n_words] if not word.startswith("-"))
    elif command[0].startswith("python") and len(command) > 1 and command[1] in SHIMS:
        name, rest = SHIMS[command[1]], command[2:]
    else:
        return None
    return name, [word.split("=")[0] for word in rest if word.startswith("-") and word != "-"]


OURS = sorted(
    {
        (page.relative_to(ROOT).as_posix(), name, option)
        for page in PAGES
        for command in shell_commands(page)
        if (parsed := subcommand_and_options(command))
        for name, options in [parsed]
        for option in ["--help", *options]
    }
)


@cache
def help_of(name: str) -> str:
    """Return what ``kws NAME --help`` prints, wide and without colours."""
    command = [sys.executable, "-c", "from kws.cli import main; main()", *name.split(), "--help"]
    plain = {**os.environ, "COLUMNS": "300", "TERMINAL_WIDTH": "300", "NO_COLOR": "1", "TERM": "dumb"}
    finished = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, env=plain)
    assert finished.returncode == 0, finished.stderr[-2000:]
    return re.sub(r"\x1b\[[0-9;]*m", "", finished.stdout)


@pytest.mark.parametrize(("page", "name", "option"), OURS)
def test_options_in_documents_exist(page: str, name: str, option: str) -> None:
    assert re.search(rf"(?<![\w-]){re.escape(option)}(?![\w-])", help_of(name)), f"{page}: kws {name} has no {option}"


def test_the_documents_name_commands_at_all() -> None:
    assert ("README.md", "run", "--source") in OURS and ("README.md", "train", "--out") in OURS


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.name)
def test_make_targets_exist(page: Path) -> None:
    targets = set(re.findall(r"^([a-z]+):", (ROOT / "Makefile").read_text(), flags=re.M))
    for command in shell_commands(page):
        if command[0] == "make":
            named = [word for word in command[1:] if "=" not in word]
            assert set(named) <= targets, f"{page.name}: make {named}"


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.name)
def test_relative_links_lead_somewhere(page: Path) -> None:
    for target in re.findall(r"\]\(([^)#]+)(?:#[^)]*)?\)", page.read_text(encoding="utf-8")):
        if "://" not in target:
            assert (page.parent / target).exists(), f"{page.name} links to {target}"


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.name)
def test_python_blocks_parse_and_their_imports_exist(page: Path) -> None:
    for block in code_blocks(page, "python"):
        if "-> " in block and "class " in block:
            continue  # an outline of an interface, not a program
        for node in ast.walk(ast.parse(block)):
            if isinstance(node, ast.ImportFrom) and node.module and node.module.split(".")[0] in {"kws", "data_tools"}:
                module = importlib.import_module(node.module)
                for alias in node.names:
                    assert hasattr(module, alias.name), f"{page.name}: {node.module} has no {alias.name}"


def test_recipes_and_files_that_commands_name_exist() -> None:
    for page in PAGES:
        for command in shell_commands(page):
            for word in command:
                if word.startswith(("recipes/", "benchmarks/", "kws/", "docs/", "tests/", "tools/")):
                    assert (ROOT / word).exists(), f"{page.name}: {word}"
