"""Knows how the ingest process is put together: cameras from the ledger, packets to the bus.

Does not know how any of its parts works. It decodes nothing.
"""

import asyncio
import contextlib
import os
import secrets
import socket
from collections.abc import Awaitable, Callable, Mapping
from typing import Any, Final, NoReturn

import structlog
from redis.asyncio import Redis
from redis.exceptions import RedisError

from config.cameras import Camera
from config.schema import Settings
from engine.packets import Role
from streams.bus import requests
from streams.bus.clock import MEASURE_EVERY_S, BusClock
from streams.bus.connection import AWAY
from streams.bus.sending import Gathering, pipelined
from streams.cameras.rtsp_auth import Credentials
from streams.cameras.rtsp_source import RtspSource, RtspTarget
from streams.cameras.source import Source
from streams.cameras.trial import try_camera
from streams.cameras.whip import WhipHub
from streams.clock import now_ns
from streams.ingest.camera import IngestContext, own_camera
from streams.ingest.cameras import CameraSet
from streams.ingest.publisher import MemoryShare
from streams.ledger.ledger import Ledger
from streams.secrets import SecretBox
from streams.servers import ledger_password, ledger_url, open_box, open_bus

PACKETS_SHARE: Final = 0.6  # of the bus's memory; the rest is for all that must never be refused
CAMERA_TESTS_AT_ONCE: Final = 3
AGAIN_AFTER_S: Final = 0.5
_CAMERA_KINDS: Final = ("camera", "all")
log = structlog.get_logger()


def steady_clock() -> Callable[[], int]:
    """Return UTC in ns as of now, running on without the steps that a set clock makes."""
    loop = asyncio.get_running_loop()
    base_ns = now_ns() - round(loop.time() * 1e9)
    return lambda: base_ns + round(loop.time() * 1e9)


async def run(settings: Settings) -> None:
    """Run ingest until cancelled; it then gives its leases back within half a second."""
    box = open_box(settings)
    redis = open_bus(settings, box)
    hub = WhipHub(settings.media.addresses, now_ns)
    gathering = Gathering(pipelined(redis))
    context = IngestContext(
        redis=redis,
        send=gathering,
        owner=f"{socket.gethostname()}-{os.getpid()}-{secrets.token_hex(3)}",
        share=MemoryShare(int(settings.bus.memory_bytes * PACKETS_SHARE)),
        clock=BusClock(),
        now_ns=steady_clock(),
        source_of=lambda camera, role: _source_of(hub, camera, role),
    )
    cameras = CameraSet(lambda camera: own_camera(context, camera))
    try:
        async with asyncio.TaskGroup() as group:
            group.create_task(_follow_cameras(settings, box, cameras, group))
            group.create_task(_keep_time(context))
            group.create_task(gathering.run())
            for number in range(CAMERA_TESTS_AT_ONCE):
                consumer = f"{context.owner}-{number}"
                group.create_task(_serve(redis, "camera-test", _try_camera, consumer))
            group.create_task(_serve(redis, "whip", hub.answer, context.owner))
            log.info("ingest_started", owner=context.owner)
    finally:
        await hub.close()
        await redis.aclose()


def _source_of(hub: WhipHub, camera: Camera, role: Role) -> Source:
    if camera.kind == "whip":
        return hub.source(camera.id)
    url = camera.sub_url if role is Role.SUB and camera.sub_url else camera.url
    password = camera.password.get_secret_value() if camera.password else ""
    login = Credentials(camera.username, password) if camera.username else None
    return RtspSource(RtspTarget(url, login), now_ns)


async def _try_camera(fields: Mapping[str, bytes]) -> Mapping[str, Any]:
    return await try_camera(fields, now_ns)


async def _follow_cameras(
    settings: Settings, box: SecretBox, cameras: CameraSet, group: asyncio.TaskGroup
) -> NoReturn:
    """Keep the cameras that the ledger lists; while it is away, those that it listed last."""
    url, password = ledger_url(settings), ledger_password(settings, box)
    told = False  # once an absence
    while True:
        try:
            async with contextlib.aclosing(await Ledger.connect(url, password, box)) as ledger:
                told = False
                async for change in ledger.changes.follow():
                    if change.kind in _CAMERA_KINDS:
                        cameras.want(await ledger.cameras.all(), group)
        except (RedisError, OSError) as error:
            if not told:
                log.warning("ledger_away", error=type(error).__name__)
            told = True
        await asyncio.sleep(AGAIN_AFTER_S)


async def _keep_time(context: IngestContext) -> NoReturn:
    while True:
        try:
            await context.clock.measure(context.redis)
            await asyncio.sleep(MEASURE_EVERY_S)
        except AWAY:
            await asyncio.sleep(AGAIN_AFTER_S)


async def _serve(
    redis: Redis,
    kind: str,
    answer: Callable[[Mapping[str, bytes]], Awaitable[Mapping[str, Any]]],
    consumer: str,
) -> NoReturn:
    """Answer requests; the bus away is waited for, and a defect costs its request alone."""

    async def answered(fields: Mapping[str, bytes]) -> Mapping[str, Any]:
        try:
            return await answer(fields)
        except Exception:
            log.exception("request_defect", kind=kind)
            return {"ok": False, "status": 500, "error": "ingest could not answer"}

    while True:
        try:
            await requests.serve(redis, kind, answered, consumer)
        except (RedisError, OSError):
            await asyncio.sleep(AGAIN_AFTER_S)
