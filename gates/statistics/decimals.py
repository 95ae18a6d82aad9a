"""Numbers as people and machines read them in a cell: decimal strings."""

import math

import numpy as np

from gates.statistics.pvalues import Interval


def decimal(value: float, digits: int = 6) -> str:
    """A number as the shortest decimal string of that many significant digits; "" for NaN."""
    if not math.isfinite(value):
        return ""
    return np.format_float_positional(value + 0.0, precision=digits, fractional=False, trim="-")


def evidence_text(log_e: float) -> str:
    """Evidence from its log as a decimal string that never overflows."""
    if log_e == -math.inf:
        return "0"
    if log_e < math.log(1e6):
        return decimal(math.exp(log_e), 4)
    exponent = math.floor(log_e / math.log(10))
    return f"{math.exp(log_e - exponent * math.log(10)):.2f}e{exponent}"


def interval_numbers(interval: Interval, limit: float, *, two_sided: bool = False) -> dict[str, str]:
    """An estimate, its interval and how much of the limit is left, for a cell; no headroom below a limit of 0."""
    worst = max(-interval.lower, interval.upper) if two_sided else interval.upper
    return {
        "observed": decimal(interval.value),
        "limit": decimal(limit),
        "headroom": decimal((limit - worst) / limit, 3) if limit else "",
        "ci_lower": decimal(interval.lower),
        "ci_upper": decimal(interval.upper),
    }
