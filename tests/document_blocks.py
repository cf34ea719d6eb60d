"""Rules for the fenced blocks of the documents: each language has one; a block without a rule is a complaint."""

from __future__ import annotations

import ast
import builtins
import configparser
import importlib
import inspect
import io
import json
import re
import shutil
import tempfile
from collections.abc import Callable, Iterator, Sequence
from functools import cache
from pathlib import Path
from typing import Any
from xml.etree import ElementTree

import yaml

from kws.errors import ConfigError, KwsError
from kws.runtime import Detector, Event
from kws.runtime.listen import listen
from kws.runtime.sinks.jsonl import JsonlSink
from kws.runtime.sinks.template import message
from kws.runtime.sources import open_source
from kws.spec import ModelSpec
from kws.train.recipe import load_recipe
from tests.document_commands import RULES as PROGRAMS
from tests.document_commands import complaint_of
from tests.documents import ROOT, SHELL, Block, commands_of

OURS = ("kws", "data_tools", "export", "benchmarks")
# Packages of an example that no extra of ours brings.
FOREIGN_PACKAGES = {"ray"}
FOREIGN_JVM = (
    "android.",
    "androidx.",
    "java.",
    "javax.",
    "kotlin.",
    "kotlinx.",
    "com.google.ai.edge.",
    "ai.onnxruntime.",
)
# What a build with Gradle may be told to fetch.
FOREIGN_ARTEFACTS = {"com.google.ai.edge.litert:litert", "com.microsoft.onnxruntime:onnxruntime-android"}
# Its block is an outline of interfaces; tests/test_docs_site.py looks their names up in the reference.
OUTLINES = {"docs/architecture.md"}

Complaints = Iterator[str]


def complaints_of(block: Block, before: Sequence[Block] = ()) -> list[str]:
    """Return what is wrong with a block.

    Parameters
    ----------
    block : Block
    before : sequence of Block
        Those above it on the page: a program may go on with their names.
    """
    rule = BLOCK_RULES.get(block.language)
    if rule is None:
        return [f"no rule covers blocks of {block.language or 'no language'!r}: name one, or add a rule in {__name__}"]
    return list(rule(block, before))


def of_shell(block: Block, _: Sequence[Block]) -> Complaints:
    """Check every command."""
    yield from (complaint for command in commands_of(block.text) if (complaint := complaint_of(command)))


def of_text(block: Block, _: Sequence[Block]) -> Complaints:
    """Check that drawings, listings and output hold no command and no program, which would have to be checked."""
    for line in block.text.splitlines():
        words = line.removeprefix("$ ").split()
        is_command = len(words) > 1 and words[0] in PROGRAMS
        if line.startswith("$ ") or is_command or re.match(r"(from \w[\w.]* )?import \w", line):
            yield f"{line!r} is a command or a program: give the block its language"


def of_python(block: Block, before: Sequence[Block]) -> Complaints:
    """Check that a program compiles, that its names are known, and that what it takes of ours is called right."""
    if block.page in OUTLINES:
        return
    try:
        tree = ast.parse(block.text)
    except SyntaxError as error:
        yield f"is no Python: {error}"
        return
    earlier = [ast.parse(other.text) for other in before if other.language in {"python", "py"}]
    names: dict[str, Any] = {}
    for node in (node for part in [*earlier, tree] for node in ast.walk(part)):
        if isinstance(node, (ast.Import, ast.ImportFrom)):
            yield from _import(node, names)
    known = {name for part in [*earlier, tree] for name in _bound(part)} | set(dir(builtins))
    for node in ast.walk(tree):
        if isinstance(node, ast.Name) and isinstance(node.ctx, ast.Load) and node.id not in known:
            yield f"{node.id} is defined nowhere"
        if isinstance(node, ast.Call) and (called := _object_of(node.func, names)) is not None:
            yield from _call(node, called)


def _import(node: ast.Import | ast.ImportFrom, names: dict[str, Any]) -> Complaints:
    modules = [node.module or ""] if isinstance(node, ast.ImportFrom) else [alias.name for alias in node.names]
    if modules[0].split(".")[0] in FOREIGN_PACKAGES:
        return
    for name in modules:
        try:
            module = importlib.import_module(name)
        except ImportError as error:
            yield f"import {name}: {error}"
            continue
        is_ours = name.split(".")[0] in OURS
        for alias in node.names:
            if isinstance(node, ast.Import):
                names.update({alias.asname: module} if alias.asname and is_ours else {})
            elif not hasattr(module, alias.name):
                yield f"{name} has no {alias.name}"
            elif is_ours:
                names[alias.asname or alias.name] = getattr(module, alias.name)


def _bound(tree: ast.AST) -> Iterator[str]:
    for node in ast.walk(tree):
        if isinstance(node, (ast.FunctionDef, ast.AsyncFunctionDef, ast.ClassDef)):
            yield node.name
        elif isinstance(node, ast.arg):
            yield node.arg
        elif isinstance(node, ast.alias):
            yield (node.asname or node.name).split(".")[0]
        elif isinstance(node, ast.Name) and not isinstance(node.ctx, ast.Load):
            yield node.id


def _object_of(node: ast.expr, names: dict[str, Any]) -> Any:
    """Return what an expression such as ``Detector.open`` names, if it is ours."""
    if isinstance(node, ast.Name):
        return names.get(node.id)
    if isinstance(node, ast.Attribute) and (owner := _object_of(node.value, names)) is not None:
        return getattr(owner, node.attr, _Lacking(node.attr))
    return None


class _Lacking:
    def __init__(self, name: str) -> None:
        self.name = name


def _call(node: ast.Call, called: Any) -> Complaints:
    if isinstance(called, _Lacking):
        yield f"there is no {ast.unparse(node.func)}"
        return
    if any(isinstance(arg, ast.Starred) for arg in node.args) or any(key.arg is None for key in node.keywords):
        return
    try:
        inspect.signature(called).bind(*node.args, **{str(key.arg): key.value for key in node.keywords})
    except TypeError as error:
        yield f"{ast.unparse(node)}: {error}"


def of_toml(block: Block, _: Sequence[Block]) -> Complaints:
    """Check that a fragment of a recipe is accepted in one."""
    base = "" if re.search(r"^extends\b", block.text, flags=re.M) else 'extends = "my-word.toml"\n'
    with tempfile.TemporaryDirectory() as folder:
        place = Path(shutil.copytree(ROOT / "recipes", Path(folder) / "recipes")) / "fragment.toml"
        place.write_text(base + block.text, encoding="utf-8")
        try:
            load_recipe(place)
        except ConfigError as error:
            yield f"is no part of a recipe: {error}"


def of_json(block: Block, _: Sequence[Block]) -> Complaints:
    """Check that each line is a record with exactly the fields that the program writes, or what a model file says."""
    for line in block.text.splitlines():
        try:
            record = json.loads(line)
        except json.JSONDecodeError as error:
            yield f"is no JSON: {error}"
            continue
        if "front_end" in record:
            yield from _spec(line)
        elif set(record) not in records():
            yield f"nothing writes a record of {sorted(record)}"


def _spec(text: str) -> Complaints:
    try:
        ModelSpec.from_json(text)
    except KwsError as error:
        yield f"is no spec of a model: {error}"


@cache
def records() -> list[set[str]]:
    """Return the fields of what the program writes: ``--jsonl`` on the bundled recording, and of what sinks send."""
    written = io.StringIO()
    with open_source(str(ROOT / "kws" / "assets" / "demo.flac")) as source:
        listen(source, [Detector.open(ROOT / "kws" / "assets" / "computer.onnx")], [JsonlSink(written)])
    lines = [set(json.loads(line)) for line in written.getvalue().splitlines()]
    return [*lines, set(message(Event("computer", 1.0, 0.9, 0), "computer"))]


def of_hex(block: Block, _: Sequence[Block]) -> Complaints:
    """Check that a listing of bytes has its offsets right; what the bytes mean is for a test of the format."""
    place: int | None = None
    for line in block.text.splitlines():
        offset, *values = line.split()
        if not all(re.fullmatch(r"[0-9a-f]{2}", value) for value in values) or not values:
            yield f"{line!r} is no offset with bytes"
        elif place not in (None, int(offset, 16)):
            yield f"{line!r} should stand at {place:04x}"
        place = int(offset, 16) + len(values)


def of_yaml(block: Block, _: Sequence[Block]) -> Complaints:
    """Check that settings of Home Assistant are YAML whose topics are ours."""
    try:
        settings = yaml.safe_load(block.text)
    except yaml.YAMLError as error:
        yield f"is no YAML: {error}"
        return
    if not isinstance(settings, dict):
        yield "holds no settings"
    for topic in re.findall(r"topic: (\S+)", block.text):
        if not re.fullmatch(r"kws/(status|[a-z_ ]+)", topic):
            yield f"{topic} is no topic of ours"


def of_ini(block: Block, _: Sequence[Block]) -> Complaints:
    """Check that a unit of systemd can be read."""
    parser = configparser.ConfigParser(strict=False, interpolation=None)
    try:
        parser.read_string(block.text)
    except configparser.Error as error:
        yield f"is no unit: {error}"


def of_xml(block: Block, _: Sequence[Block]) -> Complaints:
    """Check that XML, whole or a part of an Android manifest, is well formed."""
    text = re.sub(r"<\?xml[^>]*\?>", "", block.text)
    try:
        ElementTree.fromstring(f'<all xmlns:android="a" xmlns:tools="t">{text}</all>')
    except ElementTree.ParseError as error:
        yield f"is no XML: {error}"


def of_groovy(block: Block, _: Sequence[Block]) -> Complaints:
    """Check that a part of a Gradle file is whole, and which packages it names."""
    if block.text.count("{") != block.text.count("}") or block.text.count("(") != block.text.count(")"):
        yield "has a bracket without its fellow"
    for artefact in re.findall(r"['\"]([\w.-]+:[\w.-]+):[\w.-]+['\"]", block.text):
        if artefact not in FOREIGN_ARTEFACTS:
            yield f"{artefact}: look it up, and add it to FOREIGN_ARTEFACTS"


def of_jvm(block: Block, _: Sequence[Block], root: Path = ROOT / "export" / "android") -> Complaints:
    """Check that classes of ours that Java or Kotlin imports are there, with the methods that are called of them."""
    sources = {path.stem: path.read_text(encoding="utf-8") for path in root.rglob("*.java")}
    for name in re.findall(r"^import (?:static )?([\w.]+)", block.text, flags=re.M):
        package, _, simple = name.rpartition(".")
        is_ours = f"package {package};" in sources.get(simple, "")
        if not is_ours and not name.startswith(FOREIGN_JVM):
            yield f"import {name}: is neither ours nor one of {', '.join(FOREIGN_JVM)}"
    for owner, method in re.findall(r"\b([A-Z]\w+)\.([a-z]\w*)\(", block.text):
        if owner in sources and not re.search(rf"\b{method}\(", sources[owner]):
            yield f"{owner} has no {method}"


BLOCK_RULES: dict[str, Callable[[Block, Sequence[Block]], Complaints]] = {
    **dict.fromkeys(SHELL, of_shell),
    "groovy": of_groovy,
    "hex": of_hex,
    "ini": of_ini,
    "java": of_jvm,
    "json": of_json,
    "kotlin": of_jvm,
    # `python` where it is run as well (tests/unit/data_tools/test_synthesis_docs.py), `py` where it cannot be.
    "py": of_python,
    "python": of_python,
    "text": of_text,
    "toml": of_toml,
    "xml": of_xml,
    "yaml": of_yaml,
}
