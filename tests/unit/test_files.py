"""A file is replaced when it is whole, or not at all."""

import pytest

from kws.errors import DataError
from kws.files import replacing, require_place, write_json, write_text


def test_the_target_appears_when_the_block_has_ended(tmp_path):
    target = tmp_path / "a.txt"
    with replacing(target) as temporary:
        temporary.write_text("new")
        assert not target.exists() and temporary.parent == tmp_path
    assert target.read_text() == "new"
    assert list(tmp_path.iterdir()) == [target]


def test_an_error_leaves_what_was_there(tmp_path):
    target = tmp_path / "a.txt"
    target.write_text("old")
    with pytest.raises(ValueError, match="half"), replacing(target) as temporary:
        temporary.write_text("ne")
        raise ValueError("half")
    assert target.read_text() == "old"
    assert list(tmp_path.iterdir()) == [target]


def test_a_place_that_is_none(tmp_path):
    with pytest.raises(OSError), replacing(tmp_path / "none" / "a.txt") as temporary:
        temporary.write_text("x")


def test_text_and_json_are_written_whole_and_what_fails_is_a_line(tmp_path):
    write_text(tmp_path / "a.txt", "你好\n")
    assert (tmp_path / "a.txt").read_bytes() == "你好\n".encode()
    write_json(tmp_path / "a.json", {"word": "你好"}, is_durable=False)
    assert (tmp_path / "a.json").read_text(encoding="utf-8") == '{\n "word": "你好"\n}\n'
    with pytest.raises(DataError, match="none/a.json: cannot be written"):
        write_json(tmp_path / "none" / "a.json", {})
    assert sorted(path.name for path in tmp_path.iterdir()) == ["a.json", "a.txt"]


def test_a_place_is_looked_at_before_the_work(tmp_path):
    require_place(tmp_path / "a.json")
    with pytest.raises(DataError, match="is a folder; accepted is the name of a file"):
        require_place(tmp_path)
    with pytest.raises(DataError, match="there is no folder .*none; accepted"):
        require_place(tmp_path / "none" / "a.json")
