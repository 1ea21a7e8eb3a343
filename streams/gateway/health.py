"""Knows when the gateway lives and when it is ready. Does not know how to mend it."""

import asyncio
from collections.abc import Awaitable
from typing import Any

from fastapi import APIRouter, Response
from fastapi.responses import JSONResponse

from streams.bus.connection import AWAY
from streams.gateway.auth import Viewer
from streams.gateway.bounded import Bounded
from streams.gateway.parts import Here, Parts
from streams.gateway.status import system_status

routes = APIRouter(route_class=Bounded)

CHECK_WITHIN_S = 0.8


async def _answers(call: Awaitable[Any]) -> bool:
    try:
        async with asyncio.timeout(CHECK_WITHIN_S):
            await call
    except (*AWAY, TimeoutError):
        return False
    return True


async def check(parts: Parts) -> dict[str, bool]:
    """Return each thing that must stand before the gateway serves, and whether it does."""
    ledger, bus = await asyncio.gather(
        _answers(parts.ledger.redis.ping()), _answers(parts.bus.ping())
    )
    checks = {"ledger": ledger, "bus": bus, "directory": parts.directory.loaded}
    parts.metrics.show_ready(checks)
    return checks


@routes.get("/healthz")
async def healthz() -> Any:
    """The process answers."""
    return {"alive": True}


@routes.get("/readyz")
async def readyz(parts: Here) -> JSONResponse:
    """200 once ledger and bus answer and the cameras are loaded; 503 while any does not."""
    checks = await check(parts)
    ready = all(checks.values())
    return JSONResponse({"ready": ready, "checks": checks}, status_code=200 if ready else 503)


@routes.get("/metrics")
async def metrics(parts: Here, who: Viewer) -> Response:
    """Every figure, for Prometheus; of the cameras that the key sees."""
    await check(parts)
    parts.metrics.show_viewers(parts.watchers.hub.figures())
    try:
        parts.metrics.show_system(await system_status(parts, parts.directory.visible(who.key)))
    except AWAY:
        parts.metrics.show_system({"cameras": [], "workers": []})
    return Response(parts.metrics.text(), media_type="text/plain; version=0.0.4; charset=utf-8")
