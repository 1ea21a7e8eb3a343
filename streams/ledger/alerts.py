"""Knows how alerts are written and read. Does not know who subscribed to them."""

from collections.abc import Collection
from dataclasses import dataclass, replace
from typing import Any, Final

from redis.asyncio import Redis

from engine.alerts import AlertRevision
from streams.bus import keys
from streams.ledger.functions import Functions, answer

PAGE_BOUND: Final = 1000
CHUNK: Final = 500


@dataclass(frozen=True, slots=True)
class WriteResult:
    """Where the revision stands on `alerts`; written: False if it, or a newer one, was there."""

    entry_id: str
    written: bool


@dataclass(frozen=True, slots=True)
class AlertEntry:
    """One revision with its cursor: reading goes on after it."""

    cursor: str
    alert: AlertRevision


class Alerts:
    """The stream of all revisions: 30 days of them, or 100,000."""

    def __init__(self, redis: Redis, functions: Functions) -> None:
        self._redis = redis
        self._functions = functions

    async def write(self, alert: AlertRevision, token: int) -> WriteResult:
        """Write a revision to the stream, its record, and every inbox it belongs into.

        All in one step, and again without harm. Raises Fenced. Without its person where that
        one was erased.
        """
        anonymous = without_person(alert).to_json()
        entry_id, written = await self._functions.call(
            "write_alert", token, alert.to_json(), anonymous
        )
        return WriteResult(entry_id.decode(), bool(written))

    async def newest(self) -> str:
        """Return the cursor after which only what is still to come is read."""
        found = await answer(self._redis.xrevrange(keys.ALERTS, count=1))
        return found[0][0].decode() if found else "0-0"

    async def read(self, cursor: str, count: int = 100, block_ms: int = 0) -> list[AlertEntry]:
        """Return the revisions after a cursor ("0": from the oldest kept), oldest first.

        block_ms: how long to wait for the first one; 0: not at all.
        """
        reply: Any = await answer(
            self._redis.xread({keys.ALERTS: cursor}, count=count, block=block_ms or None)
        )
        return [_entry(one) for one in (reply[0][1] if reply else [])]

    async def get(self, alert_id: str) -> AlertEntry | None:
        """Return an alert's newest revision."""
        record, entry_id = await answer(
            self._redis.hmget(keys.record("alert", alert_id), "record", "entry")
        )
        if record is None:
            return None
        return AlertEntry(entry_id.decode(), AlertRevision.from_json(record))

    async def page(
        self, since: str = "0", limit: int = 100, cameras: Collection[str] | None = None
    ) -> list[AlertEntry]:
        """Return up to `limit` revisions after a cursor, of these cameras (None: of all)."""
        limit = min(limit, PAGE_BOUND)
        found: list[AlertEntry] = []
        while len(found) < limit:
            chunk = await self.read(since, CHUNK)
            found += [one for one in chunk if cameras is None or one.alert.camera in cameras]
            if len(chunk) < CHUNK:
                break
            since = chunk[-1].cursor
        return found[:limit]

    async def latest(
        self, limit: int = 100, cameras: Collection[str] | None = None
    ) -> list[AlertEntry]:
        """Return the newest `limit` revisions of these cameras, newest first."""
        found: list[AlertEntry] = []
        before = "+"
        while len(found) < min(limit, PAGE_BOUND):
            raw = await answer(self._redis.xrevrange(keys.ALERTS, max=before, count=CHUNK))
            chunk = [_entry(one) for one in raw]
            found += [one for one in chunk if cameras is None or one.alert.camera in cameras]
            if len(chunk) < CHUNK:
                break
            before = "(" + chunk[-1].cursor
        return found[: min(limit, PAGE_BOUND)]


def without_person(alert: AlertRevision) -> AlertRevision:
    """Return the revision without its subject and without the picture of them."""
    return replace(alert, person_id=None, evidence=replace(alert.evidence, snapshot=None))


def _entry(raw: tuple[bytes, dict[bytes, bytes]]) -> AlertEntry:
    entry_id, fields = raw
    return AlertEntry(entry_id.decode(), AlertRevision.from_json(fields[b"alert"]))
