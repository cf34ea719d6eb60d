"""A machine that a test plays for shell scripts: a PATH that holds nothing but what the test puts there."""

from __future__ import annotations

import shutil
import subprocess
from pathlib import Path

NEEDED = ("sh", "awk", "sort", "cut", "sed", "tail", "tr", "dirname", "env")


class PlayedMachine:
    """Programs of a test's own, and the few real ones that scripts cannot do without.

    Parameters
    ----------
    folder : Path
        Where its programs and its home are.
    needed : tuple of str
        Real programs that it has besides :data:`NEEDED`.
    """

    def __init__(self, folder: Path, needed: tuple[str, ...] = ()) -> None:
        self.home = folder
        self.path = folder / "bin"
        self.path.mkdir()
        for name in (*NEEDED, *needed):
            real = shutil.which(name)
            assert real, f"{name} is not on this machine"
            (self.path / name).symlink_to(real)

    def put(self, name: str, script: str) -> None:
        """Give it a program; it takes the place of one of that name."""
        place = self.path / name
        place.unlink(missing_ok=True)
        place.write_text(f"#!/bin/sh\n{script}\n")
        place.chmod(0o755)

    def start(self, script: Path, *arguments: str, **variables: str) -> subprocess.CompletedProcess[str]:
        """Run a script with nothing of this machine's environment."""
        command = [str(self.path / "sh"), str(script), *arguments]
        variables = {"PATH": str(self.path), "HOME": str(self.home), **variables}
        return subprocess.run(command, env=variables, stdin=subprocess.DEVNULL, capture_output=True, text=True)
