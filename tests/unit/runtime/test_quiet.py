"""What drivers write is kept from the user; what Python writes is not."""

import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[3]
CODE = """
import os, sys
from kws.runtime.devices.quiet import quiet_drivers
try:
    with quiet_drivers({is_quiet}):
        os.write(2, b"ALSA lib: noise\\n")
        print("warning: ours", file=sys.stderr)
        raise ValueError
except ValueError:
    pass
os.write(2, b"later\\n")
print("ours again", file=sys.stderr)
"""


@pytest.mark.parametrize(
    ("is_quiet", "expected"),
    [
        (True, ["warning: ours", "later", "ours again"]),
        (False, ["ALSA lib: noise", "warning: ours", "later", "ours again"]),
    ],
)
def test_only_file_descriptor_2_is_silenced(is_quiet, expected):
    code = CODE.format(is_quiet=is_quiet)
    result = subprocess.run([sys.executable, "-c", code], cwd=ROOT, capture_output=True, text=True, timeout=60)
    assert result.stderr.splitlines() == expected and result.returncode == 0
