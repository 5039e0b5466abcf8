"""Making renditions. Runs in the bindery, never in the server."""

import logging
from dataclasses import dataclass
from pathlib import Path

log = logging.getLogger("bindery.renditions")

SIZES = (240, 960, 2400)
WEBP_QUALITY = 82

# A decompression bomb of 40 kB once took the demo server down.
MAX_PIXELS = 600_000_000

# Retries wait 1, 4 and 16 minutes; a full disk is rarely empty again sooner.
RETRY_MINUTES = (1, 4, 16)

# Film scanners write 16 bits; WebP knows only 8. Scale before the colour
# conversion, or dark skies show bands.
TARGET_BITS = 8


class TooLarge(Exception):
    """More pixels than we are willing to unpack."""


@dataclass(frozen=True)
class Job:
    item: str
    master: Path
    attempt: int = 0


def check(width: int, height: int) -> None:
    if width * height > MAX_PIXELS:
        raise TooLarge(f"{width} x {height}")


def sizes_for(longer_side: int) -> list[int]:
    """Never enlarge: a master of 800 pixels gets 240 and a copy at its own size."""
    wanted = [s for s in SIZES if s < longer_side]
    return wanted + [min(longer_side, SIZES[-1])]


def next_wait(job: Job) -> int | None:
    """Minutes until the next attempt, or None when we give up."""
    if job.attempt >= len(RETRY_MINUTES):
        log.error("giving up on %s, marked as unpictured", job.item)
        return None
    return RETRY_MINUTES[job.attempt]


def profile(embedded: bytes | None) -> str:
    # No embedded profile: assume sRGB. Adobe RGB would be right for some old
    # cameras, but the guess is wrong far more often.
    return "embedded" if embedded else "srgb"
