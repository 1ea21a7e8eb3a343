"""The page in a real browser on a real gateway: pictures play, boxes lie on what they name."""

import asyncio
import contextlib
from dataclasses import replace

import numpy as np
import pytest
from playwright.async_api import expect

from engine.people import Person, Photo
from streams.bus import evidence
from streams.bus.evidence import Snapshot
from streams.viewer.hub import ViewerHub, ViewerSettings
from tests.fakes.chromium import a_tab
from tests.fakes.live_camera import LiveCamera
from tests.fakes.live_gateway import gateway_settings, running_gateway
from tests.fakes.moving_square import moving_square, observe

pytestmark = [pytest.mark.e2e, pytest.mark.slow, pytest.mark.timeout(240)]

# Where the browser itself shows the square, by the shown picture's RTP time.
SEE = """
() => {
  const video = document.querySelector("video");
  const small = new OffscreenCanvas(160, 90).getContext("2d", { willReadFrequently: true });
  window.seen = {};
  const look = (_, picture) => {
    small.drawImage(video, 0, 0, 160, 90);
    const { data } = small.getImageData(0, 0, 160, 90);
    let [x1, x2] = [160, 0];
    for (let x = 0; x < 160; x += 1) if (data[(45 * 160 + x) * 4] > 128) {
      x1 = Math.min(x1, x);
      x2 = Math.max(x2, x + 1);
    }
    window.seen[picture.rtpTimestamp] = [x1 / 160, x2 / 160];
    video.requestVideoFrameCallback(look);
  };
  video.requestVideoFrameCallback(look);
}
"""


def iou(first, second) -> float:
    """Overlap of two spans on the line the square moves along."""
    shared = min(first[1], second[1]) - max(first[0], second[0])
    whole = max(first[1], second[1]) - min(first[0], second[0])
    return max(0.0, shared) / whole


@pytest.fixture(scope="module")
def square():
    return moving_square()


@pytest.fixture
def settings(tmp_path, bus_server, ledger_server):
    return gateway_settings(tmp_path, bus_server, ledger_server)


@contextlib.asynccontextmanager
async def stage(settings, square, shift=0):
    """A gateway with a hub, one live camera, one enrolled person, and observations."""
    from streams import servers

    hub = ViewerHub(servers.open_bus(settings, servers.open_box(settings)), ViewerSettings())
    async with running_gateway(settings, hub) as gateway:
        if await gateway.parts.ledger.cameras.get("lobby") is None:
            await gateway.camera()
        photo = Photo("f-1", np.ones(128, np.float32), "m@1", b"")
        person = Person("p-1", "Ada Byron", "signed", 1, (photo,))
        await gateway.parts.ledger.people.put(person)
        await gateway.parts.directory.refresh("person")
        camera = LiveCamera(gateway.parts.bus, square, camera="lobby")
        await camera.begin()
        async with asyncio.TaskGroup() as group:
            tasks = [
                group.create_task(camera.run()),
                group.create_task(_stays_live(camera)),
                group.create_task(observe(camera, shift)),
            ]
            try:
                yield gateway
            finally:
                for task in tasks:
                    task.cancel()


async def _stays_live(camera: LiveCamera) -> None:
    from engine.packets import Codec
    from streams.bus.sources import SourceStatus, write_status

    status = SourceStatus("live", codec=Codec.H264, epoch_ms=camera.epoch_ms, rate_hz=25.0)
    while True:
        await write_status(camera.redis, camera.stream, replace(status))
        await asyncio.sleep(1)


def key_of(gateway) -> str:
    return gateway.admin.headers["authorization"].removeprefix("Bearer ")


async def overlaps(tab) -> list[float]:
    """Play for a while; return how well the drawn boxes lie on what the browser showed."""
    await tab.value("() => ostiary.frames('lobby').length", lambda count: count > 30)
    # The picture is delayed to its boxes: wait until that has settled.
    await tab.value(
        "() => ostiary.frames('lobby').slice(-20).filter((f) => f.boxes.length).length",
        lambda count: count >= 19,
    )
    await tab.page.evaluate(SEE)
    await tab.value("() => Object.keys(window.seen).length", lambda count: count > 90)
    frames = await tab.page.evaluate("() => ostiary.frames('lobby')")
    seen = await tab.page.evaluate("() => window.seen")
    found = []
    for frame in frames:
        place = seen.get(str(frame["rtp"]))
        if place is not None and place[0] < place[1]:
            boxes = [one["box"] for one in frame["boxes"]]
            found.append(iou((boxes[0][0], boxes[0][2]), place) if boxes else 0.0)
    return found


@pytest.mark.parametrize("shift", [0, 12], ids=["true", "shifted"])
def test_a_box_lies_on_what_it_names_and_a_shifted_one_does_not(settings, square, shift):
    async def main():
        async with stage(settings, square, shift) as gateway, a_tab() as tab:
            await tab.page.goto(f"{gateway.url}/#key={key_of(gateway)}")
            found = await overlaps(tab)
            assert len(found) > 50
            good = sum(one >= 0.5 for one in found) / len(found)
            drawn = await tab.page.evaluate("() => ostiary.drawn('lobby')")
            if shift:
                assert good < 0.3, found
            else:
                assert good >= 0.9, found
                assert drawn["boxes"][0]["name"] == "Ada Byron"
                assert drawn["boxes"][0]["mask"] == "missing"
            assert "key" not in tab.page.url
            assert tab.errors == []

    asyncio.run(main())


def test_an_alert_appears_with_its_picture_and_can_be_opened(settings, square):
    async def main():
        async with stage(settings, square) as gateway, a_tab() as tab:
            page = tab.page
            await page.goto(f"{gateway.url}/#key={key_of(gateway)}")
            await expect(page.locator(".alerts .empty")).to_contain_text("No alerts", timeout=20000)
            await expect(page.locator(".link-state")).to_have_text("Live", timeout=20000)
            await gateway.alert(7, person_id="p-1", snapshot="e-7")
            card = page.locator(".alert")
            await expect(card).to_contain_text("No mask", timeout=20000)
            await expect(card).to_contain_text("Ada Byron")
            await expect(card).to_contain_text("Active")
            jpeg = _jpeg()
            snapshot = Snapshot("e-7", "lobby", gateway.parts.box.seal(jpeg))
            await evidence.put(gateway.parts.bus, snapshot)
            await tab.value(
                "() => document.querySelector('.alert img')?.naturalWidth ?? 0",
                lambda width: width == 64,
            )
            await card.click()
            sheet = page.locator("dialog[open]")
            await expect(sheet).to_contain_text("97 % from 14 views")
            await page.keyboard.press("Escape")
            await expect(page.locator("dialog")).to_have_count(0)
            assert tab.errors == []

    asyncio.run(main())


def _jpeg() -> bytes:
    import cv2

    return cv2.imencode(".jpg", np.full((48, 64, 3), 90, np.uint8))[1].tobytes()


def test_a_wrong_key_is_told_and_a_right_one_signs_in(settings, square):
    async def main():
        async with stage(settings, square) as gateway, a_tab() as tab:
            page = tab.page
            await page.goto(gateway.url)
            field = page.get_by_label("Access key")
            await field.fill("ost_wrong_key")
            await page.get_by_role("button", name="Sign in").click()
            await expect(page.get_by_role("alert")).to_contain_text("not known", timeout=20000)
            await field.fill(key_of(gateway))
            await page.get_by_role("button", name="Sign in").click()
            await expect(page.locator(".tile.is-playing")).to_be_visible(timeout=30000)
            assert await page.evaluate("() => document.cookie") == ""
            await page.get_by_role("button", name="Sign out").click()
            await expect(field).to_be_visible()

    asyncio.run(main())


def test_the_wall_plays_again_after_the_gateway_was_away(settings, square):
    async def main():
        async with a_tab() as tab:
            async with stage(settings, square) as gateway:
                await tab.page.goto(f"{gateway.url}/#key={key_of(gateway)}")
                await expect(tab.page.locator(".tile.is-playing")).to_be_visible(timeout=30000)
            await expect(tab.page.locator(".banner")).to_be_visible(timeout=30000)
            async with stage(settings, square) as gateway:
                await expect(tab.page.locator(".tile.is-playing")).to_be_visible(timeout=60000)
                await expect(tab.page.locator(".banner")).to_be_hidden()
                before = await tab.page.evaluate("() => ostiary.frames('lobby').length")
                await tab.value(
                    "() => ostiary.frames('lobby').length", lambda count: count > before + 10
                )
                await gateway.alert(9)
                await expect(tab.page.locator(".alert")).to_be_visible(timeout=30000)

    asyncio.run(main())


@pytest.mark.parametrize("width", [390, 1280, 2560])
def test_every_view_fits_its_width_and_every_control_has_a_name(settings, square, width):
    async def main():
        async with stage(settings, square) as gateway, a_tab(width, 844) as tab:
            await gateway.alert(1, person_id="p-1")
            await tab.page.goto(f"{gateway.url}/#key={key_of(gateway)}")
            await expect(tab.page.locator(".tile:not(.skeleton)")).to_be_visible(timeout=30000)
            for place in (
                "wall",
                "alerts",
                "people",
                "cameras",
                "analyze",
                "status",
                "camera/lobby",
            ):
                await tab.page.goto(f"{gateway.url}/#/{place}")
                await expect(tab.page.locator("main h1").first).to_be_attached(timeout=20000)
                wide = await tab.page.evaluate("() => document.documentElement.scrollWidth")
                assert wide <= width, place
                nameless = await tab.page.evaluate(NAMELESS)
                assert nameless == [], place
            assert tab.errors == []

    asyncio.run(main())


NAMELESS = """
() => [...document.querySelectorAll("a, button, input, select")]
  .filter((one) => one.checkVisibility())
  .filter((one) => !(one.textContent.trim() || one.ariaLabel || one.labels?.length || one.title))
  .map((one) => one.outerHTML.slice(0, 120))
"""
