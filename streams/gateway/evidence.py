"""Knows the route of snapshots. Does not know how they are written."""

from fastapi import APIRouter, Response

from streams.clock import now_ns
from streams.gateway.alerts import PENDING_MS
from streams.gateway.auth import Viewer
from streams.gateway.bounded import Bounded
from streams.gateway.errors import ApiError, not_found
from streams.gateway.parts import Here

routes = APIRouter(prefix="/api/v1", route_class=Bounded)


@routes.get("/evidence/{evidence_id}")
async def get_evidence(evidence_id: str, parts: Here, who: Viewer) -> Response:
    """Return a snapshot as JPEG: 404 while it is on its way, 410 once it is lost."""
    known = parts.tail.snapshot(evidence_id)
    if known is None or not who.sees(known.camera):
        raise not_found("evidence", evidence_id)
    sealed = await parts.store.get(evidence_id)
    if sealed is None:
        waited_ms = now_ns() // 1_000_000 - known.told_ms
        if waited_ms < PENDING_MS:
            raise ApiError(404, "pending", "the snapshot is on its way", {"Retry-After": "1"})
        raise ApiError(410, "lost", "the snapshot never arrived, or its time is over")
    headers = {"cache-control": "private, max-age=60"}
    return Response(parts.box.unseal(sealed), media_type="image/jpeg", headers=headers)
