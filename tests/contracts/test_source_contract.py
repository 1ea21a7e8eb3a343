"""What every source promises, tried on the fake one and on the real ones."""

import asyncio
import contextlib
import itertools
import time

import pytest
from aiortc import RTCConfiguration, RTCPeerConnection, RTCRtpSender, RTCSessionDescription
from aiortc.contrib.media import MediaPlayer

from engine.source import Reason
from ostiary.demo.rtsp_server import RtspServer, ServerOptions
from streams.cameras.errors import SourceError
from streams.cameras.rtsp_auth import Credentials
from streams.cameras.rtsp_source import RtspSource, RtspTarget
from streams.cameras.whip import WhipHub
from tests.fakes.fake_source import FakeSource
from tests.fakes.source_clips import ClipPlan, decoded_pictures, write_clip

pytestmark = [pytest.mark.contract, pytest.mark.slow]

WITHIN_S = 20
PLAN = ClipPlan(pictures=120)


@contextlib.asynccontextmanager
async def fake(clip):
    source = FakeSource()

    async def lose():
        source.lost.set()

    yield source, lose


@contextlib.asynccontextmanager
async def rtsp(clip):
    options = ServerOptions(user="user", password="pass word")
    async with contextlib.AsyncExitStack() as stack:
        server = await stack.enter_async_context(RtspServer({"clip": clip}, options))
        url = f"rtsp://127.0.0.1:{server.port}/clip"
        yield (
            RtspSource(RtspTarget(url, Credentials("user", "pass word")), time.time_ns),
            stack.aclose,
        )


def whip(codec):
    @contextlib.asynccontextmanager
    async def lend(clip):
        hub = WhipHub(("127.0.0.1",), time.time_ns)
        source = hub.source("lent")
        peer = RTCPeerConnection(RTCConfiguration(iceServers=[]))
        player = MediaPlayer(str(clip))
        sender = peer.addTransceiver(player.video, direction="sendonly")
        known = RTCRtpSender.getCapabilities("video").codecs
        sender.setCodecPreferences([one for one in known if one.name == codec])
        await peer.setLocalDescription(await peer.createOffer())
        answer = await hub.answer(
            {"action": b"offer", "camera": b"lent", "sdp": peer.localDescription.sdp.encode()}
        )
        assert answer["status"] == 201, answer
        await peer.setRemoteDescription(RTCSessionDescription(answer["sdp"], "answer"))

        async def lose():
            reply = await hub.answer(
                {"action": b"delete", "camera": b"lent", "session": answer["session"].encode()}
            )
            assert reply == {"status": 200}

        try:
            yield source, lose
        finally:
            await peer.close()
            await hub.close()

    return lend


KINDS = {"fake": fake, "rtsp": rtsp, "whip-h264": whip("H264"), "whip-vp8": whip("VP8")}


@pytest.fixture(params=KINDS)
def kind(request):
    return KINDS[request.param]


@pytest.fixture(scope="module")
def clip(tmp_path_factory):
    return write_clip(tmp_path_factory.mktemp("clip") / "clip.mp4", PLAN)


class Taker:
    """Collects packets; `enough` is set at the wanted number."""

    def __init__(self, wanted):
        self.packets, self.facts, self.wanted = [], None, wanted
        self.enough = asyncio.Event()

    def __call__(self, packet, facts):
        if packet is None:
            return
        self.packets.append(packet)
        self.facts = facts
        if len(self.packets) >= self.wanted:
            self.enough.set()


async def pull(source, taker, previous_epoch_ms=0):
    """Run the source until the taker has enough, then cancel it."""
    async with asyncio.timeout(WITHIN_S), asyncio.TaskGroup() as group:
        task = group.create_task(source.run(taker, previous_epoch_ms))
        await taker.enough.wait()
        task.cancel()


def test_what_is_delivered(kind, clip):
    async def main():
        async with kind(clip) as (source, _):
            taker = Taker(30)
            await pull(source, taker)
        return taker

    taker = asyncio.run(main())
    first, packets = taker.packets[0], taker.packets
    assert first.keyframe and first.pts == 0
    assert {packet.epoch_ms for packet in packets} == {first.epoch_ms}
    pairs = list(itertools.pairwise(packets))
    assert all(before.captured_ns < after.captured_ns for before, after in pairs)
    assert all(before.pts < after.pts for before, after in pairs)
    assert taker.facts.epoch_ms == first.epoch_ms
    size = (taker.facts.size.width_px, taker.facts.size.height_px)
    assert size == (PLAN.width, PLAN.height)
    shown = decoded_pictures(str(taker.facts.codec), [packet.data for packet in packets])
    assert len(shown) == len(packets)
    assert {(picture.width, picture.height) for picture in shown} == {size}


def test_epochs_stay_above_the_highest_known(kind, clip):
    ahead_ms = time.time_ns() // 1_000_000 + 3_600_000

    async def main():
        async with kind(clip) as (source, _):
            taker = Taker(2)
            await pull(source, taker, ahead_ms)
        return taker

    assert all(packet.epoch_ms == ahead_ms + 1 for packet in asyncio.run(main()).packets)


def test_it_ends_with_a_reason_when_the_peer_goes(kind, clip):
    async def main():
        async with kind(clip) as (source, lose):
            taker = Taker(3)
            async with asyncio.timeout(WITHIN_S), asyncio.TaskGroup() as group:

                async def run():
                    with pytest.raises(SourceError) as caught:
                        await source.run(taker, 0)
                    return caught.value.reason

                task = group.create_task(run())
                await taker.enough.wait()
                await lose()
            return task.result()

    assert asyncio.run(main()) in (Reason.CLOSED, Reason.RESET, Reason.NO_PUBLISHER)


def test_cancelled_it_ends_at_once_and_delivers_no_more(kind, clip):
    async def main():
        async with kind(clip) as (source, _):
            taker = Taker(3)
            await pull(source, taker)
            began = time.monotonic()
            count = len(taker.packets)
            await asyncio.sleep(0.2)  # three pictures' time in which none may come
            return time.monotonic() - began, len(taker.packets) - count

    passed_s, late = asyncio.run(main())
    assert late == 0 and passed_s < 1
