"""Rules for the commands of the documents: each program has one, and a command that no rule covers is a complaint."""

from __future__ import annotations

import ast
import configparser
import re
from collections.abc import Callable, Sequence
from functools import cache
from pathlib import Path
from typing import Any

import typer

from kws.cli import COMMANDS, load_command
from tests.documents import ROOT

# Options of programs that are not ours, looked up in their manuals.
FOREIGN: dict[str, set[str]] = {
    ".": set(),
    "arecord": {"-f", "-r", "-c", "-d", "-l"},
    "cd": set(),
    "cp": set(),
    "dpkg": {"--print-architecture"},
    "echo": set(),
    "ffmpeg": {"-i", "-f", "-ar", "-ac"},
    "git": set(),
    "journalctl": {"--user", "-u", "-f"},
    "loginctl": set(),
    "mkdir": {"-p"},
    "read": {"-r"},
    "systemctl": {"--user", "--property"},
    "tensorboard": {"--logdir"},
    "usermod": {"-aG"},
}
# Their last argument is what they make.
MAKERS = {"cp", "mkdir"}
# Of `accelerate launch`, before the script.
ACCELERATE = {
    "--multi_gpu",
    "--num_processes",
    "--num_machines",
    "--machine_rank",
    "--main_process_ip",
    "--main_process_port",
}
# Debian packages beside those of the lists that `make` installs from.
MORE_PACKAGES = {"git", "python3-venv", "festvox-kdlpc16k", "debootstrap", "qemu-user-static"}
SHIMS = {"run.py": "run", "train.py": "train"}
OF_OURS = ("recipes/", "benchmarks/", "kws/", "docs/", "tests/", "tools/", "export/", "data_tools/")

Complaint = str | None


def complaint_of(command: Sequence[str], is_whole: bool = True) -> Complaint:
    """Return what is wrong with a command, None if nothing.

    Parameters
    ----------
    command : sequence of str
        Program and arguments.
    is_whole : bool
        False for one that is only named in a sentence: it may lack arguments.
    """
    program, *arguments = command
    for word in arguments[:-1] if program in MAKERS else arguments:
        if word.startswith(OF_OURS) and "…" not in word and not (ROOT / word).exists():
            return f"{word} is not there"
    rule = RULES.get(program)
    if rule is not None:
        return rule(arguments, is_whole)
    if program in FOREIGN:
        unknown = [word for word in options_of(arguments) if word not in FOREIGN[program]]
        return f"{program} {unknown[0]}: look the option up, and add it to FOREIGN in {__name__}" if unknown else None
    if "/" in program and (ROOT / program).is_file():
        return of_shell(command, is_whole)
    return f"no rule covers {program!r}: add one in {__name__}"


def options_of(arguments: Sequence[str]) -> list[str]:
    """Return the options among arguments, without their values."""
    return [word.split("=")[0] for word in arguments if re.match(r"--?[A-Za-z]", word)]


def of_kws(arguments: Sequence[str], is_whole: bool) -> Complaint:
    """Read arguments as ``kws`` does, without running anything."""
    if not arguments or arguments[0] in {"--help", "--version"}:
        return None
    name, *rest = arguments
    if name not in COMMANDS:
        return f"kws has no command {name!r}"
    return _of_command(load_command(name), name, rest, is_whole)


def _of_command(command: Any, name: str, arguments: Sequence[str], is_whole: bool) -> Complaint:
    if hasattr(command, "resolve_command"):
        if not arguments and not is_whole:
            return None
        # `kws label DIR` is short for `kws label open DIR`.
        given = [*arguments] if arguments and arguments[0] in command.commands else ["open", *arguments]
        if given[0] not in command.commands:
            return f"kws {name} has no command {arguments[:1]}"
        return _of_command(command.commands[given[0]], f"{name} {given[0]}", given[1:], is_whole)
    own, for_run = list(arguments), []
    if name == "install-service" and "--" in own:
        own, for_run = own[: own.index("--")], own[own.index("--") + 1 :]
    return _of_parser(command, name, own, is_whole) or (of_kws(["run", *for_run], is_whole) if for_run else None)


def _of_parser(command: Any, name: str, arguments: list[str], is_whole: bool) -> Complaint:
    if "--help" in arguments:
        return None
    if not is_whole and options_of(arguments[-1:]):
        # `kws run --source`: only the option is named.
        known = {option for parameter in command.params for option in (*parameter.opts, *parameter.secondary_opts)}
        return None if arguments.pop() in known else f"kws {name} has no such option"
    # A place for a value, such as DIR or T, holds for any.
    given = [word if is_whole or not word.isupper() else "1" for word in arguments]
    try:
        command.make_context(f"kws {name}", given)
    except typer.Exit:
        return None  # `--list` and its like end there
    except Exception as error:
        # Newer versions of typer carry their own copy of click: its errors are known by their names.
        kinds = {kind.__name__ for kind in type(error).__mro__}
        assert "UsageError" in kinds, error
        is_only_named = not is_whole and "MissingParameter" in kinds
        return None if is_only_named else f"kws {name}: {error.format_message()}"  # type: ignore[attr-defined]
    return None


def of_python(arguments: Sequence[str], is_whole: bool) -> Complaint:
    """Check ``python FILE ...``, ``python -m MODULE ...``."""
    if arguments[:2] == ["-m", "venv"]:
        return None
    if arguments[:1] == ["-m"]:
        return of_module(arguments[1], arguments[2:], is_whole)
    script, *rest = arguments
    if script in SHIMS:
        return of_kws([SHIMS[script], *rest], is_whole)
    if not (ROOT / script).is_file():
        return f"python {script}: is not there"
    unknown = set(options_of(rest)) - options_in(ROOT / script)
    return f"{script} has no {sorted(unknown)}" if unknown else None


def of_module(module: str, arguments: Sequence[str], is_whole: bool) -> Complaint:
    """Check ``python -m MODULE`` for modules of ours that stand for a command, as their file says."""
    place = ROOT / module.replace(".", "/") / "__main__.py"
    if not place.is_file():
        return f"python -m {module}: has no __main__.py"
    called = re.search(r'main\("([\w-]+)"\)', place.read_text(encoding="utf-8"))
    return of_kws([called[1], *arguments], is_whole) if called else f"{place}: calls no command"


@cache
def options_in(script: Path) -> set[str]:
    """Return the options that a script adds to its parser."""
    calls = (node for node in ast.walk(ast.parse(script.read_text(encoding="utf-8"))) if isinstance(node, ast.Call))
    adding = [call for call in calls if isinstance(call.func, ast.Attribute) and call.func.attr == "add_argument"]
    return {arg.value for call in adding for arg in call.args if isinstance(arg, ast.Constant)} | {"--help"}


def of_make(arguments: Sequence[str], _: bool) -> Complaint:
    """Check targets and variables of ``make``."""
    makefile = (ROOT / "Makefile").read_text(encoding="utf-8")
    values = dict(re.findall(r"^(\w+) := (\S+)$", makefile, flags=re.M))
    lines = re.sub(r"\$\((\w+)\)", lambda match: values.get(match[1], match[0]), makefile)
    targets = set(re.findall(r"^([.a-z-]+):", lines, flags=re.M))
    for word in arguments:
        name, is_variable, _ = word.partition("=")
        # PYTHON is read by the script that makes the environments.
        scripts = (ROOT / "tools" / "make_venv.sh").read_text(encoding="utf-8")
        if is_variable and not re.search(rf"\$\(?\{{?{name}\b", makefile + scripts):
            return f"make: nothing reads {name}"
        if not is_variable and name not in targets:
            return f"make has no target {name}"
    return None


@cache
def requirements() -> tuple[set[str], set[str]]:
    """Return the extras of the project, and the names of the packages that it asks for."""
    settings = configparser.ConfigParser()
    settings.read(ROOT / "setup.cfg", encoding="utf-8")
    extras = settings["options.extras_require"]
    lines = "\n".join([settings["options"]["install_requires"], *extras.values()]).splitlines()
    return set(extras), {re.split(r"[\[<>=; ]", line)[0].lower() for line in lines if line}


def of_pip(arguments: Sequence[str], _: bool) -> Complaint:
    """Check ``pip install`` of ourselves with extras, and of packages that an extra has."""
    if arguments[:1] != ["install"]:
        return f"pip {arguments[:1]}: no rule covers that"
    extras, packages = requirements()
    for word in arguments[1:]:
        ours = re.fullmatch(r"\.(?:\[([\w,-]+)\])?", word)
        if ours and (unknown := set((ours[1] or "onnx").split(",")) - extras):
            return f"there is no extra {sorted(unknown)}"
        if not ours and word not in {"-e", "--editable"} and word not in packages:
            return f"pip install {word}: no extra names it"
    return None


def of_apt(arguments: Sequence[str], _: bool) -> Complaint:
    """Check that Debian packages are those of our lists."""
    listed = "\n".join(path.read_text(encoding="utf-8") for path in ROOT.glob("apt-packages*.txt")).split()
    packages = [word for word in arguments[1:] if word != "-y"]
    unknown = set(packages) - set(listed) - MORE_PACKAGES
    return f"apt-get install {sorted(unknown)}: look them up" if unknown or arguments[:1] != ["install"] else None


def of_accelerate(arguments: Sequence[str], is_whole: bool) -> Complaint:
    """Check ``accelerate launch OPTIONS train.py ...``."""
    if list(arguments) == ["launch"] and not is_whole:
        return None
    if arguments[:1] != ["launch"] or "train.py" not in arguments:
        return "accelerate: accepted is `accelerate launch OPTIONS train.py ...`"
    place = list(arguments).index("train.py")
    unknown = set(options_of(arguments[1:place])) - ACCELERATE
    return f"accelerate launch has no {sorted(unknown)}" if unknown else of_python(arguments[place:], is_whole)


def of_shell(arguments: Sequence[str], is_whole: bool) -> Complaint:
    """Check ``sh SCRIPT``: it is ours and knows the options; those behind ``--`` are of `kws run`."""
    script = ROOT / arguments[0]
    if not script.is_file():
        return f"{arguments[0]} is not there"
    text, own, for_run = script.read_text(encoding="utf-8"), list(arguments[1:]), []
    if "--" in own and "kws run" in text:
        own, for_run = own[: own.index("--")], own[own.index("--") + 1 :]
    unknown = [option for option in options_of(own) if option not in text]
    return f"{arguments[0]} does not know {unknown}" if unknown else of_kws(["run", *for_run], is_whole)


def of_sudo(arguments: Sequence[str], is_whole: bool) -> Complaint:
    """Check what is called as root."""
    return complaint_of(arguments, is_whole)


RULES: dict[str, Callable[[Sequence[str], bool], Complaint]] = {
    "accelerate": of_accelerate,
    "apt-get": of_apt,
    "bash": of_shell,
    "kws": of_kws,
    "make": of_make,
    "pip": of_pip,
    "python": of_python,
    "python3": of_python,
    "sh": of_shell,
    "sudo": of_sudo,
}
