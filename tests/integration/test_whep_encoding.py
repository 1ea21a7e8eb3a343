"""Knows that what a browser cannot play is encoded for all its viewers, once."""

from dataclasses import replace
from itertools import pairwise

import cv2
import pytest

from engine.packets import Codec, Packet
from tests.conftest import Server
from tests.fakes.codec_clips import b_frame_clip, clip, scene
from tests.fakes.whep_world import GROUP, SIZE, World, until, watching

pytestmark = [pytest.mark.integration, pytest.mark.slow]


def index_of(frame: object, pictures: int) -> int:
    """Which picture of the clip a frame shows: by all of it, as shades lie four levels apart."""
    pixels = frame.to_ndarray(format="bgr24")  # type: ignore[attr-defined]
    height, width = pixels.shape[:2]
    scenes = [scene(index, width, height) for index in range(pictures)]
    return min(range(pictures), key=lambda index: cv2.norm(pixels, scenes[index], cv2.NORM_L1))


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
