"""Programs that are started for detections."""

import json
import os
import shlex
import stat
import sys
import time

import pytest

from kws.errors import ConfigError
from kws.runtime import Event
from kws.runtime.sinks import CommandSink, Summary

EVENT = Event("computer", 3.44, 0.96874, 1)
LIVE = Event("computer", 3.44, 0.96874, 1, unix_s=1_700_000_000.25)
END = Summary(1.0, 0)


@pytest.fixture
def program(tmp_path):
    """A Python program with the given text, as the start of a command."""

    def write(text):
        path = tmp_path / f"program {len(list(tmp_path.iterdir()))}.py"
        path.write_text(text)
        return f"{shlex.quote(sys.executable)} {shlex.quote(str(path))}"

    return write


def wait_for(condition):
    deadline_s = time.monotonic() + 30
    while not condition():
        assert time.monotonic() < deadline_s, "waited for 30 s"
        time.sleep(0.01)


NOTE = """
import json, sys
with open(sys.argv[1], "a") as file:
    file.write(json.dumps(sys.argv[2:]) + "\\n")
"""


def lines_of(path):
    return [json.loads(line) for line in path.read_text().splitlines()] if path.exists() else []


@pytest.mark.parametrize(
    "keyword", ["computer", "hey you; rm -rf $HOME", '"it\'s" `x` $(y) | > &', "--help", "ü\n{}", ""]
)
def test_arguments_arrive_as_they_are(program, tmp_path, keyword):
    out = tmp_path / "out"
    sink = CommandSink(f"{program(NOTE)} {out} {{keyword}} 'a  b {{score}}' \"{{time_s}}/{{channel}}\" {{{{x}}}} *")
    sink.event(Event(keyword, 3.44, 0.96874, 1), "m")
    sink.end(END)
    assert lines_of(out) == [[keyword, "a  b 0.9687", "3.44/1", "{x}", "*"]]


def test_time_is_that_of_the_audio(program, tmp_path):
    out = tmp_path / "out"
    sink = CommandSink(f"{program(NOTE)} {out} {{time}} {{model}}")
    sink.event(LIVE, "m")
    wait_for(lambda: lines_of(out))
    sink.end(END)
    ((when, model),) = lines_of(out)
    assert when.startswith("2023-11-1") and ".250" in when and model == "m"


def test_one_runs_at_a_time_and_only_the_newest_waits(program, tmp_path):
    out, gate = tmp_path / "out", tmp_path / "gate"
    wait = f"import os, time\nwhile not os.path.exists({str(gate)!r}): time.sleep(0.01)\n"
    sink = CommandSink(f"{program(NOTE + wait)} {out} {{model}}")
    sink.event(LIVE, "0")
    wait_for(lambda: lines_of(out))
    for model in "12345":
        sink.event(LIVE, model)
    assert sink.n_dropped == 4 and lines_of(out) == [["0"]]
    gate.touch()
    wait_for(lambda: len(lines_of(out)) == 2)
    sink.end(END)
    assert lines_of(out) == [["0"], ["5"]]


def spawning(out):
    """Return a command that starts another program, notes both numbers, and waits."""
    return f"sh -c 'sleep 300 & echo $$ $! > {out}.tmp; mv {out}.tmp {out}; wait'"


def is_running(pid):
    # A killed process that nobody has waited for is still listed, as a zombie.
    try:
        with open(f"/proc/{pid}/stat", encoding="ascii") as file:
            return file.read().rpartition(")")[2].split()[0] != "Z"
    except FileNotFoundError:
        return False


def test_a_program_that_takes_too_long_is_killed_with_what_it_started(tmp_path, caplog):
    out = tmp_path / "pids"
    sink = CommandSink(spawning(out), timeout_s=2.0)
    sink.event(LIVE, "m")
    wait_for(lambda: "was killed after 2 s" in caplog.text)
    pids = [int(pid) for pid in out.read_text().split()]
    wait_for(lambda: not any(is_running(pid) for pid in pids))
    sink.end(END)


def test_abort_kills_what_runs(tmp_path, caplog):
    out = tmp_path / "pids"
    sink = CommandSink(spawning(out), timeout_s=300)
    sink.event(LIVE, "m")
    wait_for(out.exists)
    sink.abort()
    pids = [int(pid) for pid in out.read_text().split()]
    wait_for(lambda: not any(is_running(pid) for pid in pids))
    assert "exit status" not in caplog.text


def test_the_end_leaves_what_runs_to_itself(program, tmp_path):
    out, gate = tmp_path / "out", tmp_path / "gate"
    wait = f"import os, time\nwhile not os.path.exists({str(gate)!r}): time.sleep(0.01)\n"
    sink = CommandSink(f"{program(NOTE + wait + NOTE)} {out} x")
    sink.event(LIVE, "m")
    wait_for(lambda: lines_of(out))
    sink.end(END)
    assert lines_of(out) == [["x"]]
    gate.touch()
    wait_for(lambda: lines_of(out) == [["x"], ["x"]])


def test_a_failure_is_told_and_the_next_one_runs(program, tmp_path, caplog):
    out = tmp_path / "out"
    sink = CommandSink(f"{program(NOTE + 'sys.exit(3)')} {out}")
    sink.event(EVENT, "m")
    wait_for(lambda: "ended with exit status 3" in caplog.text)
    sink.event(EVENT, "m")
    sink.end(END)
    assert len(lines_of(out)) == 2


def test_stdin_is_empty_and_output_goes_to_stderr(program, capfd):
    sink = CommandSink(program("import sys\nprint('read', repr(sys.stdin.read()))\nprint('bad', file=sys.stderr)"))
    sink.event(EVENT, "m")
    sink.end(END)
    shown = capfd.readouterr()
    assert shown.out == "" and "read ''" in shown.err and "bad" in shown.err


@pytest.mark.parametrize(
    "command, problem",
    [
        ("", "is empty"),
        ("  ", "is empty"),
        ("echo 'x", "No closing quotation"),
        ("no-such-program-anywhere {keyword}", "no program 'no-such-program-anywhere'"),
        ("echo {word}", "unknown placeholder"),
        ("echo {", "single brace"),
        ("{keyword} x", "not in the program"),
        ("/", "no program '/'"),
    ],
)
def test_commands_that_are_none(command, problem):
    with pytest.raises(ConfigError, match=problem) as caught:
        CommandSink(command)
    assert "accepted" in str(caught.value) and "\n" not in str(caught.value)


def test_a_file_that_may_not_be_executed_is_no_program(tmp_path):
    path = tmp_path / "notify"
    path.write_text("#!/bin/sh\n")
    with pytest.raises(ConfigError, match="no program"):
        CommandSink(str(path))
    path.chmod(path.stat().st_mode | stat.S_IXUSR)
    sink = CommandSink(str(path))
    sink.event(EVENT, "m")
    os.remove(path)
    sink.end(END)


def test_timeout_out_of_range():
    with pytest.raises(ConfigError, match="timeout is 0"):
        CommandSink("echo", timeout_s=0)
