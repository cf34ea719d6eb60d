"""Keyword spotting for edge devices: your own wake word, from recordings to a real-time detector."""

from kws.errors import KwsError

__all__ = ["KwsError", "__version__"]
__version__ = "0.1.0"
