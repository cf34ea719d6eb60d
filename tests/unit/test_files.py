"""A file is replaced when it is whole, or not at all."""

import pytest

from kws.files import replacing


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
