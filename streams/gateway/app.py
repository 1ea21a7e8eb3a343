"""Knows how the gateway is put together, started and ended. Does not know any route's work."""

import asyncio
import contextlib
from collections.abc import Iterator
from pathlib import Path
from typing import Final

import structlog
import uvicorn
from fastapi import FastAPI
from redis.asyncio import Redis

from config.schema import Settings
from streams import servers
from streams.bus.clock import MEASURE_EVERY_S
from streams.bus.connection import AWAY, connect
from streams.gateway import (
    alerts,
    analyses,
    analysis_camera,
    analysis_work,
    cameras,
    errors,
    evidence,
    health,
    keys,
    models,
    page,
    people,
    session,
    status,
    subscribers,
    whep,
    whip,
)
from streams.gateway.access_log import AccessLog
from streams.gateway.analyst import Analyst, BusDesk
from streams.gateway.cookies import CookieSigner
from streams.gateway.directory import Directory
from streams.gateway.evidence_store import FolderStore
from streams.gateway.evidence_writer import DAY_S, EvidenceWriter, Retention
from streams.gateway.headers import BodyLimit, SecurityHeaders
from streams.gateway.metrics import Metrics
from streams.gateway.parts import Parts
from streams.gateway.people import BODY_BYTES, erase_person
from streams.gateway.tail import AlertTail
from streams.gateway.throttle import Throttle
from streams.gateway.watchers import Hub, Watchers
from streams.ledger.erasures import RewriteFailed
from streams.ledger.ledger import Ledger
from streams.valkey import USER

GUESSES: Final = 8
GUESS_REFILL_S: Final = 6.0
END_WITHIN_S: Final = 0.4
AGAIN_AFTER_S: Final = 0.5

ROUTES: Final = (
    session.routes,
    cameras.routes,
    whep.routes,
    whip.routes,
    people.routes,
    alerts.routes,
    evidence.routes,
    subscribers.routes,
    keys.routes,
    models.routes,
    analyses.routes,
    analysis_camera.routes,
    analysis_work.routes,
    status.routes,
    health.routes,
    page.routes,
)

log = structlog.get_logger("gateway")


def open_hub(settings: Settings, bus: Redis) -> Hub:
    """Return what sends live pictures to browsers."""
    from streams.viewer.hub import ViewerHub, ViewerSettings

    media = settings.media
    hub: Hub = ViewerHub(bus, ViewerSettings(media.addresses, media.viewers))
    return hub


def open_parts(settings: Settings, hub: Hub | None = None) -> Parts:
    """Open everything a gateway holds; nothing is sent yet. Raises BadKeyFile."""
    box = servers.open_box(settings)
    bus = servers.open_bus(settings, box)
    password = servers.ledger_password(settings, box)
    user = None if password is None else USER
    ledger = Ledger(connect(servers.ledger_url(settings), user, password), box)
    directory, metrics = Directory(ledger), Metrics()
    return Parts(
        settings=settings,
        box=box,
        bus=bus,
        ledger=ledger,
        directory=directory,
        cookies=CookieSigner(box.derive("cookie")),
        throttle=Throttle(GUESSES, GUESS_REFILL_S),
        store=FolderStore(servers.home(settings) / "evidence"),
        tail=AlertTail(ledger),
        watchers=Watchers(hub or open_hub(settings, bus), directory),
        metrics=metrics,
        analyst=Analyst(servers.home(settings), settings.analyses, BusDesk(bus), metrics),
    )


def build_app(parts: Parts) -> FastAPI:
    """Return the HTTP application over these parts."""
    app = FastAPI(title="Ostiary", openapi_url=None, docs_url=None, redoc_url=None)
    app.state.parts, app.state.analyst = parts, parts.analyst
    errors.install(app)
    for routes in ROUTES:
        app.include_router(routes)
    app.mount("/page", page.files_of_page())
    analyses_bytes = parts.settings.analyses.upload_bytes
    wider = {"/api/v1/people": BODY_BYTES, "/api/v1/analyses/": analyses_bytes}
    app.add_middleware(BodyLimit, wider=wider)
    app.add_middleware(SecurityHeaders, secure=parts.secure)
    app.add_middleware(AccessLog, metrics=parts.metrics)
    return app


class Server(uvicorn.Server):
    """uvicorn without its own signals: whoever started the gateway ends it."""

    @contextlib.contextmanager
    def capture_signals(self) -> Iterator[None]:
        """Leave SIGTERM and SIGINT to the process."""
        yield


def _server(parts: Parts) -> Server:
    settings = parts.settings

    def text(path: Path | None) -> str | None:
        return None if path is None else str(path)

    config = uvicorn.Config(
        build_app(parts),
        host=settings.gateway.host,
        port=settings.gateway.port,
        ssl_certfile=text(settings.tls.cert),
        ssl_keyfile=text(settings.tls.key),
        log_config=None,
        access_log=False,
        server_header=False,
        proxy_headers=False,
        lifespan="off",
        timeout_keep_alive=20,
        timeout_graceful_shutdown=1,
        limit_concurrency=1000,
    )
    return Server(config)


async def _checked(parts: Parts) -> None:
    """Check the ledger's key and functions once it answers. Raises WrongKey."""
    while True:
        try:
            await parts.ledger.check()
            await parts.ledger.subscribers.apply_acl()
            for person_id in await parts.ledger.people.unfinished_erasures():
                await erase_person(parts, person_id)
            return
        except (*AWAY, RewriteFailed) as error:
            log.warning("ledger_not_checked", reason=type(error).__name__)
            await asyncio.sleep(AGAIN_AFTER_S)


async def _measured(parts: Parts) -> None:
    """Keep the offset to the bus's clock."""
    while True:
        try:
            await parts.bus_clock.measure(parts.bus)
            await asyncio.sleep(MEASURE_EVERY_S)
        except AWAY:
            await asyncio.sleep(AGAIN_AFTER_S)


async def _guarded(parts: Parts) -> None:
    """End the live pictures of keys that were revoked and cameras that went."""
    changed = asyncio.Event()
    parts.directory.on_change(changed.set)
    while True:
        await changed.wait()
        changed.clear()
        parts.tail.wake()  # event streams look at their keys again
        await parts.watchers.end_forbidden()


async def serve(parts: Parts) -> None:
    """Serve until cancelled; then everything ends within a second."""
    server = _server(parts)
    keep_s = parts.settings.evidence.keep_days * DAY_S
    writer = EvidenceWriter(parts.bus, parts.store, parts.tail, parts.metrics, Retention(keep_s))
    try:
        await asyncio.to_thread(parts.analyst.jobs.clear)
        async with asyncio.TaskGroup() as group:
            for work in (
                _served(server, parts),
                _checked(parts),
                _measured(parts),
                _guarded(parts),
                parts.directory.follow(),
                parts.tail.follow(),
                parts.watchers.hub.run(),
                writer.run(),
                parts.analyst.run(),
            ):
                group.create_task(work)
    finally:
        await close(parts)


async def _served(server: Server, parts: Parts) -> None:
    """Serve; when cancelled, end event streams first, then every connection."""
    try:
        await server.serve()
    finally:
        parts.closing.set()
        parts.tail.wake()
        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout(END_WITHIN_S):
                await server.shutdown()
    raise RuntimeError("the HTTP server ended by itself")


async def close(parts: Parts) -> None:
    """Close the live sessions and the connections."""
    try:
        async with asyncio.timeout(END_WITHIN_S):
            await parts.watchers.hub.close_all()
    except TimeoutError:
        log.warning("viewers_not_closed_in_time")
    await parts.bus.aclose()
    await parts.ledger.aclose()


async def run(settings: Settings) -> None:
    """Run the gateway until it is cancelled. Raises BadKeyFile, WrongKey."""
    parts = open_parts(settings)
    host, port = settings.gateway.host, settings.gateway.port
    log.info("gateway_starts", host=host, port=port, tls=parts.secure)
    await serve(parts)
