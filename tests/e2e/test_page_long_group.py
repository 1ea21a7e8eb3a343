"""The page and a camera that rarely sends a keyframe: it says for what it waits, then plays."""

import asyncio
import contextlib

import pytest
from playwright.async_api import expect

from streams import servers
from streams.bus.sources import SourceStatus, write_status
from streams.viewer.feed import FeedLimits
from streams.viewer.hub import ViewerHub, ViewerSettings
from tests.fakes.chromium import a_tab
from tests.fakes.codec_clips import clip
from tests.fakes.live_camera import LiveCamera
from tests.fakes.live_gateway import gateway_settings, running_gateway

pytestmark = [pytest.mark.e2e, pytest.mark.slow, pytest.mark.timeout(240)]

PICTURES = 600  # from one keyframe to the next, 24 s


@contextlib.asynccontextmanager
async def stage(settings):
    """A gateway, and a camera that has sent half of a group that is longer than is kept."""
    bus = servers.open_bus(settings, servers.open_box(settings))
    hub = ViewerHub(bus, ViewerSettings(feed=FeedLimits(group_packets=50)))
    async with running_gateway(settings, hub) as gateway:
        await gateway.camera()
        packets = clip(PICTURES, (640, 360), g=str(PICTURES))
        camera = LiveCamera(gateway.parts.bus, packets, camera="lobby")
        await camera.begin()
        async with asyncio.TaskGroup() as group:
            tasks = [group.create_task(camera.run()), group.create_task(_stays_live(camera))]
            try:
                yield gateway, camera
            finally:
                for task in tasks:
                    task.cancel()


async def _stays_live(camera: LiveCamera) -> None:
    status = SourceStatus("live", codec=camera.codec, epoch_ms=camera.epoch_ms, rate_hz=25.0)
    while True:
        await write_status(camera.redis, camera.stream, status)
        await asyncio.sleep(1)


def test_the_page_says_what_it_waits_for_and_plays_with_the_next_keyframe(
    tmp_path, bus_server, ledger_server
):
    settings = gateway_settings(tmp_path, bus_server, ledger_server)

    async def main():
        async with stage(settings) as (gateway, camera), a_tab() as tab:
            offers = []
            tab.page.on("request", lambda one: one.url.endswith("/whep") and offers.append(one))
            key = gateway.admin.headers["authorization"].removeprefix("Bearer ")
            await tab.page.goto(f"{gateway.url}/#key={key}")
            notice = tab.page.locator(".tile .notice")
            await expect(notice).to_contain_text("last whole picture", timeout=20_000)
            await expect(notice).to_contain_text("Waiting for the next one")
            joined = len(camera.sent)
            assert joined < PICTURES - 150, "it must wait longer than a page bears a still picture"
            await expect(tab.page.locator(".tile.is-playing")).to_be_visible(timeout=40_000)
            assert PICTURES <= len(camera.sent) < PICTURES + 75  # 3 s on a slow machine
            await expect(notice).to_be_hidden()
            assert len(offers) == 1
            assert tab.errors == []

    asyncio.run(main())
