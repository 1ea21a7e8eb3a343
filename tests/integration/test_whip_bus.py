"""A lent camera through ingest and bus, asked for as the gateway asks."""

import asyncio

import pytest
from aiortc import RTCConfiguration, RTCPeerConnection, RTCSessionDescription
from aiortc.contrib.media import MediaPlayer

from config.cameras import Camera
from engine.packets import Codec
from streams.bus import requests
from tests.fakes.source_clips import ClipPlan, decoded_pictures, write_clip
from tests.fakes.source_home import running_ingest, settings_for

pytestmark = [pytest.mark.integration, pytest.mark.slow]


@pytest.fixture(scope="module")
def clip(tmp_path_factory):
    return write_clip(tmp_path_factory.mktemp("clip") / "clip.mp4", ClipPlan(pictures=500))


@pytest.fixture
def settings(tmp_path, bus_server, ledger_server):
    return settings_for(tmp_path, bus_server, ledger_server)


class Publisher:
    """An aiortc peer that lends a file as a camera."""

    def __init__(self, home, clip):
        self.home = home
        self.peer = RTCPeerConnection(RTCConfiguration(iceServers=[]))
        self.peer.addTransceiver(MediaPlayer(str(clip)).video, direction="sendonly")

    async def ask(self, action, **fields):
        given = {"action": action, "camera": "lent"} | fields
        encoded = {name: value.encode() for name, value in given.items()}
        return await requests.ask(self.home.bus, "whip", encoded, timeout_s=10)

    async def offer(self):
        await self.peer.setLocalDescription(await self.peer.createOffer())
        answer = await self.ask("offer", sdp=self.peer.localDescription.sdp)
        if answer["status"] == 201:
            await self.peer.setRemoteDescription(RTCSessionDescription(answer["sdp"], "answer"))
        return answer


def lent(settings, clip, act):
    """Run ingest with one camera to lend, and act(home, publisher)."""

    async def main():
        async with running_ingest(settings) as home:
            await home.put(Camera(id="lent", kind="whip"))
            await home.until("lent", lambda one: one.state == "waiting")
            publisher = Publisher(home, clip)
            try:
                return await act(home, publisher)
            finally:
                await publisher.peer.close()

    return asyncio.run(main())


def test_lent_taken_back_and_lent_again(settings, clip):
    async def act(home, publisher):
        answer = await publisher.offer()
        first = await home.live("lent")
        group = await home.group("lent", 5)
        again = await Publisher(home, clip).offer()
        gone = await publisher.ask("delete", session=answer["session"])
        waiting = await home.until("lent", lambda one: one.state == "waiting")
        other = Publisher(home, clip)
        await other.offer()
        second = await home.live("lent", above_epoch=first.epoch_ms)
        await other.peer.close()
        return first, group, again, gone, waiting, second

    first, group, again, gone, waiting, second = lent(settings, clip, act)
    assert first.codec in (Codec.H264, Codec.VP8) and (first.width, first.height) == (320, 240)
    shown = decoded_pictures(str(first.codec), [one.packet.data for one in group])
    assert len(shown) == len(group)
    assert (again["status"], gone["status"]) == (409, 200)
    assert waiting.reason == "nobody lends this camera"
    assert second.epoch_ms > first.epoch_ms


def test_a_publisher_that_vanishes_makes_room(settings, clip):
    async def act(home, publisher):
        await publisher.offer()
        await home.live("lent")
        await publisher.peer.close()
        await home.until("lent", lambda one: one.state == "waiting")
        return await Publisher(home, clip).offer()

    assert lent(settings, clip, act)["status"] == 201


@pytest.mark.parametrize("sdp", ["", "v=0\r\n", "nonsense", "v=0\r\nm=audio 9 RTP/AVP 0\r\n"])
def test_an_offer_that_makes_no_sense_is_refused_and_makes_room(settings, clip, sdp):
    async def act(home, publisher):
        refused = await publisher.ask("offer", sdp=sdp)
        return refused, await publisher.offer()

    refused, good = lent(settings, clip, act)
    assert refused["status"] == 400 and refused["error"]
    assert good["status"] == 201


def test_what_is_not_there_is_not_found(settings, clip):
    async def act(home, publisher):
        nobody = await publisher.ask("offer", camera="other", sdp="x")
        session = await publisher.ask("delete", session="guess")
        await home.remove("lent")
        async with asyncio.timeout(10):
            while (await publisher.ask("delete", session="guess"))["error"] == session["error"]:
                await asyncio.sleep(0.05)
        return nobody, session

    nobody, session = lent(settings, clip, act)
    assert nobody["status"] == session["status"] == 404
