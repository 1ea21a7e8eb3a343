"""Knows which pictures and boxes a WHEP viewer is promised, over loopback, without a browser."""

from itertools import pairwise

import pytest

from engine.packets import Codec, Packet, Role
from tests.conftest import Server
from tests.fakes.codec_clips import TICKS, clip, shade_error
from tests.fakes.whep_world import GROUP, SIZE, World, until, watching

pytestmark = [pytest.mark.integration, pytest.mark.slow]


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
