"""Snapshots: what they show, how many wait, and that they are sent until they are written."""

import asyncio
from collections.abc import Awaitable, Callable
from typing import Any

import cv2
import numpy as np
import pytest
from fakes.ledger_real import BOX
from hypothesis import given
from hypothesis import strategies as st
from redis.asyncio import Redis

from streams.bus import evidence, keys
from streams.bus.connection import connect
from streams.valkey import USER
from workers.snapshots import KEPT, LONGEST_PX, RESEND_AFTER_NS, Snapshots, snapshot

pytestmark = [pytest.mark.integration, pytest.mark.slow]

NOW_NS = 1_800_000_000_000_000_000
PICTURE = np.random.default_rng(2).integers(0, 255, (180, 320, 3), np.uint8)


def with_bus(server: Any, body: Callable[[Redis], Awaitable[None]]) -> None:
    async def run() -> None:
        bus = connect(server.url, USER, server.plan.password)
        try:
            async with asyncio.timeout(30):
                await body(bus)
        finally:
            await bus.aclose()

    asyncio.run(run())


def keep(snapshots: Snapshots, *names: str) -> None:
    for name in names:
        snapshots.add(name, "lobby", f"the picture of {name}".encode())


async def sent(bus: Redis) -> list[str]:
    return [fields[b"id"].decode() for _, fields in await bus.xrange(keys.EVIDENCE)]


async def write_all(bus: Redis) -> dict[str, bytes]:
    """What a writer of files gets and confirms."""
    await evidence.take(bus, "writer", 1)  # makes the group
    got = {}
    for entry_id, one in await evidence.take(bus, "writer", 1):
        got[one.evidence_id] = BOX.unseal(one.sealed)
        await evidence.confirm(bus, entry_id, one.evidence_id)
    return got


@given(st.floats(-30, 300), st.floats(-30, 160), st.floats(20, 150), st.floats(20, 150))
def test_any_face_in_the_picture_gives_a_picture(x: float, y: float, w: float, h: float) -> None:
    box = np.array([x, y, x + w, y + h], np.float32)
    shown = cv2.imdecode(np.frombuffer(snapshot(PICTURE, box), np.uint8), cv2.IMREAD_COLOR)
    assert 0 < max(shown.shape[:2]) <= LONGEST_PX


def test_a_snapshot_shows_the_face_with_its_surroundings_and_is_never_too_large() -> None:
    picture = np.zeros((1080, 1920, 3), np.uint8)
    picture[400:600, 800:1000] = 255
    box = np.array([800, 400, 1000, 600], np.float32)
    shown = cv2.imdecode(np.frombuffer(snapshot(picture, box), np.uint8), cv2.IMREAD_GRAYSCALE)
    assert shown.shape == (640, 640)
    assert (shown > 128).mean() == pytest.approx(1 / 25, abs=0.003)
    assert shown[320, 320] > 250


def test_what_is_sent_is_sealed_and_opens_for_the_writer(bus_server: Any) -> None:
    async def body(bus: Redis) -> None:
        snapshots = Snapshots(BOX)
        keep(snapshots, "one")
        await snapshots.send(bus, NOW_NS)
        ((_, fields),) = await bus.xrange(keys.EVIDENCE)
        assert b"the picture" not in fields[b"d"]
        assert await write_all(bus) == {"one": b"the picture of one"}

    with_bus(bus_server, body)


def test_a_snapshot_is_sent_again_until_it_is_written(bus_server: Any) -> None:
    async def body(bus: Redis) -> None:
        snapshots = Snapshots(BOX)
        keep(snapshots, "one")
        await snapshots.send(bus, NOW_NS)
        await snapshots.send(bus, NOW_NS + RESEND_AFTER_NS - 1)
        assert await sent(bus) == ["one"]
        await bus.delete(keys.EVIDENCE)  # the bus lost it
        await snapshots.send(bus, NOW_NS + RESEND_AFTER_NS)
        assert await sent(bus) == ["one"]
        assert list(await write_all(bus)) == ["one"]
        await snapshots.send(bus, NOW_NS + 2 * RESEND_AFTER_NS)
        assert await sent(bus) == []

    with_bus(bus_server, body)


def test_fifty_wait_and_the_oldest_go_counted(bus_server: Any) -> None:
    async def body(bus: Redis) -> None:
        snapshots = Snapshots(BOX)
        names = [f"e{number}" for number in range(KEPT + 7)]
        keep(snapshots, *names)
        assert snapshots.dropped == 7
        await snapshots.send(bus, NOW_NS)
        assert await sent(bus) == names[7:]

    with_bus(bus_server, body)


def test_a_better_picture_takes_the_place_of_the_one_that_waits(bus_server: Any) -> None:
    async def body(bus: Redis) -> None:
        snapshots = Snapshots(BOX)
        keep(snapshots, "one")
        snapshots.add("one", "lobby", b"a better one")
        await snapshots.send(bus, NOW_NS)
        assert await write_all(bus) == {"one": b"a better one"}
        assert snapshots.dropped == 0

    with_bus(bus_server, body)


def test_one_that_is_pushed_out_while_its_word_is_awaited_harms_nothing(bus_server: Any) -> None:
    async def body(bus: Redis) -> None:
        snapshots = Snapshots(BOX)
        keep(snapshots, "first")
        await snapshots.send(bus, NOW_NS)
        await write_all(bus)
        sending = asyncio.ensure_future(snapshots.send(bus, NOW_NS + 1))
        await asyncio.sleep(0)  # it has asked what is written and waits for the answer
        keep(snapshots, *(f"e{number}" for number in range(KEPT)))
        await sending
        assert snapshots.dropped == 1
        assert len(await sent(bus)) == KEPT

    with_bus(bus_server, body)
