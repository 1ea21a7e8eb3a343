"""Knows every alert that the ledger keeps by its snapshot, and wakes who waits for the next.

Does not know who may see an alert.
"""

import asyncio
import contextlib
from collections import OrderedDict
from dataclasses import dataclass
from typing import Final

from engine.packets import entry_ms
from engine.rules import RuleKind
from streams.bus.connection import AWAY
from streams.ledger.alerts import AlertEntry
from streams.ledger.ledger import Ledger

BOUND: Final = 100_000  # as many revisions as the ledger keeps
CHUNK: Final = 500
BLOCK_MS: Final = 1000
AGAIN_AFTER_S: Final = 0.5


@dataclass(frozen=True, slots=True)
class SnapshotOf:
    """What a snapshot belongs to; told_ms: when the ledger heard of it first."""

    camera: str
    kind: RuleKind
    told_ms: int


class AlertTail:
    """Reads the stream of alerts once for the whole gateway.

    Whoever serves alerts reads them from the ledger by its own cursor: so none is lost between
    two waits, and no reader needs a queue.
    """

    def __init__(self, ledger: Ledger) -> None:
        self._ledger = ledger
        self._news = asyncio.Event()
        self._snapshots: OrderedDict[str, SnapshotOf] = OrderedDict()
        self._cursor = "0"
        self.caught_up = False
        self.seen = 0

    async def follow(self) -> None:
        """Read on for ever; while the ledger is away, wait."""
        while True:
            try:
                entries = await self._ledger.alerts.read(self._cursor, CHUNK, BLOCK_MS)
                if not entries and self.seen and not await self._stands():
                    self._cursor = "0"  # an emptied ledger begins anew
            except AWAY:
                await asyncio.sleep(AGAIN_AFTER_S)
                continue
            self.caught_up = len(entries) < CHUNK
            if entries:
                self._take(entries)

    async def _stands(self) -> bool:
        newest = await self._ledger.alerts.newest()
        return _order(newest) >= _order(self._cursor)

    def _take(self, entries: list[AlertEntry]) -> None:
        for entry in entries:
            self.seen += 1
            snapshot = entry.alert.evidence.snapshot
            if snapshot is not None and snapshot not in self._snapshots:
                told_ms = entry_ms(entry.cursor)
                known = SnapshotOf(entry.alert.camera, entry.alert.kind, told_ms)
                self._snapshots[snapshot] = known
        while len(self._snapshots) > BOUND:
            self._snapshots.popitem(last=False)
        self._cursor = entries[-1].cursor
        self.wake()

    def wake(self) -> None:
        """Wake everybody who waits for the next alert."""
        woken, self._news = self._news, asyncio.Event()
        woken.set()

    def snapshot(self, evidence_id: str) -> SnapshotOf | None:
        """Return what a snapshot belongs to, or None where no alert names it."""
        return self._snapshots.get(evidence_id)

    @property
    def news(self) -> asyncio.Event:
        """The event that the next alert sets; take it before reading, wait for it after."""
        return self._news


async def wait_for(event: asyncio.Event, at_most_s: float) -> None:
    """Wait for an event, but not longer."""
    with contextlib.suppress(TimeoutError):
        async with asyncio.timeout(at_most_s):
            await event.wait()


def _order(cursor: str) -> tuple[int, int]:
    head, _, rest = cursor.partition("-")
    return int(head), int(rest or 0)
