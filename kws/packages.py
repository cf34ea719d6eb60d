"""Import of optional packages with one clear line where they are missing."""

from __future__ import annotations

import importlib
from typing import Any

from kws.errors import MissingPackageError


def import_package(module: str, package: str, extra: str, purpose: str) -> Any:
    """Return a module that may not be installed.

    Parameters
    ----------
    module : str
        Name to import.
    package : str
        Name as pip knows it.
    extra : str
        Extra of this project that brings it.
    purpose : str
        What it is needed for, as the end of "needed to ...".

    Raises
    ------
    MissingPackageError
        If it cannot be imported.
    """
    try:
        return importlib.import_module(module)
    except ImportError:
        raise MissingPackageError(package, extra, purpose) from None


def one_line(error: BaseException) -> str:
    """Return the message of a foreign error on one line, short enough to read."""
    text = " ".join(str(error).split()) or type(error).__name__
    return text if len(text) <= 300 else text[:297] + "..."
