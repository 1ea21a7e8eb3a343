"""Knows how a record stands: a hash, an index, a change. Does not know what it means."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Final

from redis.asyncio import Redis

from streams.bus import keys
from streams.ledger.functions import answer

CHANGES_BOUND: Final = 10_000

Fields = Mapping[bytes, bytes]
Written = Mapping[str, str | bytes | int]


class Full(Exception):
    """There are as many records of this kind as may be."""


def index_of(kind: str) -> str:
    """Return the key of the set of all ids of one kind."""
    return f"{keys.PREFIX}index:{kind}"


def named(subscriber: str) -> str:
    """Return the key of the hash person id → newest entry about them in a subscriber's inbox."""
    return f"{keys.PREFIX}named:{subscriber}"


@dataclass(frozen=True, slots=True)
class Records:
    """All records of one kind. Each change is announced in the step that makes it.

    Bound: `bound` records; one more is refused.
    """

    redis: Redis
    kind: str
    bound: int

    async def ids(self) -> list[str]:
        """Return the ids of all records, in order."""
        found = await answer(self.redis.smembers(index_of(self.kind)))
        return sorted(one.decode() for one in found)

    async def get(self, record_id: str) -> Fields | None:
        """Return one record's fields."""
        found = await answer(self.redis.hgetall(keys.record(self.kind, record_id)))
        return found or None

    async def all(self) -> dict[str, Fields]:
        """Return every record's fields by its id; one that went meanwhile is left out."""
        wanted = await self.ids()
        if not wanted:
            return {}
        async with self.redis.pipeline(transaction=False) as pipe:
            for one in wanted:
                pipe.hgetall(keys.record(self.kind, one))
            found = await pipe.execute()
        return {one: fields for one, fields in zip(wanted, found, strict=True) if fields}

    async def put(self, record_id: str, fields: Written) -> None:
        """Write a whole record in place of what stood there. Raises Full."""
        index = index_of(self.kind)
        known = await answer(self.redis.sismember(index, record_id))
        if not known and await answer(self.redis.scard(index)) >= self.bound:
            raise Full(f"There are {self.bound} records of {self.kind} already: remove one first.")
        async with self.redis.pipeline(transaction=True) as pipe:
            pipe.delete(keys.record(self.kind, record_id))
            pipe.hset(keys.record(self.kind, record_id), mapping=dict(fields))
            pipe.sadd(index, record_id)
            _announce(pipe, self.kind, record_id)
            await pipe.execute()

    async def remove(self, record_id: str, also: tuple[str, ...] = ()) -> bool:
        """Delete a record and the keys that belong to it; return whether it was there."""
        async with self.redis.pipeline(transaction=True) as pipe:
            pipe.delete(keys.record(self.kind, record_id), *also)
            pipe.srem(index_of(self.kind), record_id)
            _announce(pipe, self.kind, record_id)
            _, was_there, *_ = await pipe.execute()
        return bool(was_there)


async def announce(redis: Redis, kind: str, record_id: str) -> None:
    """Say that something changed, to every process that follows the changes."""
    async with redis.pipeline(transaction=False) as pipe:
        _announce(pipe, kind, record_id)
        await pipe.execute()


def _announce(pipe: Redis, kind: str, record_id: str) -> None:
    pipe.xadd(
        keys.CHANGES, {"kind": kind, "id": record_id}, maxlen=CHANGES_BOUND, approximate=False
    )


async def now_ns(redis: Redis) -> int:
    """Return the ledger's own time, ns since 1970 UTC: records are stamped by one clock."""
    seconds, micros = await answer(redis.time())
    return (int(seconds) * 1_000_000 + int(micros)) * 1000
