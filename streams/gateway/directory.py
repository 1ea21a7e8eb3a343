"""Knows the gateway's own copy of cameras, keys and names. Does not know who asks for them.

The copy is what lets viewers go on while the ledger is away. It follows the ledger's changes;
a key that was revoked is gone from it within a moment.
"""

import asyncio
import hashlib
from collections import OrderedDict
from collections.abc import Callable
from typing import Final

import structlog

from config.cameras import Camera
from engine.purpose import Purpose
from streams.bus.connection import AWAY
from streams.ledger.access import KeyRecord
from streams.ledger.changes import ALL, Change
from streams.ledger.ledger import Ledger

VERIFIED_BOUND: Final = 1024
AGAIN_AFTER_S: Final = 0.5

log = structlog.get_logger("gateway")


class Directory:
    """Cameras, keys and people's names, as they stand in the ledger."""

    def __init__(self, ledger: Ledger) -> None:
        self._ledger = ledger
        self._verified: OrderedDict[bytes, str] = OrderedDict()  # digest of a key → its id
        self._listeners: list[Callable[[], None]] = []
        self.cameras: dict[str, Camera] = {}
        self.keys: dict[str, KeyRecord] = {}
        self.names: dict[str, str] = {}
        self.loaded = False

    def on_change(self, listener: Callable[[], None]) -> None:
        """Call `listener` after each change; it must return at once."""
        self._listeners.append(listener)

    async def follow(self) -> None:
        """Keep the copy as the ledger is, for ever. Raises WrongKey."""
        async for change in self._ledger.changes.follow():
            await self._take(change)

    async def _take(self, change: Change) -> None:
        while True:
            try:
                return await self.refresh(change.kind)
            except AWAY:
                await asyncio.sleep(AGAIN_AFTER_S)

    async def refresh(self, kind: str) -> None:
        """Load one kind of record anew; also what a route calls after its own write."""
        if kind in ("camera", ALL):
            self.cameras = {one.id: one for one in await self._ledger.cameras.all()}
        if kind in ("key", "subscriber", ALL):
            self.keys = {one.id: one for one in await self._ledger.keys.all()}
        if kind in ("person", "erase", ALL):
            self.names = await self._ledger.people.names()
        if kind == ALL:
            self.loaded = True
            log.info("directory_loaded", cameras=len(self.cameras), keys=len(self.keys))
        for listener in self._listeners:
            listener()

    def recall(self, plain: str) -> KeyRecord | None:
        """Return whose key this is if it was seen before and still stands; asks nobody."""
        digest = hashlib.sha256(plain.encode()).digest()
        key_id = self._verified.get(digest)
        return None if key_id is None else self.keys.get(key_id)

    async def verify(self, plain: str) -> KeyRecord | None:
        """Return whose key this is, or None. Raises what the client raises while it is away."""
        known = self.recall(plain)
        if known is not None:
            return known
        record = await self._ledger.keys.verify(plain)
        if record is not None:
            self.keys[record.id] = record
            self._verified[hashlib.sha256(plain.encode()).digest()] = record.id
            while len(self._verified) > VERIFIED_BOUND:
                self._verified.popitem(last=False)
        return record

    def visible(self, key: KeyRecord) -> list[Camera]:
        """Return the cameras that a key opens, by id."""
        return [self.cameras[one] for one in sorted(self.cameras) if key.opens(one)]

    def names_for(self, key: KeyRecord) -> dict[str, str]:
        """Return names by person id; none for a key that sees no camera which knows people."""
        knows = any(one.purpose is Purpose.PEOPLE for one in self.visible(key))
        return dict(self.names) if knows else {}
