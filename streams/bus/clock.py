"""Knows the bus's clock, from which every age is taken. Does not know what is aged."""

from dataclasses import dataclass

from redis.asyncio import Redis

from engine.packets import entry_ms
from streams.clock import now_ns

MEASURE_EVERY_S = 10.0


@dataclass(slots=True)
class BusClock:
    """The bus's time as this process estimates it; measure() every MEASURE_EVERY_S."""

    offset_ns: int = 0

    async def measure(self, redis: Redis) -> None:
        """Learn the offset: the server's time against the middle of the call."""
        before_ns = now_ns()
        seconds, microseconds = await redis.time()
        middle_ns = (before_ns + now_ns()) // 2
        self.offset_ns = seconds * 1_000_000_000 + microseconds * 1000 - middle_ns

    def now_ms(self, local_now_ns: int) -> int:
        """Return the bus's time in ms."""
        return (local_now_ns + self.offset_ns) // 1_000_000

    def age_ms(self, entry_id: str, local_now_ns: int) -> int:
        """Return how long ago an entry arrived on the bus, in ms."""
        return self.now_ms(local_now_ns) - entry_ms(entry_id)
