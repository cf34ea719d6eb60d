"""The documents against the code: every fenced block is run or checked, and what is named in a sentence exists."""

from __future__ import annotations

import os
import re
import subprocess
import sys
from functools import cache

import pytest

from kws.cli import COMMANDS, load_command
from tests.document_blocks import OUTLINES, complaints_of
from tests.document_commands import FOREIGN, RULES, SHIMS, complaint_of, options_in, options_of, requirements
from tests.documents import ALL_BLOCKS, PAGES, ROOT, SHELL, Block, blocks_of, code_in_lines, commands_of, name_of

# Pages all of whose Python needs nothing but the clone, and what it prints. That of docs/synthesis.md is run by a test
# of its own, in tests/unit/data_tools.
RUN = {
    "README.md": r"(computer [\d.]+ [\d.]+\n)+",
    "docs/data.md": r"(\d+ .+ .+\n){10,}",
    "docs/switching.md": r"",
    "docs/reference/index.md": r"\('computer',\) \d+\n",
}
# The history names options that are gone.
SENTENCES = [page for page in PAGES if page.name != "CHANGELOG.md"]
# In a sentence, of programs that are not ours: what the service and the programs beside it know.
OPTIONS_OF_OTHERS = {option for options in FOREIGN.values() for option in options}


@pytest.mark.parametrize("block", ALL_BLOCKS, ids=str)
def test_a_block_is_right(block: Block) -> None:
    above = [other for other in ALL_BLOCKS if other.page == block.page and other.line < block.line]
    assert complaints_of(block, above) == []


def test_there_are_blocks_and_their_commands_are_found() -> None:
    commands = [command for block in ALL_BLOCKS if block.language in SHELL for command in commands_of(block.text)]
    assert len(ALL_BLOCKS) > 80 and len(commands) > 150
    assert ["kws", "run", "--source", "meeting.flac", "--jsonl"] in commands
    fences = sum(len(re.findall(r"^ *```", page.read_text(encoding="utf-8"), flags=re.M)) for page in PAGES)
    assert fences == 2 * len(ALL_BLOCKS)


@pytest.mark.parametrize("page", RUN)
def test_python_of_a_page_runs(page: str) -> None:
    program = "\n".join(
        block.text for block in blocks_of((ROOT / page).read_text(encoding="utf-8")) if block.language == "python"
    )
    finished = subprocess.run([sys.executable, "-c", program], cwd=ROOT, capture_output=True, text=True, timeout=300)
    assert program and finished.returncode == 0, finished.stderr
    assert re.fullmatch(RUN[page], finished.stdout)


def of_ours(command: list[str]) -> str | None:
    """Return the name of the command of ours, with that of its group; None for any other program."""
    if command[0].startswith("python") and len(command) > 1 and command[1] in SHIMS:
        return SHIMS[command[1]]
    if command[0] != "kws" or len(command) < 2:
        return None
    group = getattr(load_command(command[1]), "commands", {})
    return " ".join(command[1:3]) if command[2:3] and command[2] in group else command[1]


NAMED = sorted(
    {
        (block.page, name, option)
        for block in ALL_BLOCKS
        if block.language in SHELL
        for command in commands_of(block.text)
        if (name := of_ours(command))
        for option in ["--help", *options_of(command[: command.index("--")] if "--" in command else command)]
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


@pytest.mark.parametrize(("page", "name", "option"), NAMED)
def test_the_help_names_an_option_of_a_block(page: str, name: str, option: str) -> None:
    assert re.search(rf"(?<![\w-]){re.escape(option)}(?![\w-])", help_of(name)), f"{page}: kws {name} has no {option}"


@pytest.mark.parametrize("page", SENTENCES, ids=name_of)
def test_commands_in_sentences_are_right(page) -> None:
    for code in code_in_lines(page.read_text(encoding="utf-8")):
        # `low|high` stands for one of them.
        text = re.sub(r"(\w+)(\|\w+)+", r"\1", " ".join(code.split()))
        if text.split()[0] in RULES and " " in text:
            for command in commands_of(text):
                assert complaint_of(command, is_whole=False) is None, f"`{code}`"


@cache
def all_options() -> set[str]:
    """Return every option of the commands, the benchmarks, and the scripts for set-up and devices."""
    found = {
        option
        for folder in ("benchmarks", "tools")
        for script in (ROOT / folder).glob("*.py")
        for option in options_in(script)
    }
    for script in [*(ROOT / "tools").rglob("*.sh"), *(ROOT / "export").rglob("*.sh")]:
        found.update(re.findall(r"^ +(--[a-z][\w-]*)(?:\)| )", script.read_text(encoding="utf-8"), flags=re.M))
    waiting = [load_command(name) for name in COMMANDS]
    while waiting:
        command = waiting.pop()
        waiting.extend(getattr(command, "commands", {}).values())
        found.update(option for parameter in command.params for option in (*parameter.opts, *parameter.secondary_opts))
    return found


@pytest.mark.parametrize("page", SENTENCES, ids=name_of)
def test_options_in_sentences_exist(page) -> None:
    known = all_options() | OPTIONS_OF_OTHERS
    for code in code_in_lines(page.read_text(encoding="utf-8")):
        for option in re.findall(r"(?<![\w-])--[a-z][\w-]*", code):
            assert option in known, f"`{code}`"


def slug_of(heading: str) -> str:
    """Return the anchor of a heading as the code-hosting sites make it."""
    plain = re.sub(r"\[([^\]]*)\]\([^)]*\)", r"\1", heading).lower()
    return re.sub(r"[^\w\- ]", "", plain).strip().replace(" ", "-")


@cache
def anchors_of(page) -> set[str]:
    """Return the anchors of a document."""
    text = re.sub(r"^ *```.*?^ *```", "", page.read_text(encoding="utf-8"), flags=re.M | re.S)
    return {slug_of(heading) for heading in re.findall(r"^#+ (.+)$", text, flags=re.M)}


@pytest.mark.parametrize("page", PAGES, ids=name_of)
def test_links_lead_somewhere(page) -> None:
    for target, anchor in re.findall(r"\]\(([^)#\s]*)#?([^)\s]*)\)", page.read_text(encoding="utf-8")):
        if "://" in target:
            assert target.startswith("https://"), f"{page.name} links to {target}"
            continue
        place = (page.parent / target).resolve() if target else page
        assert place.exists() and place.is_relative_to(ROOT), f"{page.name} links to {target}"
        assert not anchor or anchor in anchors_of(place), f"{page.name} links to {target}#{anchor}"


def test_the_page_on_installation_names_every_extra() -> None:
    rows = re.findall(r"^\| `(\w+)` \|", (ROOT / "docs" / "install.md").read_text(encoding="utf-8"), flags=re.M)
    assert sorted(rows) == sorted(requirements()[0])


def test_there_is_one_outline() -> None:
    outlines = [block for block in ALL_BLOCKS if block.page in OUTLINES and block.language == "python"]
    assert len(outlines) == 1 and "## Interfaces" in (ROOT / outlines[0].page).read_text(encoding="utf-8")
