"""Knows how to give ingest a home on test servers, and how to wait for what it shows."""

import asyncio
import contextlib
import time
from pathlib import Path

from config.schema import BusSettings, LedgerSettings, Settings
from engine.packets import Role
from streams.bus.packets import StreamKey, kept_group
from streams.bus.sources import read_status
from streams.ingest import app as ingest
from streams.ledger.ledger import Ledger
from streams.servers import ledger_password, ledger_url, open_box, open_bus
from streams.valkey import USER

WITHIN_S = 30.0


def settings_for(home: Path, bus, ledger) -> Settings:
    """Return settings that reach two test servers; the home's key is made."""
    settings = Settings(
        home=home,
        bus=BusSettings(url=_url(bus), memory_bytes=64 * 2**20),
        ledger=LedgerSettings(url=_url(ledger)),
    )
    open_box(settings, create=True)
    return settings


def _url(server) -> str:
    return f"unix://{USER}@{server.plan.socket}?password={server.password}"


class Home:
    """One bus and ledger as a test sees them while ingest runs on them."""

    def __init__(self, settings: Settings) -> None:
        self.settings = settings
        self.box = open_box(settings)
        self.bus = open_bus(settings, self.box)

    async def ledger(self) -> Ledger:
        return await Ledger.connect(
            ledger_url(self.settings), ledger_password(self.settings, self.box), self.box
        )

    async def put(self, *cameras) -> None:
        async with contextlib.aclosing(await self.ledger()) as ledger:
            for camera in cameras:
                await ledger.cameras.put(camera)

    async def remove(self, camera_id: str) -> None:
        async with contextlib.aclosing(await self.ledger()) as ledger:
            await ledger.cameras.remove(camera_id)

    async def status(self, camera: str, role: Role = Role.MAIN):
        return await read_status(self.bus, StreamKey(camera, role))

    async def until(self, camera: str, wanted, role: Role = Role.MAIN):
        """Return the status as soon as it is as wanted; fails after WITHIN_S with the last one."""
        last, deadline = None, time.monotonic() + WITHIN_S
        while time.monotonic() < deadline:
            with contextlib.suppress(ConnectionError, OSError):
                last = await self.status(camera, role)
                if last is not None and wanted(last):
                    return last
            await asyncio.sleep(0.03)
        raise AssertionError(f"{camera}:{role} never got there; last seen: {last}")

    async def live(self, camera: str, role: Role = Role.MAIN, above_epoch: int = 0):
        return await self.until(
            camera, lambda one: one.state == "live" and one.epoch_ms > above_epoch, role
        )

    async def group(self, camera: str, at_least: int = 2, role: Role = Role.MAIN):
        """Return the kept group once it has some pictures."""
        deadline = time.monotonic() + WITHIN_S
        while time.monotonic() < deadline:
            found = await kept_group(self.bus, StreamKey(camera, role))
            if len(found) >= at_least:
                return found
            await asyncio.sleep(0.03)
        raise AssertionError(f"no group of {at_least} pictures of {camera}")


@contextlib.asynccontextmanager
async def running_ingest(settings: Settings):
    """Run ingest inside this process; it is cancelled at the end."""
    home = Home(settings)
    async with asyncio.TaskGroup() as group:
        task = group.create_task(ingest.run(settings))
        try:
            yield home
        finally:
            task.cancel()
    await home.bus.aclose()
