"""The alarm rule of Coldharrow, as the ingest daemon applies it to one room."""

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime, timedelta

CLOSE_AFTER = timedelta(minutes=10)
COUNTED_QUALITIES = frozenset({"ok", "late"})


@dataclass(frozen=True)
class Reading:
    """One temperature of a room, in thousandths of a degree Celsius."""

    at: datetime
    t_mc: int
    quality: str = "ok"


@dataclass(frozen=True)
class Band:
    """The lowest and highest temperature that a room may have."""

    low_mc: int
    high_mc: int

    def holds(self, t_mc: int) -> bool:
        return self.low_mc <= t_mc <= self.high_mc


@dataclass
class Alarm:
    """An excursion that lasted longer than the alarm delay."""

    began_at: datetime
    opened_at: datetime
    closed_at: datetime | None = None


def find_alarms(
    readings: Iterable[Reading], band: Band, delay: timedelta = timedelta(minutes=15)
) -> list[Alarm]:
    """Return the alarms of one room, oldest first.

    Readings may come out of order, for example from a relay's buffer, so they are sorted here.
    """
    alarms: list[Alarm] = []
    outside_since: datetime | None = None
    inside_since: datetime | None = None
    current: Alarm | None = None

    counted = (r for r in readings if r.quality in COUNTED_QUALITIES)
    for reading in sorted(counted, key=lambda r: r.at):
        if band.holds(reading.t_mc):
            outside_since = None
            inside_since = inside_since or reading.at
            if current and reading.at - inside_since >= CLOSE_AFTER:
                current.closed_at = reading.at
                current = None
        else:
            inside_since = None
            outside_since = outside_since or reading.at
            if current is None and reading.at - outside_since >= delay:
                current = Alarm(began_at=outside_since, opened_at=reading.at)
                alarms.append(current)
    return alarms
