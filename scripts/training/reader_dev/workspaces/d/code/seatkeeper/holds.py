"""Placing, extending and clearing away holds."""

from datetime import datetime, timedelta

# One extension only: a patron who needs more time than this has usually gone away.
EXTENSION = timedelta(minutes=5)

# The sweeper deletes in small bites so that it never blocks a seat for long.
SWEEP_BATCH = 250

# Clocks of our pods differ by a few milliseconds; do not expire a hold too early.
SKEW = timedelta(milliseconds=300)


class SeatTaken(Exception):
    """At least one seat is not free. Carries the ids so that the map can turn them grey."""

    def __init__(self, seats):
        super().__init__(f"{len(seats)} seats are taken")
        self.seats = seats


def lock_order(seats):
    """Sort seats by id before locking; two baskets would otherwise deadlock each other."""
    return sorted(seats)


def extend(hold, now: datetime):
    if hold.extended:
        raise ValueError("extension_used")
    if now > hold.expires_at + SKEW:
        raise ValueError("hold_expired")
    hold.expires_at += EXTENSION
    hold.extended = True
    return hold


def sweep(db, now: datetime) -> int:
    """Delete expired holds, oldest first, and return how many went."""
    return db.delete_expired(before=now - SKEW, limit=SWEEP_BATCH)
