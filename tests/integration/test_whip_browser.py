"""A real browser lends its camera: both codecs, on loopback alone, keyframes as asked for."""

import asyncio
import time
from pathlib import Path

import pytest

from engine.packets import Codec
from streams.cameras.errors import SourceError
from streams.cameras.whip import WhipHub
from tests.fakes.source_clips import decoded_pictures

CHROMIUM = Path("/usr/bin/chromium")
pytestmark = [
    pytest.mark.integration,
    pytest.mark.slow,
    pytest.mark.skipif(not CHROMIUM.exists(), reason="no Chromium: apt-get install chromium"),
]
FLAGS = [
    "--headless=new",
    "--no-sandbox",
    "--disable-gpu",
    "--use-fake-device-for-media-stream",
    "--use-fake-ui-for-media-stream",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
]
PAGE = """
async function lend(codec) {
  const media = await navigator.mediaDevices.getUserMedia(
    {video: {width: 1280, height: 720, frameRate: 25}});
  const pc = new RTCPeerConnection();
  window.pc = pc;
  const way = pc.addTransceiver(media.getVideoTracks()[0], {direction: "sendonly"});
  const known = RTCRtpSender.getCapabilities("video").codecs;
  way.setCodecPreferences(known.filter(one => one.mimeType === "video/" + codec));
  await pc.setLocalDescription(await pc.createOffer());
  const sdp = await window.answer(pc.localDescription.sdp);
  await pc.setRemoteDescription({type: "answer", sdp});
}
"""


class Taken:
    """What the hub's source delivered, with arrival times."""

    def __init__(self, span_s):
        self.packets, self.arrivals, self.facts = [], [], None
        self.span_s = span_s
        self.enough = asyncio.Event()

    def __call__(self, packet, facts):
        if packet is None:
            return
        self.packets.append(packet)
        self.arrivals.append(time.monotonic())
        self.facts = facts
        if self.arrivals[-1] - self.arrivals[0] >= self.span_s:
            self.enough.set()


async def lend(codec, span_s):
    """Lend a browser's fake camera for span_s; return what arrived and how it ended."""
    from playwright.async_api import async_playwright

    hub = WhipHub(("127.0.0.1",), time.time_ns)
    source, taken = hub.source("lent"), Taken(span_s)

    async def answer(sdp):
        reply = await hub.answer({"action": b"offer", "camera": b"lent", "sdp": sdp.encode()})
        assert reply["status"] == 201, reply
        return reply["sdp"]

    async def run():
        await source.ready()
        try:
            await source.run(taken, 0)
        except SourceError as error:
            return error

    async with async_playwright() as play:
        browser = await play.chromium.launch(executable_path=str(CHROMIUM), args=FLAGS)
        page = await browser.new_page()
        await page.route("**/*", lambda route: route.fulfill(content_type="text/html", body="<p>"))
        await page.goto("http://localhost/")
        await page.expose_function("answer", answer)
        await page.add_script_tag(content=PAGE)
        await page.evaluate(f"lend('{codec}')")
        async with asyncio.timeout(40), asyncio.TaskGroup() as group:
            task = group.create_task(run())
            await taken.enough.wait()
            await page.evaluate("window.pc.close()")
            ended = await task
        await browser.close()
    await hub.close()
    return taken, ended


@pytest.mark.parametrize(("name", "codec"), [("H264", Codec.H264), ("VP8", Codec.VP8)])
def test_its_camera_becomes_packets(name, codec):
    taken, ended = asyncio.run(lend(name, 7.0))
    assert isinstance(ended, SourceError)
    assert taken.facts.codec is codec
    assert taken.packets[0].keyframe and taken.packets[0].pts == 0
    keys = [at for at, packet in zip(taken.arrivals, taken.packets, strict=True) if packet.keyframe]
    assert len(keys) >= 3  # asked for every 2 s; by itself Chromium sends them 8 to 16 s apart
    newest = taken.packets[-1].epoch_ms
    data = [packet.data for packet in taken.packets if packet.epoch_ms == newest]
    shown = decoded_pictures(str(codec), data)
    assert len(shown) >= len(data) - 1
    assert shown[-1].height >= 360  # the answer's bit rates; without them it stays at 180
