"""Hourly buckets: the unit in which usage is counted and priced."""

from dataclasses import dataclass
from datetime import datetime, timedelta

# Senders on mobile networks deliver in bursts, so an hour stays open a little longer.
GRACE = timedelta(minutes=10)

MAX_OPEN_BUCKETS = 6_000


@dataclass(frozen=True)
class Bucket:
    """Usage of one customer, on one meter, within one clock hour."""

    customer: str
    meter: str
    hour: datetime
    quantity: int = 0

    def is_closed(self, now: datetime) -> bool:
        """Tell whether the rater may price this bucket."""
        return now >= self.hour + timedelta(hours=1) + GRACE


def reopen(bucket: Bucket, reason: str) -> Bucket:
    """Open a closed bucket again for a late event.

    Raises ValueError when the reason is empty, because auditors read it.
    """
    if not reason.strip():
        raise ValueError("a reason is needed to reopen a bucket")
    return Bucket(bucket.customer, bucket.meter, bucket.hour, bucket.quantity)


def evict(open_buckets: list[Bucket]) -> list[Bucket]:
    """Write the oldest tenth of the open buckets to disk once the limit is reached."""
    if len(open_buckets) < MAX_OPEN_BUCKETS:
        return []
    open_buckets.sort(key=lambda bucket: bucket.hour)
    return open_buckets[: len(open_buckets) // 10]
