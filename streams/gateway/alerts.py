"""Knows the routes of alerts: list, one, live. Does not know how an alert comes about."""

import json
from collections.abc import AsyncIterator
from dataclasses import dataclass, field
from typing import Annotated, Any, Final

from fastapi import APIRouter, Query, Request
from fastapi.responses import StreamingResponse

from engine.packets import entry_ms
from streams.bus.connection import AWAY
from streams.clock import now_ns
from streams.gateway.auth import Identity, Viewer
from streams.gateway.bounded import Bounded
from streams.gateway.errors import ApiError, not_found
from streams.gateway.parts import Here, Parts
from streams.gateway.tail import wait_for
from streams.ledger.alerts import AlertEntry

routes = APIRouter(prefix="/api/v1", route_class=Bounded)

STREAMS_BOUND: Final = 256
CHUNK: Final = 200
KEEP_ALIVE_S: Final = 15.0
LOOK_AGAIN_S: Final = 0.4
PENDING_MS: Final = 60_000
CURSOR: Final = r"^\d{1,20}(-\d{1,20})?$"

Cursor = Annotated[str, Query(pattern=CURSOR)]
Limit = Annotated[int, Query(ge=1, le=1000)]


async def describe(parts: Parts, entry: AlertEntry) -> dict[str, Any]:
    """Return an alert as the API shows it: its record, cursor, name, and if its picture is here."""
    alert = entry.alert
    snapshot = alert.evidence.snapshot
    return {
        **alert.record(),
        "cursor": entry.cursor,
        "name": parts.directory.names.get(alert.person_id or ""),
        "snapshot_ready": snapshot is not None and await parts.store.has(snapshot),
    }


def _granted(who: Identity) -> frozenset[str] | None:
    return who.key.cameras


@routes.get("/alerts")
async def list_alerts(
    parts: Here, who: Viewer, since: Cursor | None = None, limit: Limit = 100
) -> Any:
    """With `since`: the revisions after a cursor, oldest first. Without: the newest alerts.

    `cursor` is where to read on.
    """
    if since is not None:
        entries = await parts.ledger.alerts.page(since, limit, _granted(who))
        cursor = entries[-1].cursor if entries else since
    else:
        cursor = await parts.ledger.alerts.newest()
        newest: dict[str, AlertEntry] = {}
        for entry in await parts.ledger.alerts.latest(1000, _granted(who)):
            newest.setdefault(entry.alert.id, entry)
        entries = list(newest.values())[:limit]
    return {"alerts": [await describe(parts, one) for one in entries], "cursor": cursor}


@routes.get("/alerts/stream")
async def stream_alerts(
    request: Request, parts: Here, who: Viewer, since: Cursor | None = None
) -> StreamingResponse:
    """Send every alert after a cursor, then each new one, as server-sent events.

    The cursor is the browser's Last-Event-ID, else `since`, else the newest.
    """
    if parts.metrics.streams._value.get() >= STREAMS_BOUND:
        parts.metrics.streams_refused.inc()
        raise ApiError(503, "too many event streams are open", None, {"Retry-After": "10"})
    last = request.headers.get("last-event-id", "")
    start = last if last.replace("-", "", 1).isdigit() else since
    cursor = start if start is not None else await parts.ledger.alerts.newest()
    return StreamingResponse(
        AlertStream(parts, who, cursor).events(), media_type="text/event-stream"
    )


@dataclass(slots=True)
class AlertStream:
    """One reader's stream; its pending pictures are looked for until they are there or lost."""

    parts: Parts
    who: Identity
    cursor: str
    pending: dict[str, tuple[str, int]] = field(default_factory=dict)  # snapshot → alert, told_ms

    async def events(self) -> AsyncIterator[str]:
        """Yield events until the reader goes, its key is revoked, or the gateway ends."""
        gauge = self.parts.metrics.streams
        gauge.inc()
        try:
            yield "retry: 1000\n: connected\n\n"
            while not self.parts.closing.is_set() and self.who.key.id in self.parts.directory.keys:
                news = self.parts.tail.news
                async for event in self._next():
                    yield event
                async for event in self._pictures():
                    yield event
                await wait_for(news, LOOK_AGAIN_S if self.pending else KEEP_ALIVE_S)
                if not news.is_set() and not self.pending:
                    yield ": still here\n\n"
        except AWAY:
            return  # the browser comes back with its last cursor
        finally:
            gauge.dec()

    async def _next(self) -> AsyncIterator[str]:
        while entries := await self.parts.ledger.alerts.read(self.cursor, CHUNK):
            for entry in entries:
                self.cursor = entry.cursor
                if self.who.sees(entry.alert.camera):
                    yield await self._event(entry)
            if len(entries) < CHUNK:
                return

    async def _event(self, entry: AlertEntry) -> str:
        found = await describe(self.parts, entry)
        snapshot = entry.alert.evidence.snapshot
        if snapshot is not None and not found["snapshot_ready"]:
            self.pending[snapshot] = (entry.alert.id, entry_ms(entry.cursor))
        data = json.dumps(found, separators=(",", ":"))
        return f"id: {entry.cursor}\nevent: alert\ndata: {data}\n\n"

    async def _pictures(self) -> AsyncIterator[str]:
        for snapshot, (alert_id, told_ms) in list(self.pending.items()):
            if await self.parts.store.has(snapshot):
                del self.pending[snapshot]
                data = json.dumps({"id": alert_id, "snapshot": snapshot})
                yield f"event: snapshot\ndata: {data}\n\n"
            elif now_ns() // 1_000_000 - told_ms > PENDING_MS:
                del self.pending[snapshot]


@routes.get("/alerts/{alert_id}")
async def get_alert(alert_id: str, parts: Here, who: Viewer) -> Any:
    """Return an alert's newest revision."""
    entry = await parts.ledger.alerts.get(alert_id)
    if entry is None or not who.sees(entry.alert.camera):
        raise not_found("alert", alert_id)
    return await describe(parts, entry)
