"""Knows how a process follows what was changed. Does not know what it does about it."""

import asyncio
from collections.abc import AsyncIterator
from dataclasses import dataclass
from typing import Any, Final

from redis.asyncio import Redis

from streams.bus import keys
from streams.bus.connection import AWAY
from streams.ledger.functions import answer
from streams.ledger.records import announce

ALL: Final = "all"
BLOCK_MS: Final = 1000
AGAIN_AFTER_S: Final = 0.25


@dataclass(frozen=True, slots=True)
class Change:
    """One record changed; kind "all" with an empty id: load everything anew."""

    kind: str
    id: str


class Changes:
    """The stream of changes. Bound: 10,000 entries; who falls behind further loads anew."""

    def __init__(self, redis: Redis) -> None:
        self._redis = redis

    async def follow(self) -> AsyncIterator[Change]:
        """Yield "all" first, then each change; "all" again after a gap. It never ends.

        While the ledger is away it waits; what was changed meanwhile comes afterwards.
        """
        cursor: bytes | None = None
        while True:
            try:
                anchored = cursor is not None and await self._stands(cursor)
                if not anchored:
                    # The newest id is noted before the caller loads, so nothing falls between.
                    cursor = await self._newest()
                    found: list[Change] = [Change(ALL, "")]
                else:
                    cursor, found = await self._read(cursor)
            except AWAY:
                await asyncio.sleep(AGAIN_AFTER_S)
                continue
            for change in found:
                yield change

    async def _stands(self, cursor: bytes | None) -> bool:
        """Whether the entry read last is still there: then none after it was trimmed."""
        return bool(await answer(self._redis.xrange(keys.CHANGES, cursor, cursor)))

    async def _newest(self) -> bytes:
        while True:
            newest = await answer(self._redis.xrevrange(keys.CHANGES, count=1))
            if newest:
                return bytes(newest[0][0])
            await announce(self._redis, ALL, "")

    async def _read(self, cursor: bytes | None) -> tuple[bytes | None, list[Change]]:
        reply: Any = await answer(
            self._redis.xread({keys.CHANGES: cursor or b"0"}, count=100, block=BLOCK_MS)
        )
        entries = reply[0][1] if reply else []
        if not entries:
            return cursor, []
        return entries[-1][0], [
            Change(fields[b"kind"].decode(), fields[b"id"].decode()) for _, fields in entries
        ]
