"""The folder of a run: what is in it is safe, one process at a time, room found before the first step."""

from __future__ import annotations

import errno
import os
import resource
import shutil
from pathlib import Path
from typing import NamedTuple

import pytest

from kws.errors import CheckpointError, DataError
from kws.train import run_folder
from kws.train.run_folder import RunFolder


class Usage(NamedTuple):
    """What shutil.disk_usage returns."""

    total: int
    used: int
    free: int


def in_a_child(action: object) -> str:
    """Call something in a forked process; return the error it raised, or nothing."""
    read, write = os.pipe()
    child = os.fork()
    if child == 0:
        try:
            action()  # type: ignore[operator]
        except BaseException as error:
            os.write(write, f"{type(error).__name__}: {error}".encode())
        finally:
            os._exit(0)
    os.waitpid(child, 0)
    os.close(write)
    with os.fdopen(read) as pipe:
        return pipe.read()


@pytest.mark.parametrize("name", ["last.pt", "previous.pt", "best.pt", "history.json", "curves.png", "word.onnx"])
def test_any_part_of_a_run_is_a_run(tmp_path: Path, name: str) -> None:
    folder = RunFolder(tmp_path, "word")
    folder.require_free()
    (tmp_path / "notes.txt").write_text("mine")
    (tmp_path / "another.onnx").write_text("mine")
    folder.require_free()
    (tmp_path / name).write_text("x")
    with pytest.raises(DataError, match=rf"holds a run already \({name}\).*--resume.*--overwrite.*--out"):
        folder.require_free()
    if name in ("last.pt", "previous.pt"):
        folder.require_run()
    else:
        with pytest.raises(CheckpointError, match=rf"no such checkpoint to go on from \(only {name}\)"):
            folder.require_run()


def test_one_process_at_a_time(tmp_path: Path) -> None:
    folder = RunFolder(tmp_path / "new" / "run", "word")

    def claim() -> None:
        with folder.claimed():
            pass

    with folder.claimed():
        message = in_a_child(claim)
        assert f"another process trains there (process {os.getpid()} on {os.uname().nodename})" in message
        # Processes that make batches are forks; that they end frees nothing.
        assert in_a_child(lambda: None) == "" and in_a_child(claim) != ""
    assert in_a_child(claim) == ""


def test_no_empty_folder_is_left(tmp_path: Path) -> None:
    folder = RunFolder(tmp_path / "run", "word")
    with pytest.raises(DataError, match="too few"), folder.claimed():
        raise DataError("too few clips")
    assert not folder.path.exists()
    with folder.claimed():
        (folder.path / "last.pt").write_text("x")
    assert (folder.path / "last.pt").exists()
    given = RunFolder(tmp_path / "given", "word")
    given.path.mkdir()
    with given.claimed():
        pass
    assert given.path.is_dir(), "it was there before"


def test_the_lock_of_a_killed_process_is_none(tmp_path: Path) -> None:
    folder = RunFolder(tmp_path, "word")
    child = os.fork()
    if child == 0:
        with folder.claimed():
            os._exit(9)
    os.waitpid(child, 0)
    assert (tmp_path / ".lock").exists()
    with folder.claimed():
        pass


def test_a_folder_that_cannot_be(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    folder = RunFolder(tmp_path / "file" / "run", "word")
    with pytest.raises(DataError, match=r"file/run: cannot be written \(Not a directory\)"), folder.claimed():
        pytest.fail("it was claimed")


def test_too_little_room_is_found_by_asking(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    folder = RunFolder(tmp_path, "word")
    needed = 5 * 10_000_000 + (2 << 20)
    monkeypatch.setattr(shutil, "disk_usage", lambda path: Usage(0, 0, needed - 1))
    with pytest.raises(DataError, match="49.7 MiB are free on that disk; the run needs 49.7 MiB"):
        folder.require_room(10_000_000)
    monkeypatch.setattr(shutil, "disk_usage", lambda path: Usage(0, 0, needed))
    folder.require_room(10_000_000)
    assert list(tmp_path.iterdir()) == []
    # What a run that goes on has already need not fit once more.
    for name in ("last.pt", "previous.pt", "best.pt"):
        (tmp_path / name).write_bytes(bytes(10_000_000))
    monkeypatch.setattr(shutil, "disk_usage", lambda path: Usage(0, 0, needed - 30_000_000))
    folder.require_room(10_000_000)


def test_too_little_room_is_found_by_writing(tmp_path: Path) -> None:
    def try_it() -> None:
        resource.setrlimit(resource.RLIMIT_FSIZE, (1 << 20, resource.getrlimit(resource.RLIMIT_FSIZE)[1]))
        RunFolder(tmp_path, "word").require_room(1_000_000)

    message = in_a_child(try_it)
    assert message == f"DataError: {tmp_path}: cannot be written (File too large); the run needs 6.8 MiB there"
    assert list(tmp_path.iterdir()) == []


def test_a_disk_that_takes_it_only_into_memory(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def fail(number: int) -> None:
        raise OSError(errno.EDQUOT, os.strerror(errno.EDQUOT))

    monkeypatch.setattr(run_folder.os, "fsync", fail)
    with pytest.raises(DataError, match=r"cannot be written \(Disk quota exceeded\)"):
        RunFolder(tmp_path, "word").require_room(1000)
    assert list(tmp_path.iterdir()) == []


def write_run(path: Path, content: str) -> None:
    for name in ("last.pt", "best.pt", "history.json", "word.onnx"):
        (path / name).write_text(content)


def test_a_run_is_moved_aside_whole(tmp_path: Path) -> None:
    folder = RunFolder(tmp_path, "word")
    assert folder.move_aside() is None
    for content in ("first", "second"):
        write_run(tmp_path, content)
        (tmp_path / "notes.txt").write_text("mine")
        assert folder.move_aside() == tmp_path / "old"
        assert folder.found == [] and (tmp_path / "notes.txt").exists()
        assert {p.read_text() for p in (tmp_path / "old").iterdir()} == {content}
        assert len(list((tmp_path / "old").iterdir())) == 4
    assert sorted(p.name for p in tmp_path.iterdir()) == ["notes.txt", "old"]


@pytest.mark.parametrize("at", range(1, 6))
def test_killed_while_it_moves_a_run_nothing_is_lost(tmp_path: Path, at: int) -> None:
    folder = RunFolder(tmp_path, "word")
    write_run(tmp_path, "first")
    folder.move_aside()
    write_run(tmp_path, "second")
    child = os.fork()
    if child == 0:
        try:
            inner, calls = os.replace, []

            def replace(*arguments: object) -> None:
                calls.append(1)
                if len(calls) == at:
                    os._exit(9)
                inner(*arguments)  # type: ignore[arg-type]

            os.replace = replace  # type: ignore[assignment]
            folder.move_aside()
        finally:
            os._exit(1)
    assert os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]) == 9
    folder.move_aside()
    assert {p.name: p.read_text() for p in (tmp_path / "old").iterdir()} == dict.fromkeys(
        ("last.pt", "best.pt", "history.json", "word.onnx"), "second"
    )
    assert [p.name for p in tmp_path.iterdir()] == ["old"]
