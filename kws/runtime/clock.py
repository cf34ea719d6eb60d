"""The clock of live audio."""

from __future__ import annotations

import time

# Unlike the monotonic clock, this one goes on while the machine sleeps, so that a pause is seen as one.
_BOOT_CLOCK = getattr(time, "CLOCK_BOOTTIME", None)


def now_s() -> float:
    """Return seconds from a fixed point in the past; never set back."""
    return time.monotonic() if _BOOT_CLOCK is None else time.clock_gettime(_BOOT_CLOCK)
