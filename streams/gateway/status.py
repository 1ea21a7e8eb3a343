"""Knows how the system's state is gathered from bus and ledger. Does not know how it is shown."""

import asyncio
from dataclasses import asdict
from typing import Any, Final

from fastapi import APIRouter

from config.cameras import Camera
from engine.packets import Role
from engine.rfc3339 import to_rfc3339
from streams.bus.connection import AWAY
from streams.bus.heartbeats import WorkerStatus, live_workers
from streams.bus.packets import StreamKey, newest_packet
from streams.bus.sources import SourceStatus, read_status
from streams.clock import now_ns
from streams.gateway.auth import Viewer
from streams.gateway.bounded import Bounded
from streams.gateway.parts import Here, Parts
from streams.ledger.access import AccessRole

routes = APIRouter(prefix="/api/v1", route_class=Bounded)

BUS_WITHIN_S: Final = 2.0
LIVE: Final = "live"  # how a worker calls a camera whose every picture it can take
UNKNOWN: Final = {
    "state": "connecting",
    "reason": "no ingest reports on this camera",
    "next_try_at": None,
    "next_try_s": None,
}


def _source(status: SourceStatus | None) -> dict[str, Any]:
    if status is None:
        return dict(UNKNOWN)
    next_ns = status.next_try_ns
    waits_s = None if next_ns is None else max(0.0, (next_ns - now_ns()) / 1e9)
    return {
        "state": status.state,
        "reason": status.reason or None,
        "next_try_at": None if next_ns is None else to_rfc3339(next_ns),
        "next_try_s": None if waits_s is None else round(waits_s, 1),
        "codec": status.codec,
        "width": status.width,
        "height": status.height,
        "rate_hz": round(status.rate_hz, 2),
        "since": to_rfc3339(status.since_ns) if status.since_ns else None,
        "packets_lost": dict(status.lost),
    }


async def _age_ms(parts: Parts, camera: Camera, role: Role) -> int | None:
    """Return the age of the newest packet by the bus's own clock, None where there is none."""
    newest = await newest_packet(parts.bus, StreamKey(camera.id, role))
    return None if newest is None else max(0, parts.bus_clock.age_ms(newest, now_ns()))


async def _stream(parts: Parts, camera: Camera, role: Role) -> dict[str, Any]:
    status, age_ms = await asyncio.gather(
        read_status(parts.bus, StreamKey(camera.id, role)), _age_ms(parts, camera, role)
    )
    return {**_source(status), "age_ms": age_ms}


async def camera_status(parts: Parts, camera: Camera) -> dict[str, Any]:
    """Return a camera's live state: its main stream's, and its sub-stream's within."""
    try:
        async with asyncio.timeout(BUS_WITHIN_S):
            found = await _stream(parts, camera, Role.MAIN)
            if Role.SUB in camera.roles:
                found["sub"] = await _stream(parts, camera, Role.SUB)
    except (*AWAY, TimeoutError):
        return {**UNKNOWN, "reason": "the bus does not answer"}
    return found


def _figures(camera: str, workers: list[WorkerStatus]) -> dict[str, Any]:
    """Return what the worker that owns a camera says of it."""
    for worker in workers:
        if camera in worker.cameras:
            figures = worker.figures.get(camera, {})
            wanted = ("analysed_per_s", "latency_ms", "drops", "decoder_kills")
            found = {name: figures.get(name) for name in wanted}
            mode = figures.get("mode", LIVE)
            reduced = None if mode == LIVE else mode
            reason = figures.get("reason")
            return {"worker": worker.id, **found, "reduced": reduced, "analysis": reason}
    return {"worker": None, "analysis": "no worker owns this camera"}


async def system_status(parts: Parts, cameras: list[Camera]) -> dict[str, Any]:
    """Return the state of these cameras and of all workers. Raises while the bus is away."""
    workers = await live_workers(parts.bus)
    states = await asyncio.gather(*(camera_status(parts, one) for one in cameras))
    return {
        "at": to_rfc3339(now_ns()),
        "cameras": [
            {"id": camera.id, "purpose": camera.purpose, **state, **_figures(camera.id, workers)}
            for camera, state in zip(cameras, states, strict=True)
        ],
        "workers": [
            {
                "id": one.id,
                "device": one.device,
                "capacity": one.capacity,
                "cameras": list(one.cameras),
                "lost": dict(one.lost),
                "models": {role: asdict(model) for role, model in one.models.items()},
                "figures": {key: value for key, value in one.figures.items() if key != "cameras"},
            }
            for one in workers
        ],
    }


@routes.get("/status")
async def status(parts: Here, who: Viewer) -> Any:
    """Return the state of the cameras that this key may see, and of the workers."""
    cameras = parts.directory.visible(who.key)
    found = await system_status(parts, cameras)
    shown = {one.id for one in cameras}
    for worker in found["workers"]:
        worker["cameras"] = [one for one in worker["cameras"] if one in shown]
        worker["figures"] = {
            name: value
            for name, value in worker["figures"].items()
            if name in shown or name not in parts.directory.cameras
        }
        if not who.may(AccessRole.OPERATOR):  # reasons name folders of this machine
            for model in worker["models"].values():
                model["reason"] = None
    return found
