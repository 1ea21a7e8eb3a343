"""Lending a camera from a real browser: its pictures become a camera of the wall."""

import asyncio

import pytest
from playwright.async_api import expect

from streams import servers
from streams.ingest import app as ingest
from streams.viewer.hub import ViewerHub, ViewerSettings
from tests.fakes.chromium import a_tab
from tests.fakes.live_gateway import gateway_settings, running_gateway

pytestmark = [pytest.mark.e2e, pytest.mark.slow, pytest.mark.timeout(180)]


@pytest.fixture
def settings(tmp_path, bus_server, ledger_server):
    return gateway_settings(tmp_path, bus_server, ledger_server)


def test_a_lent_camera_plays_on_the_wall_until_it_is_taken_back(settings):
    async def main():
        hub = ViewerHub(servers.open_bus(settings, servers.open_box(settings)), ViewerSettings())
        async with running_gateway(settings, hub) as gateway, asyncio.TaskGroup() as group:
            taking = group.create_task(ingest.run(settings))
            camera = await gateway.camera(id="webcam", kind="whip", url="", purpose="none")
            async with a_tab() as lender, a_tab() as tab:
                await lender.page.goto(gateway.url + camera["lend"])
                assert camera["token"] not in lender.page.url
                button = lender.page.get_by_role("button", name="Lend this camera")
                await button.click()
                await expect(lender.page.locator(".state")).to_have_text(
                    "Being watched", timeout=40000
                )
                key = gateway.admin.headers["authorization"].removeprefix("Bearer ")
                await tab.page.goto(f"{gateway.url}/#key={key}")
                await expect(tab.page.locator(".tile.is-playing")).to_be_visible(timeout=60000)
                await tab.value(
                    "() => document.querySelector('video').videoWidth", lambda width: width > 0
                )
                before = await tab.page.evaluate(
                    "() => document.querySelector('video').currentTime"
                )
                await tab.value(
                    "() => document.querySelector('video').currentTime",
                    lambda now: now > before + 1,
                )
                await lender.page.get_by_role("button", name="Stop lending").click()
                await expect(tab.page.locator(".notice-title")).to_contain_text(
                    "Nobody lends this camera", timeout=60000
                )
                assert lender.errors == []
            taking.cancel()

    asyncio.run(main())


def test_a_link_without_its_token_says_what_to_do(settings):
    async def main():
        async with running_gateway(settings) as gateway, a_tab(390, 844) as tab:
            await tab.page.goto(f"{gateway.url}/lend?camera=webcam")
            await expect(tab.page.get_by_role("alert")).to_contain_text("Ask for a new link")
            await expect(tab.page.get_by_role("button")).to_be_disabled()
            assert tab.errors == []

    asyncio.run(main())
