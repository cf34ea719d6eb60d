"""What counts can claim: exact intervals of shares and rates, and bounds where nothing was counted.

scipy is imported only where a quantile is needed, so that training can use the rest without it.
"""

from __future__ import annotations

import math

from kws.config import require
from kws.packages import import_package

CONFIDENCE = 0.95
_Z = 1.959963984540054
"""Quantile of the normal distribution at 97.5 %."""


def wilson_interval(k: float, n: int) -> tuple[float, float]:
    """Return the 95 % score interval of a share, k of n.

    References
    ----------
    Wilson, "Probable inference, the law of succession, and statistical inference", JASA 22 (1927).
    """
    if n == 0:
        return 0.0, 1.0
    p = k / n
    centre = p + _Z * _Z / (2 * n)
    spread = _Z * math.sqrt(p * (1 - p) / n + _Z * _Z / (4 * n * n))
    scale = 1 + _Z * _Z / n
    # At both ends the exact value is 0 or 1; only rounding would leave it.
    low = 0.0 if k <= 0 else (centre - spread) / scale
    high = 1.0 if k >= n else (centre + spread) / scale
    return low, high


def poisson_interval(n: int, hours: float) -> tuple[float, float]:
    """Return the exact 95 % interval of a rate an hour, from n events in some hours.

    Raises
    ------
    ConfigError
        If `hours` is not above zero.

    References
    ----------
    Garwood, "Fiducial limits for the Poisson distribution", Biometrika 28 (1936).
    """
    require("hours", hours, 1e-9, 1e9)
    chi2 = import_package("scipy.stats", "scipy", "eval", "compute intervals").chi2
    low = float(chi2.ppf((1 - CONFIDENCE) / 2, 2 * n)) / 2 if n else 0.0
    return low / hours, float(chi2.ppf((1 + CONFIDENCE) / 2, 2 * n + 2)) / 2 / hours


def rate_below(n: int, hours: float) -> float:
    """Return the rate an hour that n events in some hours show to be exceeded with 5 % confidence at most.

    One-sided and exact; for n = 0 it is ``-ln(0.05) / hours``, known as the rule of three.
    """
    require("hours", hours, 1e-9, 1e9)
    if n == 0:
        return -math.log(1 - CONFIDENCE) / hours
    chi2 = import_package("scipy.stats", "scipy", "eval", "compute intervals").chi2
    return float(chi2.ppf(CONFIDENCE, 2 * n + 2)) / 2 / hours


def hours_needed(per_hour: float) -> float:
    """Return the hours without a single event after which a rate below `per_hour` is shown (95 %, one-sided)."""
    require("per_hour", per_hour, 1e-9, 1e9)
    return -math.log(1 - CONFIDENCE) / per_hour


def share_below(k: int, n: int) -> float:
    """Return the share that k of n show the true one to be below, with 95 % confidence.

    One-sided and exact; for k = 0 it is ``1 - 0.05 ** (1 / n)``.

    References
    ----------
    Clopper and Pearson, "The use of confidence or fiducial limits", Biometrika 26 (1934).
    """
    if k >= n:
        return 1.0
    if k == 0:
        return 1.0 - (1 - CONFIDENCE) ** (1 / n)
    beta = import_package("scipy.stats", "scipy", "eval", "compute intervals").beta
    return float(beta.ppf(CONFIDENCE, k + 1, n - k))


def words_needed(share: float) -> int:
    """Return the words without a single miss after which a share below `share` is shown (95 %, one-sided)."""
    require("share", share, 1e-6, 1 - 1e-6)
    return math.ceil(math.log(1 - CONFIDENCE) / math.log1p(-share))
