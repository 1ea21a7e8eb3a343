"""Knows how `ostiary analyze --job` waits on the bus for what the gateway asks. Analyses nothing.

It holds neither torch nor a network: those live in the process of one analysis and end with it.
"""

import asyncio
import contextlib
from collections.abc import Mapping
from typing import Any, Final

import structlog

from config.schema import Settings
from ostiary.jobs.desk import JobDesk
from ostiary.jobs.errand import Bench
from ostiary.supervisor.address import api_url
from streams import servers
from streams.bus.connection import AWAY
from streams.bus.requests import serve
from streams.gateway.analyst import Nobody

FOLDER: Final = "analyses-work"
AGAIN_AFTER_S: Final = 0.5

log = structlog.get_logger("analysis")


async def run(settings: Settings) -> None:
    """Take analyses until cancelled. Raises BadKeyFile."""
    home = settings.home.expanduser().absolute()
    bounds = settings.analyses
    bench = Bench(
        home / FOLDER,
        home,
        bounds.memory_bytes,
        settings.analysis.detect_size_px,
        bounds.niceness,
    )
    desk = JobDesk(api_url(settings), bench)
    bus = servers.open_bus(settings, servers.open_box(settings))
    log.info("analysis_waits", api=api_url(settings))

    async def answer(fields: Mapping[str, bytes]) -> dict[str, Any]:
        if fields.get("what") == b"models":
            return {"models": {task: list(found) for task, found in (await desk.models()).items()}}
        try:
            await desk.take(fields["id"].decode(), fields["token"].decode())
        except Nobody as error:
            return {"busy": str(error)}
        return {"taken": True}

    async def answering() -> None:
        while True:
            with contextlib.suppress(*AWAY):
                await serve(bus, "analysis", answer, "analysis")
            await asyncio.sleep(AGAIN_AFTER_S)

    try:
        async with asyncio.TaskGroup() as group:
            group.create_task(desk.run())
            group.create_task(answering())
    finally:
        await bus.aclose()
