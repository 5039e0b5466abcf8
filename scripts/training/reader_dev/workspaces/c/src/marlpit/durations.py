"""Parse durations such as "10m" or "1h30m"."""

import re
from datetime import timedelta

_PART = re.compile(r"(\d+)(ms|s|m|h|d|w)")

_UNITS = {
    "ms": "milliseconds",
    "s": "seconds",
    "m": "minutes",
    "h": "hours",
    "d": "days",
    "w": "weeks",
}

MAX_DURATION = timedelta(weeks=520)


def parse_duration(text: str) -> timedelta:
    """Turn text into a timedelta.

    Spaces between the parts are ignored. Fractions are not accepted: write "90s"
    in place of "1.5m". Raises ValueError for an empty text, and for anything
    longer than ten years, which has always been a typing error so far.
    """
    parts = _PART.findall(text.replace(" ", ""))
    if not parts:
        raise ValueError(f"not a duration: {text!r}")
    total = sum((timedelta(**{_UNITS[u]: int(n)}) for n, u in parts), timedelta())
    if total > MAX_DURATION:
        raise ValueError(f"longer than ten years: {text!r}")
    return total
