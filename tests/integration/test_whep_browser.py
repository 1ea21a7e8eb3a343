"""Knows that a real browser plays what the hub sends, over loopback, and can place the boxes."""

import asyncio
from collections.abc import Awaitable, Callable, Sequence
from itertools import pairwise
from pathlib import Path
from typing import Any

import pytest

from engine.packets import Codec, Packet
from streams.bus.connection import connect
from streams.viewer.hub import ViewerHub, ViewerSettings
from tests.conftest import Server
from tests.fakes.codec_clips import TICKS, b_frame_clip, clip
from tests.fakes.live_camera import LiveCamera
from tests.fakes.whep_client import Camera

pytestmark = [pytest.mark.integration, pytest.mark.slow]
CHROMIUM = Path("/usr/bin/chromium")
ARGUMENTS = [
    "--headless=new", "--no-sandbox", "--disable-gpu", "--disable-sync",
    "--autoplay-policy=no-user-gesture-required", "--disable-background-networking",
    "--disable-component-update",
]  # fmt: skip
SIZE = (640, 360)
PAGE = """
<video muted autoplay playsinline></video>
<script>
const video = document.querySelector('video');
const seen = {rtp: [], boxes: [], firstMs: null};
async function watch() {
  const peer = new RTCPeerConnection();
  const started = performance.now();
  peer.addTransceiver('video', {direction: 'recvonly'});
  const boxes = peer.createDataChannel('boxes', {ordered: false, maxRetransmits: 0});
  boxes.onmessage = event => seen.boxes.push(JSON.parse(event.data));
  peer.ontrack = event => { video.srcObject = new MediaStream([event.track]); };
  const shown = (now, metadata) => {
    seen.firstMs ??= performance.now() - started;
    seen.rtp.push(metadata.rtpTimestamp);
    video.requestVideoFrameCallback(shown);
  };
  video.requestVideoFrameCallback(shown);
  await peer.setLocalDescription(await peer.createOffer());
  const answer = await whep(peer.localDescription.sdp);
  await peer.setRemoteDescription({type: 'answer', sdp: answer});
  window.peer = peer;
}
watch();
</script>
"""


async def state(page: Any) -> dict[str, Any]:
    found: dict[str, Any] = await page.evaluate(
        "() => ({...seen, width: video.videoWidth, height: video.videoHeight,"
        " time: video.currentTime})"
    )
    return found


async def until(page: Any, condition: Callable[[dict[str, Any]], bool]) -> dict[str, Any]:
    async with asyncio.timeout(40):
        while not condition(found := await state(page)):
            await asyncio.sleep(0.05)
    return found


def in_browser(
    server: Server,
    packets: Sequence[Packet],
    codec: Codec,
    body: Callable[[Any, LiveCamera, ViewerHub], Awaitable[None]],
) -> None:
    if not CHROMIUM.exists():
        pytest.skip("no /usr/bin/chromium: apt-get install chromium")
    from playwright.async_api import async_playwright

    async def run() -> None:
        redis = connect(server.url, "ostiary", server.password)
        hub = ViewerHub(redis, ViewerSettings())
        camera = LiveCamera(redis, packets, codec)
        async with asyncio.timeout(100), redis, asyncio.TaskGroup() as group:
            tasks = [group.create_task(hub.run())]
            await camera.begin()
            tasks.append(group.create_task(camera.run()))

            async def whep(offer: str) -> str:
                return (await hub.offer(Camera("door"), offer)).sdp

            async with async_playwright() as playwright:
                browser = await playwright.chromium.launch(
                    executable_path=str(CHROMIUM), args=ARGUMENTS
                )
                page = await browser.new_page()
                await page.expose_function("whep", whep)
                await page.set_content(PAGE)
                await body(page, camera, hub)
                await browser.close()
            await hub.close_all()
            for task in tasks:
                task.cancel()

    asyncio.run(run())


@pytest.mark.parametrize(
    ("packets", "codec"),
    [
        (clip(100, SIZE, g="50"), Codec.H264),
        (clip(100, SIZE, "libvpx", g="50"), Codec.VP8),
        (b_frame_clip(96, SIZE), Codec.H264),
    ],
    ids=["h264", "vp8", "b-frames"],
)
def test_chromium_plays_and_the_boxes_name_shown_pictures(
    bus_server: Server, packets: list[Packet], codec: Codec
) -> None:
    async def body(page: Any, camera: LiveCamera, hub: ViewerHub) -> None:
        found = await until(page, lambda now: len(now["rtp"]) > 25)
        assert (found["width"], found["height"]) == SIZE
        later = await until(page, lambda now: now["time"] > found["time"] + 1)
        live = later["rtp"][-10:]
        assert all((step & 0xFFFFFFFF) % TICKS == 0 for step in
                   (b - a for a, b in pairwise(live)))  # fmt: skip
        for wanted in range(1, 7):
            await camera.observe(camera.sent[-1])
            await until(page, lambda now, wanted=wanted: len(now["boxes"]) >= wanted)
        shown = len(later["rtp"])
        last = await until(page, lambda now: len(now["rtp"]) > shown + 50)
        named = {message["rtp"] for message in last["boxes"]}
        assert len(named & set(last["rtp"])) >= len(named) - 1  # a browser may skip a picture

    in_browser(bus_server, packets, codec, body)


def test_the_session_ends_when_the_page_leaves(bus_server: Server) -> None:
    async def body(page: Any, camera: LiveCamera, hub: ViewerHub) -> None:
        await until(page, lambda now: len(now["rtp"]) > 5)
        assert len(hub.sessions) == 1
        await page.evaluate("() => peer.close()")
        async with asyncio.timeout(20):
            while hub.sessions:
                await asyncio.sleep(0.05)

    in_browser(bus_server, clip(100, SIZE, g="50"), Codec.H264, body)


def behind_s(hub: ViewerHub, now: dict[str, Any]) -> float:
    """How far the shown picture is behind the newest that was sent, in seconds."""
    (session,) = hub._sessions.values()
    newest = session._origin + session.outbound.timeline._last_ticks
    return ((newest - now["rtp"][-1] + 2**31) % 2**32 - 2**31) / 90_000


def test_a_long_group_does_not_hold_the_picture_back(bus_server: Server) -> None:
    """Sent at other distances than its times tell, 12 s of pictures froze Chromium for 7 s."""

    async def body(page: Any, camera: LiveCamera, hub: ViewerHub) -> None:
        await until(page, lambda now: len(now["rtp"]) > 5)
        joined = len(camera.sent)
        await until(page, lambda now: abs(behind_s(hub, now)) < 0.5)
        await until(page, lambda now: len(camera.sent) > joined + 50)
        for _ in range(10):  # and it stays
            assert abs(behind_s(hub, await state(page))) < 1.0
            await asyncio.sleep(0.05)
        assert len(camera.sent) < joined + 125

    packets = clip(700, SIZE, g="700", b="3000000")
    in_browser(bus_server, packets, Codec.H264, body)
