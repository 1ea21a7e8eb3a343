"""Knows that a viewer goes on through losses, restarts, rubbish and another codec."""

import asyncio
import random
from itertools import pairwise

import pytest

from engine.packets import Codec
from tests.conftest import Server
from tests.fakes.codec_clips import TICKS, clip
from tests.fakes.whep_world import GROUP, SIZE, World, until, watching

pytestmark = [pytest.mark.integration, pytest.mark.slow]


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
