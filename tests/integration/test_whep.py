"""Knows what a WHEP viewer is promised, with real connections over loopback, without a browser."""

import asyncio
import random
from collections.abc import Awaitable, Callable, Sequence
from contextlib import AsyncExitStack
from dataclasses import dataclass, field, replace
from itertools import pairwise

import aioice.ice
import pytest
from redis.asyncio import Redis

from engine.packets import Codec, Packet, Role
from streams.bus.connection import connect
from streams.viewer.hub import ViewerHub, ViewerSettings
from streams.viewer.negotiation import OfferRefused
from tests.conftest import Server
from tests.fakes.codec_clips import TICKS, b_frame_clip, clip, shade_error
from tests.fakes.live_camera import LiveCamera
from tests.fakes.whep_client import Camera, WhepClient

pytestmark = [pytest.mark.integration, pytest.mark.slow]
SIZE = (320, 180)
GROUP = {"g": "50"}


@dataclass
class World:
    """A bus, a hub, a camera that plays, and viewers that leave at the end."""

    redis: Redis
    hub: ViewerHub
    camera: LiveCamera
    group: asyncio.TaskGroup
    stack: AsyncExitStack
    playing: asyncio.Task[None] = field(init=False)

    def play(self, camera: LiveCamera) -> None:
        self.camera = camera
        self.playing = self.group.create_task(camera.run())

    async def viewer(self) -> WhepClient:
        client = WhepClient()
        self.stack.push_async_callback(client.leave)
        await client.watch(self.hub)
        return client


def watching(
    server: Server,
    packets: Sequence[Packet],
    body: Callable[[World], Awaitable[None]],
    codec: Codec = Codec.H264,
    settings: ViewerSettings | None = None,
) -> None:
    async def run() -> None:
        redis = connect(server.url, "ostiary", server.password)
        hub = ViewerHub(redis, settings or ViewerSettings())
        async with asyncio.timeout(90), redis, asyncio.TaskGroup() as group:
            running = group.create_task(hub.run())
            camera = LiveCamera(redis, packets, codec)
            await camera.begin()
            async with AsyncExitStack() as stack:
                world = World(redis, hub, camera, group, stack)
                world.play(camera)
                await body(world)
                await hub.close_all()
            world.playing.cancel()
            running.cancel()

    asyncio.run(run())


async def until(condition: Callable[[], bool], deadline_s: float = 20) -> None:
    async with asyncio.timeout(deadline_s):
        while not condition():
            await asyncio.sleep(0.01)


def index_of(frame: object, pictures: int) -> int:
    """Which picture of the clip a frame shows, by its marking."""
    pixels = frame.to_ndarray(format="bgr24")  # type: ignore[attr-defined]
    return min(range(pictures), key=lambda index: shade_error(pixels, index))


@pytest.mark.parametrize(
    ("encoder", "codec"), [("libx264", Codec.H264), ("libvpx", Codec.VP8)], ids=["h264", "vp8"]
)
def test_pictures_come_at_once_from_the_kept_group(
    bus_server: Server, encoder: str, codec: Codec
) -> None:
    packets = clip(100, SIZE, encoder, g="100")

    async def body(world: World) -> None:
        viewer = await world.viewer()
        await until(lambda: len(viewer.pictures) > 60)
        assert viewer.first_picture_s is not None
        assert viewer.first_picture_s < 2.0  # the next keyframe is up to 4 s away
        assert world.hub.sessions == {viewer.session_id: "door"}
        world_encoders = world.hub._encoders
        assert not world_encoders  # the camera's own packets

    watching(bus_server, packets, body, codec)


def test_rtp_times_grow_steadily_and_boxes_name_their_picture(bus_server: Server) -> None:
    packets = clip(50, SIZE, **GROUP)

    async def body(world: World) -> None:
        viewer = await world.viewer()
        await until(lambda: len(viewer.rtp_times) > 40)
        for _ in range(6):
            observed = world.camera.sent[-1]
            before = len(viewer.messages)
            await world.camera.observe(observed)
            await until(lambda before=before: len(viewer.messages) > before)
            message = viewer.messages[-1]
            side = message["tracks"][0]["box"][0]
            assert side == observed.pts // TICKS % 100 / 100
            await until(lambda message=message: message["rtp"] in viewer.rtp_times)
            later = world.camera.sent.index(observed)
            await until(lambda later=later: len(world.camera.sent) > later + 5)
        live = viewer.rtp_times[-10:]
        assert {(b - a) & 0xFFFFFFFF for a, b in pairwise(live)} == {TICKS}
        last = viewer.messages[-1]
        assert 0 <= last["delay_ms"] < 5_000
        assert last["interval_ms"] > 0
        # The same picture by another path: decoded, at the RTP time that the message names.
        first = viewer.rtp_times[0]
        by_time = {(first + f.pts) & 0xFFFFFFFF: f for f in viewer.pictures}
        frame = by_time[viewer.messages[-2]["rtp"]]
        box_index = round(viewer.messages[-2]["tracks"][0]["box"][0] * 100)
        assert shade_error(frame.to_ndarray(format="bgr24"), box_index % 50) < 12

    watching(bus_server, packets, body)


def test_boxes_of_the_sub_stream_go_to_the_nearest_picture(bus_server: Server) -> None:
    async def body(world: World) -> None:
        viewer = await world.viewer()
        await until(lambda: len(viewer.rtp_times) > 30)
        shown = world.camera.sent[-3]
        sub = Packet(7, 123, shown.captured_ns + 9_000_000, False, b"")
        await world.camera.observe(shown)
        await world.camera.observe(sub, role=Role.SUB)
        await until(lambda: len(viewer.messages) == 2)
        assert viewer.messages[0]["rtp"] == viewer.messages[1]["rtp"]

    watching(bus_server, clip(50, SIZE, **GROUP), body)


def test_boxes_of_a_replaced_worker_are_not_shown(bus_server: Server) -> None:
    async def body(world: World) -> None:
        viewer = await world.viewer()
        await until(lambda: len(viewer.rtp_times) > 30)
        for token in (5, 4, 6):
            await world.camera.observe(world.camera.sent[-2], token=token)
        await until(lambda: len(viewer.messages) == 2)
        assert [m["tracks"][0]["id"] for m in viewer.messages] == ["5-1", "6-1"]

    watching(bus_server, clip(50, SIZE, **GROUP), body)


def test_a_new_epoch_goes_on_with_growing_times_and_its_own_boxes(bus_server: Server) -> None:
    async def body(world: World) -> None:
        viewer = await world.viewer()
        await until(lambda: len(viewer.pictures) > 30)
        world.playing.cancel()
        again = world.camera.restarted()
        before = len(viewer.pictures)
        world.play(again)
        await until(lambda: len(viewer.pictures) > before + 30)
        steps = [(b - a) & 0xFFFFFFFF for a, b in pairwise(viewer.rtp_times)]
        assert all(0 < step < 90_000 * 10 for step in steps)
        assert set(steps[-10:]) == {TICKS}
        await again.observe(again.sent[-2])
        await until(lambda: bool(viewer.messages))
        assert viewer.messages[-1]["rtp"] in viewer.rtp_times

    watching(bus_server, clip(50, SIZE, **GROUP), body)


def test_several_viewers_share_one_feed_and_leave_one_by_one(bus_server: Server) -> None:
    async def body(world: World) -> None:
        viewers = [await world.viewer() for _ in range(3)]
        await until(lambda: all(len(v.pictures) > 20 for v in viewers))
        await viewers[0].leave()
        await until(lambda: len(world.hub.sessions) == 2)
        await world.hub.close(viewers[1].session_id)
        await world.hub.close(viewers[1].session_id)
        before = len(viewers[2].pictures)
        await until(lambda: len(viewers[2].pictures) > before + 20)
        assert list(world.hub.sessions) == [viewers[2].session_id]
        assert world.hub.figures().viewers == 1
        await world.hub.close_all()
        assert not world.hub._feeds

    watching(bus_server, clip(50, SIZE, **GROUP), body)


@pytest.mark.parametrize(
    ("packets", "codec"),
    [
        (b_frame_clip(48, SIZE), Codec.H264),
        (clip(50, SIZE, "mjpeg"), Codec.MJPEG),
        (clip(50, SIZE, "libx265"), Codec.H265),
    ],
    ids=["b-frames", "mjpeg", "h265"],
)
def test_what_browsers_cannot_play_is_encoded_once_for_all(
    bus_server: Server, packets: list[Packet], codec: Codec
) -> None:
    async def body(world: World) -> None:
        first = await world.viewer()
        await until(lambda: len(first.pictures) > 30, 40)
        second = await world.viewer()
        await until(lambda: len(second.pictures) > 30, 40)
        assert len(world.hub._encoders) == 1
        frames = second.pictures[-6:]
        shown = [index_of(frame, len(packets)) for frame in frames]
        steps = {(b - a) % len(packets) for a, b in pairwise(shown)}
        # In the order of the scene; an encoder that the machine starves leaves pictures out.
        assert max(steps) < len(packets) / 2
        await world.camera.observe(world.camera.sent[-8])
        await until(lambda: bool(first.messages and second.messages))
        assert second.messages[-1]["rtp"] in second.rtp_times
        await world.hub.close_all()
        assert not world.hub._encoders

    watching(bus_server, packets, body, codec)


def test_more_viewers_than_allowed_are_refused(bus_server: Server) -> None:
    async def body(world: World) -> None:
        first = await world.viewer()
        with pytest.raises(OfferRefused, match="1 viewers already") as refused:
            await world.viewer()
        assert refused.value.status == 503
        await until(lambda: len(first.pictures) > 5)
        await world.hub.close(first.session_id)
        await world.viewer()

    watching(bus_server, clip(50, SIZE, **GROUP), body, settings=ViewerSettings(max_viewers=1))


def test_a_camera_that_sends_nothing_is_refused_with_its_reason(bus_server: Server) -> None:
    async def body(world: World) -> None:
        client = WhepClient()
        world.stack.push_async_callback(client.leave)
        with pytest.raises(OfferRefused, match="not connected") as refused:
            await client.watch(world.hub, "nowhere")
        assert refused.value.status == 409
        assert not world.hub.sessions

    watching(bus_server, clip(10, SIZE), body)


def test_a_browser_without_the_codec_is_told(bus_server: Server) -> None:
    async def body(world: World) -> None:
        client = WhepClient()
        world.stack.push_async_callback(client.leave)
        client.peer.addTransceiver("video", direction="recvonly")
        await client.peer.setLocalDescription(await client.peer.createOffer())
        sdp = client.peer.localDescription.sdp.replace("H264/90000", "AV1/90000")
        with pytest.raises(OfferRefused) as refused:
            await world.hub.offer(Camera("door"), sdp)
        assert refused.value.status == 406
        assert not world.hub.sessions

    watching(bus_server, clip(50, SIZE, **GROUP), body)


def test_a_lost_picture_is_repeated_from_the_kept_group(bus_server: Server) -> None:
    """With a keyframe only every 8 s, a browser that asks for one sees again at once."""
    packets = clip(200, SIZE, g="200")

    async def body(world: World) -> None:
        viewer = await world.viewer()
        await until(lambda: len(viewer.pictures) > 40)
        session = world.hub._sessions[viewer.session_id]
        joined = world.hub._feeds["door"]._repeated_ms
        joined[viewer.session_id] = 0.0
        before = len(viewer.rtp_times)
        session._sender._send_keyframe()
        await until(lambda: len(viewer.rtp_times) > before + 120, 3)
        steps = [(b - a) & 0xFFFFFFFF for a, b in pairwise(viewer.rtp_times)]
        assert all(0 < step < 90_000 for step in steps)

    watching(bus_server, packets, body)


def test_the_bus_may_come_back_empty(bus_server: Server) -> None:
    async def body(world: World) -> None:
        viewer = await world.viewer()
        await until(lambda: len(viewer.pictures) > 20)
        world.playing.cancel()
        await asyncio.to_thread(bus_server.kill)
        await asyncio.to_thread(bus_server.start)
        again = world.camera.restarted()
        before = len(viewer.pictures)
        world.play(again)
        await until(lambda: len(viewer.pictures) > before + 20, 40)

    watching(bus_server, clip(50, SIZE, **GROUP), body)


def test_rubbish_on_the_bus_hurts_no_viewer(bus_server: Server) -> None:
    rng = random.Random(3)

    async def body(world: World) -> None:
        viewer = await world.viewer()
        await until(lambda: len(viewer.pictures) > 20)
        for _ in range(20):
            await world.redis.xadd("ostiary:packets:door:main", {"e": rng.randbytes(3)})
            await world.redis.xadd("ostiary:observations:door", {"o": b"[1,2"})
        before = len(viewer.pictures)
        await until(lambda: len(viewer.pictures) > before + 20)

    watching(bus_server, clip(50, SIZE, **GROUP), body)


def test_a_camera_that_begins_to_reorder_is_encoded_from_then_on(bus_server: Server) -> None:
    async def body(world: World) -> None:
        viewer = await world.viewer()
        await until(lambda: len(viewer.pictures) > 20)
        world.playing.cancel()
        again = replace(world.camera.restarted(), clip=b_frame_clip(48, SIZE))
        world.play(again)
        await until(lambda: len(world.hub._encoders) == 1)
        before = len(viewer.pictures)
        await until(lambda: len(viewer.pictures) > before + 30, 40)
        shown = [index_of(frame, 48) for frame in viewer.pictures[-6:]]
        assert {(b - a) % 48 for a, b in pairwise(shown)} <= {1, 2}

    watching(bus_server, clip(50, SIZE, **GROUP), body)


def test_another_codec_ends_the_session_so_that_the_page_asks_anew(bus_server: Server) -> None:
    async def body(world: World) -> None:
        viewer = await world.viewer()
        await until(lambda: len(viewer.pictures) > 20)
        world.playing.cancel()
        again = world.camera.restarted()
        again.clip, again.codec = clip(50, SIZE, "libvpx", g="50"), Codec.VP8
        await again.begin()
        world.play(again)
        await until(lambda: not world.hub.sessions)
        second = await world.viewer()
        await until(lambda: len(second.pictures) > 20)
        assert "VP8" in second.answer

    watching(bus_server, clip(50, SIZE, **GROUP), body)


def test_a_viewer_that_vanishes_without_a_word_is_let_go(
    bus_server: Server, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(aioice.ice, "CONSENT_INTERVAL", 0.3)

    async def body(world: World) -> None:
        viewer = await world.viewer()
        stays = await world.viewer()
        await until(lambda: min(len(viewer.pictures), len(stays.pictures)) > 10)
        for transport in viewer.peer._RTCPeerConnection__iceTransports:
            for protocol in transport._connection._protocols:
                protocol.transport.abort()
        await until(lambda: list(world.hub.sessions) == [stays.session_id], 30)
        before = len(stays.pictures)
        await until(lambda: len(stays.pictures) > before + 20)

    watching(bus_server, clip(50, SIZE, **GROUP), body)


def test_a_viewer_that_never_connects_is_let_go(
    bus_server: Server, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("streams.viewer.hub._CONNECT_S", 0.5)

    async def body(world: World) -> None:
        client = WhepClient()
        world.stack.push_async_callback(client.leave)
        client.peer.addTransceiver("video", direction="recvonly")
        await client.peer.setLocalDescription(await client.peer.createOffer())
        await world.hub.offer(Camera("door"), client.peer.localDescription.sdp)
        assert len(world.hub.sessions) == 1
        await until(lambda: not world.hub.sessions)

    watching(bus_server, clip(50, SIZE, **GROUP), body)
