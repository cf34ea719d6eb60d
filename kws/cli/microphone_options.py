"""Options that every command with a microphone has."""

from __future__ import annotations

from typing import Annotated

import typer

MICROPHONE = "Microphone"
"""Panel of ``--help`` that they stand in."""

DeviceOption = Annotated[
    str,
    typer.Option(metavar="INDEX|NAME", help="Index or part of the name; see kws devices.", rich_help_panel=MICROPHONE),
]
BackendOption = Annotated[
    str, typer.Option(metavar="pyaudio|sounddevice", help="Package to reach it through.", rich_help_panel=MICROPHONE)
]
