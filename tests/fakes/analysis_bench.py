"""Knows how a test shows pictures to an analysis with real networks and a real bus."""

import asyncio
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field

from fakes.ledger_real import BOX
from fakes.worker_scenes import BEGIN_NS, SECOND_NS, camera_of, desk_of, picture_of

from engine.sampling import SamplingSettings
from streams.bus import observations
from streams.bus.clock import BusClock
from streams.bus.connection import connect
from streams.clock import now_ns
from streams.valkey import USER
from workers.analysis import Analysis, Tools
from workers.intake import Intake
from workers.snapshots import Snapshots

BUDGET_MS = 500
EVERY_NS = SECOND_NS // 5


@dataclass
class Pool:
    """Hands over the pictures that the test decoded."""

    ready: list = field(default_factory=list)
    released: int = 0

    async def wait(self, timeout_s, busy=()):
        await asyncio.sleep(0.002)

    def look_again(self):
        pass

    def take(self, busy=(), most=None):
        pictures = [one for one in self.ready if one.stream not in busy][:most]
        taken = {id(one) for one in pictures}
        self.ready = [one for one in self.ready if id(one) not in taken]
        for one in pictures:
            one._give_back = self._count
        return pictures

    def _count(self):
        self.released += 1


class AskedIntake(Intake):
    """Remembers which rates were asked for."""

    def __init__(self, *arguments):
        super().__init__(*arguments)
        self.asked = []

    def set_rate(self, stream, pictures_per_s):
        self.asked.append((stream, pictures_per_s))


@dataclass
class Bench:
    """An analysis of one camera, `door`, where masks must be worn."""

    bus: object
    pool: Pool
    analysis: Analysis

    @property
    def desk(self):
        return self.analysis.desks["door"]

    @property
    def drops(self):
        return dict(self.desk.figures.drops)

    async def show(self, pixels, step=0, camera="door", behind_ms=0):
        picture = picture_of(camera, pixels, BEGIN_NS + step * EVERY_NS, 1, behind_ms)
        self.pool.ready.append(picture)
        await self.analysis.step()

    async def published(self):
        return [one.observation for one in await observations.read(self.bus, {"door": "0"})]


def bench(models, server, body, lanes=1, batch=None):
    async def run():
        bus, pool, clock = connect(server.url, USER, server.plan.password), Pool(), BusClock()
        await clock.measure(bus)
        with ThreadPoolExecutor(lanes) as executor:
            intake = AskedIntake(bus, pool, 8.0)
            tools = Tools(
                bus, clock, models, pool, intake, Snapshots(BOX), executor, lanes, batch,
                SamplingSettings(), BUDGET_MS,
            )  # fmt: skip
            analysis = Analysis(tools)
            camera = camera_of("door", mask_required=True)
            analysis.desks["door"] = desk_of(camera, now_ns=now_ns())
            try:
                async with asyncio.timeout(60):
                    await body(Bench(bus, pool, analysis))
            finally:
                await bus.aclose()

    asyncio.run(run())
