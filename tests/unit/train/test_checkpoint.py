"""Checkpoint files: a kill at any point leaves a whole one, a damaged one is noticed."""

from __future__ import annotations

import errno
import os
import signal
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import torch

from kws.errors import CheckpointError
from kws.train import checkpoint
from kws.train.checkpoint import FORMAT, encode_checkpoint, load_checkpoint, load_newest, save_checkpoint


def values(step: int) -> dict[str, Any]:
    return {"step": step, "weights": torch.full((5000,), float(step))}


def save(folder: Path, step: int) -> None:
    save_checkpoint(folder / "last.pt", values(step), folder / "previous.pt")


def load(folder: Path, lines: list[str] | None = None) -> dict[str, Any]:
    on_notice = (lambda line: None) if lines is None else lines.append
    return load_newest(folder / "last.pt", folder / "previous.pt", on_notice)


class Killer:
    """Kills its process at the n-th call that reaches the system: before it, after it, or in the middle of a write."""

    def __init__(self, at: int) -> None:
        self._at = at

    def point(self) -> None:
        self._at -= 1
        if self._at == 0:
            os.kill(os.getpid(), signal.SIGKILL)

    def around(self, call: Callable[..., Any]) -> Callable[..., Any]:
        def wrapped(*arguments: Any, **more: Any) -> Any:
            self.point()
            result = call(*arguments, **more)
            self.point()
            return result

        return wrapped

    def open(self, path: Path, mode: str) -> Any:
        self.point()
        return Pieces(open(path, mode, buffering=0), self)


class Pieces:
    """A file that is written in three pieces, each of which may be the last thing that happens."""

    def __init__(self, file: Any, killer: Killer) -> None:
        self._file, self._killer = file, killer

    def __enter__(self) -> Pieces:
        return self

    def __exit__(self, *error: object) -> None:
        self._killer.point()
        self._file.close()
        self._killer.point()

    def write(self, content: bytes) -> None:
        for piece in (content[:1], content[1 : len(content) // 2], content[len(content) // 2 :]):
            self._killer.point()
            self._file.write(piece)
        self._killer.point()

    def flush(self) -> None:
        self._killer.point()

    def fileno(self) -> int:
        return int(self._file.fileno())


def save_and_be_killed(folder: Path, step: int, at: int) -> bool:
    """Save in a process that is killed at one point; return whether it was, or finished before."""
    child = os.fork()
    if child == 0:
        try:
            killer = Killer(at)
            for name in ("replace", "fsync", "open", "close"):
                setattr(os, name, killer.around(getattr(os, name)))
            Path.open = lambda path, mode: killer.open(path, mode)  # type: ignore[method-assign, assignment, misc]
            save(folder, step)
            os._exit(0)
        finally:
            # The rest of the tests belongs to the parent alone.
            os._exit(1)
    _, status = os.waitpid(child, 0)
    assert os.waitstatus_to_exitcode(status) in (0, -signal.SIGKILL)
    return status != 0


def test_killed_at_every_point_of_a_save_either_state_is_whole(tmp_path: Path) -> None:
    n_points, found = 0, []
    for at in range(1, 1000):
        folder = tmp_path / str(at)
        folder.mkdir()
        save(folder, 1)
        save(folder, 2)
        if not save_and_be_killed(folder, 3, at):
            break
        n_points += 1
        found.append(load(folder)["step"])
        # What the kill left behind keeps nobody from saving.
        save(folder, 4)
        assert load(folder)["step"] == 4 and not list(folder.glob(".*.tmp"))
    # Two renames, two calls of fsync, open and close of file and folder, four around the pieces.
    assert n_points >= 16
    assert found == sorted(found) and set(found) == {2, 3}


def test_killed_at_every_point_of_the_first_save(tmp_path: Path) -> None:
    for at in range(1, 1000):
        folder = tmp_path / str(at)
        folder.mkdir()
        if not save_and_be_killed(folder, 1, at):
            break
        # There is no state yet, or it is whole: never a part of one.
        if (folder / "last.pt").exists():
            assert load(folder)["step"] == 1
        else:
            with pytest.raises(CheckpointError, match="there is no run to go on with"):
                load(folder)
    assert at > 12


def test_two_are_kept(tmp_path: Path) -> None:
    for step in (1, 2, 3):
        save(tmp_path, step)
    assert load_checkpoint(tmp_path / "last.pt")["step"] == 3
    assert load_checkpoint(tmp_path / "previous.pt")["step"] == 2
    assert sorted(p.name for p in tmp_path.iterdir()) == ["last.pt", "previous.pt"]


@pytest.mark.parametrize("damage", ["gone", "empty", "cut", "bit"])
def test_damaged_newest_falls_back_with_one_line(tmp_path: Path, damage: str) -> None:
    save(tmp_path, 1)
    save(tmp_path, 2)
    path, lines = tmp_path / "last.pt", []
    content = bytearray(path.read_bytes())
    content[len(content) // 2] ^= 1
    if damage == "gone":
        path.unlink()
    else:
        path.write_bytes({"empty": b"", "cut": bytes(content[:9000]), "bit": bytes(content)}[damage])
    assert load(tmp_path, lines)["step"] == 1
    assert len(lines) == 1 and "\n" not in lines[0]
    assert str(path) in lines[0] and lines[0].endswith("going on from previous.pt, step 1")


def test_a_flipped_bit_is_what_pytorch_alone_would_not_notice(tmp_path: Path) -> None:
    save(tmp_path, 1)
    path = tmp_path / "last.pt"
    content = bytearray(path.read_bytes())
    content[len(content) // 2] ^= 1
    path.write_bytes(content)
    assert not torch.equal(load_checkpoint(path)["weights"], values(1)["weights"])
    with pytest.raises(CheckpointError, match="is damaged"):
        load(tmp_path)


def test_both_damaged_is_one_line_and_an_old_format_is_named(tmp_path: Path) -> None:
    for step in (1, 2):
        save(tmp_path, step)
    for name in ("last.pt", "previous.pt"):
        (tmp_path / name).write_bytes(b"PK\x03\x04 not a zip")
    with pytest.raises(CheckpointError, match=r"last\.pt: is damaged.*previous\.pt: is damaged.*--overwrite") as caught:
        load(tmp_path)
    assert "\n" not in str(caught.value)
    torch.save({"format": FORMAT - 1, "step": 3}, tmp_path / "last.pt")
    with pytest.raises(CheckpointError, match="older version"):
        load(tmp_path)


@pytest.mark.parametrize("call", ["fsync", "replace"])
def test_a_failed_save_leaves_what_was_there(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, call: str) -> None:
    save(tmp_path, 1)
    save(tmp_path, 2)

    def fail(*arguments: object) -> None:
        raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))

    monkeypatch.setattr(checkpoint.os, call, fail)
    with pytest.raises(CheckpointError, match=r"last\.pt: cannot be written \(No space left on device\)"):
        save(tmp_path, 3)
    monkeypatch.undo()
    assert load(tmp_path)["step"] == 2
    assert sorted(p.name for p in tmp_path.iterdir()) == ["last.pt", "previous.pt"]


def test_content_is_whole_before_a_file_is_touched(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    content = encode_checkpoint(values(7))
    (tmp_path / "a.pt").write_bytes(content)
    assert load_checkpoint(tmp_path / "a.pt")["format"] == FORMAT
    monkeypatch.setattr(Path, "open", lambda *a: pytest.fail("a file was opened"))
    with pytest.raises(Exception, match="pickle"):
        save_checkpoint(tmp_path / "b.pt", {"step": lambda: None})
