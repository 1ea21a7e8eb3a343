"""An ingest that starts with its clock set back by an hour: its camera is dark for a while only."""

import asyncio
import contextlib
import time
from dataclasses import dataclass, field

import pytest

from config.cameras import Camera
from engine.packets import Role
from ostiary.demo.rtsp_server import RtspServer, ServerOptions
from streams.bus import keys
from streams.codecs.lanes import Unit
from streams.servers import open_box, open_bus
from streams.viewer.feed import FeedLimits
from streams.viewer.hub import ViewerHub, ViewerSettings
from tests.fakes.codec_clips import DOOR
from tests.fakes.source_clips import ClipPlan, write_clip
from tests.fakes.source_home import running_ingest, settings_for
from tests.fakes.whep_client import WhepClient
from workers.intake import Intake

pytestmark = [pytest.mark.integration, pytest.mark.slow]

HOUR_NS = 3600 * 10**9
FORGET_S = 2.0  # instead of a minute


@dataclass
class Pool:
    """Takes what a decoder pool takes."""

    units: list[Unit] = field(default_factory=list)

    def submit(self, unit: Unit) -> None:
        self.units.append(unit)

    def epochs(self) -> set[int]:
        return {unit.packet.epoch_ms for unit in self.units}


@dataclass
class Readers:
    """Who reads the camera's packets: a viewer's hub and a worker's intake."""

    hub: ViewerHub
    intake: Intake
    pool: Pool
    viewer: WhepClient

    @property
    def dropped(self) -> tuple[int, int]:
        viewer = self.hub.figures().lost.packets["other_epoch"]
        return viewer, self.intake.dropped(DOOR)


async def until(holds) -> None:
    async with asyncio.timeout(30):
        while not holds():
            await asyncio.sleep(0.01)


async def read(intake: Intake) -> None:
    while True:
        await intake.step()


@contextlib.asynccontextmanager
async def reading(bus):
    """Read the camera, which must be live; whoever reads goes on while its ingest is replaced."""
    pool = Pool()
    limits = FeedLimits(forget_epoch_after_s=FORGET_S)
    hub = ViewerHub(bus, ViewerSettings(feed=limits))
    intake = Intake(bus, pool, 8.0, FORGET_S)
    await intake.begin(DOOR)
    async with asyncio.TaskGroup() as group:
        tasks = [group.create_task(hub.run()), group.create_task(read(intake))]
        await asyncio.sleep(0)  # the hub runs
        readers = Readers(hub, intake, pool, WhepClient())
        await readers.viewer.watch(hub)
        try:
            yield readers
        finally:
            await readers.viewer.leave()
            await hub.close_all()
            for task in tasks:
                task.cancel()


@contextlib.asynccontextmanager
async def stage(tmp_path, bus_server, ledger_server):
    """A camera, and the settings of an installation."""
    settings = settings_for(tmp_path, bus_server, ledger_server)
    clip = write_clip(tmp_path / "clip.mp4", ClipPlan(pictures=100))
    bus = open_bus(settings, open_box(settings))
    async with RtspServer({"clip": clip}, ServerOptions()) as server:
        yield settings, bus, Camera(id="door", url=server.url("clip"))
    await bus.aclose()


def test_the_picture_and_the_analysis_come_back(tmp_path, bus_server, ledger_server, monkeypatch):
    async def main() -> None:
        async with (
            stage(tmp_path, bus_server, ledger_server) as (settings, bus, camera),
            contextlib.AsyncExitStack() as stack,
        ):
            async with running_ingest(settings) as home:
                await home.put(camera)
                before = await home.live("door")
                await home.group("door")
                readers = await stack.enter_async_context(reading(bus))
                await until(lambda: len(readers.viewer.pictures) > 5 and readers.pool.units)
            await bus.delete(keys.source("door", Role.MAIN))  # as after ten seconds without ingest
            monkeypatch.setattr("streams.ingest.app.now_ns", lambda: time.time_ns() - HOUR_NS)
            async with running_ingest(settings) as home:
                after = await home.live("door")
                assert after.epoch_ms < before.epoch_ms - 3_500_000
                await until(lambda: all(readers.dropped))
                assert readers.pool.epochs() == {before.epoch_ms}
                shown = len(readers.viewer.pictures)
                await until(lambda: after.epoch_ms in readers.pool.epochs())
                await until(lambda: len(readers.viewer.pictures) > shown + 10)

    asyncio.run(main())
