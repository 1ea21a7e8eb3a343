"""Two lanes: two cameras at once, never one twice, and nobody while desks change."""

import asyncio
from time import sleep

import pytest
from fakes.analysis_bench import EVERY_NS, bench
from fakes.worker_scenes import BEGIN_NS, camera_of, desk_of, picture_of, scene

from streams.bus import observations
from streams.clock import now_ns
from workers.models import Models

pytestmark = [pytest.mark.integration, pytest.mark.slow]

SIZES = {"door": (640, 360), "hall": (800, 450)}


class Watched(Models):
    """The real networks, slower, with which sizes of pictures they look at at one time."""

    def __init__(self, models):
        super().__init__(models._parts)
        self.inside, self.most, self.twice = set(), 0, 0

    def detect(self, pictures, sights=None):
        (shape,) = {picture.shape for picture in pictures}
        self.twice += shape in self.inside
        self.inside.add(shape)
        self.most = max(self.most, len(self.inside))
        try:
            sleep(0.05)
            return super().detect(pictures, sights)
        finally:
            self.inside.discard(shape)


async def forever(step):
    while True:
        await step()
        await asyncio.sleep(0)


async def shown(bench, steps=12):
    """Show both cameras somebody who walks, faster than they are looked at."""
    for step in range(steps):
        for name, size in SIZES.items():
            pixels = scene(("obama", 60 + 9 * step, 60, 90), size=size)
            bench.pool.ready.append(picture_of(name, pixels, BEGIN_NS + step * EVERY_NS))
        await asyncio.sleep(0.03)
    while bench.pool.ready:
        await asyncio.sleep(0.01)


def test_two_lanes_look_at_two_cameras_at_once_and_never_at_one_twice(models, bus_server):
    watched = Watched(models)

    async def body(bench):
        analysis = bench.analysis
        analysis.desks["hall"] = desk_of(camera_of("hall", mask_required=True), now_ns=now_ns())
        lanes = [asyncio.create_task(forever(analysis.step)) for _ in range(2)]
        await shown(bench)
        async with analysis.turn.changing():
            assert not watched.inside
        for lane in lanes:
            lane.cancel()
        await asyncio.gather(*lanes, return_exceptions=True)
        assert (watched.most, watched.twice) == (2, 0)
        for name in SIZES:
            entries = await observations.read(bench.bus, {name: "0"})
            captured = [one.observation.captured_ns for one in entries]
            assert captured == sorted(captured)
            assert len(captured) >= 5  # of the others some are stale

    bench(watched, bus_server, body, lanes=2, batch=1)
