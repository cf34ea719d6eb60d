"""Names of folders and files from what people call a word."""

from __future__ import annotations

import re
import unicodedata

from kws.config import shown
from kws.errors import ConfigError

_MAX_CHARACTERS = 60
# Folders of this tool, and names that Windows keeps for devices.
RESERVED = ("original", "background")
_DEVICES = re.compile(r"(con|prn|aux|nul|com\d|lpt\d)", re.IGNORECASE)


def folder_name(word: str) -> str:
    """Return a name that is safe on every system: letters and digits of any script, ``_`` for blanks, ``-`` for others.

    Raises
    ------
    ConfigError
        If no letter or digit is left, or the name is taken.
    """
    text = unicodedata.normalize("NFC", word).strip()
    # Marks belong to their letters in many scripts.
    kept = "".join(c if unicodedata.category(c)[0] in "LNM" else "_" if c.isspace() else "-" for c in text)
    name = re.sub(r"-[-_]*|_[-_]*", lambda run: run[0][0], kept).strip("-_")
    while len(name.encode("utf-8")) > 3 * _MAX_CHARACTERS or len(name) > _MAX_CHARACTERS:
        name = name[:-1].rstrip("-_")
    if not any(unicodedata.category(c)[0] in "LN" for c in name):
        raise ConfigError(f"WORD is {shown(word)}; accepted is a word with letters or digits")
    if name.lower() in RESERVED or _DEVICES.fullmatch(name):
        raise ConfigError(f"WORD is {shown(word)}, a folder that is kept for other things; accepted is another word")
    return name
