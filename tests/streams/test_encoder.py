"""Knows what the shared encoder promises: what comes out plays anywhere and keeps its times."""

import asyncio
import os
import signal
from collections.abc import Awaitable, Callable

import av
import pytest

from engine.packets import Codec, Packet
from streams.bus.packets import BusPacket
from streams.codecs.encoder import SharedEncoder
from streams.codecs.encoding import LARGEST_PX, fitted
from tests.fakes.codec_clips import DOOR, TICKS, b_frame_clip, clip, entry_now, shade_error

pytestmark = [pytest.mark.integration, pytest.mark.slow]


def encoding(body: Callable[[SharedEncoder, list[Packet]], Awaitable[None]]) -> None:
    async def run() -> None:
        out: list[Packet] = []
        encoder = SharedEncoder(DOOR, lambda seen: out.append(seen.packet))
        async with asyncio.timeout(60), asyncio.TaskGroup() as group:
            keeper = group.create_task(encoder.run())
            await until(lambda: encoder._child.ready)
            await body(encoder, out)
            keeper.cancel()

    asyncio.run(run())


async def until(condition: Callable[[], bool]) -> None:
    async with asyncio.timeout(30):
        while not condition():
            await asyncio.sleep(0.005)


async def feed(encoder: SharedEncoder, packets: list[Packet], codec: Codec) -> None:
    for packet in packets:
        done = encoder.figures.decoded
        encoder.submit(BusPacket(DOOR, entry_now(), packet), codec)
        await until(lambda done=done: encoder.figures.decoded > done)


@pytest.mark.parametrize(
    ("packets", "codec"),
    [
        (b_frame_clip(30), Codec.H264),
        (clip(12, encoder="libx265"), Codec.H265),
        (clip(12, encoder="mjpeg"), Codec.MJPEG),
    ],
    ids=["b-frames", "h265", "mjpeg"],
)
def test_what_comes_out_is_in_shown_order_and_plays(packets: list[Packet], codec: Codec) -> None:
    async def body(encoder: SharedEncoder, out: list[Packet]) -> None:
        await feed(encoder, packets, codec)
        times = [p.pts for p in out]
        assert len(times) > len(packets) * 0.7
        assert times == sorted(set(times))
        assert out[0].keyframe
        decoder = av.CodecContext.create("h264", "r")
        for packet in out:
            (frame,) = decoder.decode(av.Packet(packet.data))
            assert shade_error(frame.to_ndarray(format="bgr24"), packet.pts // TICKS) < 14
        assert decoder.profile in ("Baseline", "Constrained Baseline")

    encoding(body)


def test_a_keyframe_comes_when_asked_for() -> None:
    async def body(encoder: SharedEncoder, out: list[Packet]) -> None:
        packets = clip(12, encoder="mjpeg")
        await feed(encoder, packets[:6], Codec.MJPEG)
        encoder.ask_keyframe()
        await feed(encoder, packets[6:], Codec.MJPEG)
        assert [p.keyframe for p in out] == [i in (0, 6) for i in range(12)]

    encoding(body)


def test_old_packets_are_references_only_so_that_a_kept_group_costs_little() -> None:
    async def body(encoder: SharedEncoder, out: list[Packet]) -> None:
        packets = b_frame_clip(12)
        for index, packet in enumerate(packets):
            seen = BusPacket(DOOR, entry_now(behind_ms=9_000 if index < 9 else 0), packet)
            encoder.submit(seen, Codec.H264)
        await until(lambda: encoder.figures.decoded == 12)
        assert 0 < len(out) <= 3
        assert out[0].keyframe

    encoding(body)


def test_a_killed_encoder_is_replaced_and_starts_with_a_keyframe() -> None:
    async def body(encoder: SharedEncoder, out: list[Packet]) -> None:
        await feed(encoder, clip(3, encoder="mjpeg"), Codec.MJPEG)
        assert encoder.pid is not None
        os.kill(encoder.pid, signal.SIGKILL)
        await until(lambda: encoder.children_lost == 1)
        await until(lambda: encoder._child.ready)
        out.clear()
        await feed(encoder, clip(3, encoder="mjpeg", epoch_ms=2), Codec.MJPEG)
        assert out[0].keyframe

    encoding(body)


@pytest.mark.parametrize("size", [(320, 180), (1280, 720), (1920, 1080), (3840, 2160), (721, 1281)])
def test_large_pictures_are_fitted_into_the_level_that_is_announced(size: tuple[int, int]) -> None:
    width, height = fitted(*size)
    assert width * height <= LARGEST_PX
    assert width % 2 == height % 2 == 0
    assert abs(width / height - size[0] / size[1]) < 0.02
