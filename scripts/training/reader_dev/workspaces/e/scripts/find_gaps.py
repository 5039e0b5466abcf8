"""Find holes in the stored series of all stations.

Usage: find_gaps.py --since yesterday [--min-minutes 10]

Exit code 0: no gap, 1: gaps were found, 3: the replica is too far behind.
"""

from dataclasses import dataclass
from datetime import datetime, timedelta

# Three missing samples in a row are normal when a logger restarts.
DEFAULT_MIN_GAP = timedelta(minutes=4)

# Results would be misleading if the replica had not caught up.
MAX_REPLICA_LAG = timedelta(seconds=90)

# The training rig is switched on and off all day.
IGNORED_STATIONS = {"TST-001"}


@dataclass(frozen=True)
class Gap:
    station: str
    channel: str
    start: datetime
    end: datetime

    @property
    def needs_ticket(self) -> bool:
        """Backfill closes shorter gaps by itself."""
        return self.end - self.start >= timedelta(hours=1)


def find_gaps(station, channel, times, min_gap=DEFAULT_MIN_GAP):
    """Yield the gaps between sorted sample times.

    Raises ValueError for unsorted times: sorting here would hide clock faults.
    """
    if station in IGNORED_STATIONS:
        return
    for before, after in zip(times, times[1:]):
        if after < before:
            raise ValueError(f"{station}/{channel}: time runs backwards at {after}")
        if after - before > min_gap:
            yield Gap(station, channel, before, after)


def summary(gaps, limit=25):
    """Return the longest gaps as text, one a line; the duty log takes no more than 25."""
    longest = sorted(gaps, key=lambda gap: gap.start - gap.end)[:limit]
    return "\n".join(f"{g.station} {g.channel} {g.end - g.start}" for g in longest)
