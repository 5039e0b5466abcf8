"""Whose turn it is: first come, first served, and everyone knows how many are ahead."""

import asyncio
from collections.abc import AsyncIterator


class Ticket:
    """A place in the queue."""

    def __init__(self, queue: "Queue") -> None:
        self._queue = queue
        self._moved = asyncio.Event()

    async def wait(self) -> AsyncIterator[int]:
        """Yield how many are ahead whenever that changes; end when it is this ticket's turn."""
        told = 0
        while ahead := self._queue.ahead_of(self):
            self._moved.clear()
            if ahead != told:
                told = ahead
                yield ahead
            else:
                await self._moved.wait()

    def moved(self) -> None:
        """Learn that someone ahead has left."""
        self._moved.set()


class Queue:
    """Tickets in the order in which they were taken; the first one has the turn."""

    def __init__(self) -> None:
        self._tickets: list[Ticket] = []

    def __len__(self) -> int:
        return len(self._tickets)

    def join(self) -> Ticket:
        """Take a ticket."""
        ticket = Ticket(self)
        self._tickets.append(ticket)
        return ticket

    def leave(self, ticket: Ticket) -> None:
        """Give a ticket back, whether or not its turn came."""
        self._tickets.remove(ticket)
        for other in self._tickets:
            other.moved()

    def ahead_of(self, ticket: Ticket) -> int:
        """Count the tickets before this one."""
        return self._tickets.index(ticket)
