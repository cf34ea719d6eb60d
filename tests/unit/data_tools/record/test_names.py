import pytest

from data_tools.record import folder_name
from kws.errors import ConfigError


@pytest.mark.parametrize(
    ("word", "name"),
    [
        ("computer", "computer"),
        ("hey  Marvin", "hey_Marvin"),
        ("../../etc/passwd", "etc-passwd"),
        ("a/b\\c", "a-b-c"),
        ("computer 🎤", "computer"),
        ("小爱同学", "小爱同学"),
        ("नमस्ते", "नमस्ते"),
        ("what's up?", "what-s_up"),
        (".hidden", "hidden"),
        ("x" * 500, "x" * 60),
        ("a\x00\x1b[31mb", "a-31mb"),
    ],
)
def test_names_are_safe(word, name):
    assert folder_name(word) == name


@pytest.mark.parametrize("word", ["", "   ", "🎤", "///", "..", "original", "Background", "NUL", "com1"])
def test_others_are_one_line(word):
    with pytest.raises(ConfigError, match="^WORD is .*; accepted is .*$"):
        folder_name(word)
