"""Cameras change hands on a real bus and a real ledger: once, soon, with what was open."""

import asyncio
import time
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from typing import Any

import pytest
from fakes.ledger_real import with_ledger
from redis.asyncio import Redis

from config.cameras import Camera
from streams.bus import heartbeats, keys
from streams.bus.connection import connect
from streams.bus.heartbeats import WorkerStatus
from streams.ledger.ledger import Ledger
from streams.valkey import USER
from workers.ownership import Lost, Ownership, Taken

pytestmark = [pytest.mark.integration, pytest.mark.slow]

CAMERAS = {
    one: Camera(id=one, url=f"rtsp://192.0.2.1/{one}") for one in ("gate", "hall", "lobby", "yard")
}
DEADLINE_S = 15.0


@dataclass
class Hand:
    """One worker's ownership, driven by the test."""

    bus: Redis
    owner: Ownership
    capacity: int = 32

    async def step(self, cameras: dict[str, Camera] | None = None) -> list[Taken | Lost]:
        owned = tuple(self.owner.holdings)
        status = WorkerStatus(self.owner.worker_id, "cpu", self.capacity, owned)
        await heartbeats.write_heartbeat(self.bus, status)
        workers = await heartbeats.live_workers(self.bus)
        chosen = CAMERAS if cameras is None else cameras
        return await self.owner.step(chosen, workers, time.time_ns())


def play(bus_server: Any, ledger_server: Any, body: Callable[..., Awaitable[None]]) -> None:
    async def work(ledger: Ledger) -> None:
        bus = connect(bus_server.url, USER, bus_server.plan.password)

        def hand(name: str, capacity: int = 32) -> Hand:
            return Hand(bus, Ownership(bus, ledger.fences, name), capacity)

        try:
            async with asyncio.timeout(60):
                await body(hand, ledger)
        finally:
            await bus.aclose()

    with_ledger(ledger_server, work)


async def until(step: Callable[[], Awaitable[bool]]) -> float:
    """Repeat until true; return the seconds it took."""
    begun = time.monotonic()
    while not await step():
        assert time.monotonic() - begun < DEADLINE_S
        await asyncio.sleep(0.05)
    return time.monotonic() - begun


def test_two_workers_share_all_cameras_and_none_twice(bus_server: Any, ledger_server: Any) -> None:
    async def body(hand: Callable[..., Hand], ledger: Ledger) -> None:
        first, second = hand("w1"), hand("w2")
        await heartbeats.write_heartbeat(first.bus, WorkerStatus("w2", "cpu", 32, ()))

        async def all_owned() -> bool:
            await first.step()
            await second.step()
            return len(first.owner.holdings) + len(second.owner.holdings) == len(CAMERAS)

        await until(all_owned)
        assert not set(first.owner.holdings) & set(second.owner.holdings)

    play(bus_server, ledger_server, body)


def test_a_dead_workers_cameras_are_taken_within_five_seconds(
    bus_server: Any, ledger_server: Any
) -> None:
    async def body(hand: Callable[..., Hand], ledger: Ledger) -> None:
        dead, heir = hand("w1"), hand("w2")
        taken = await dead.step()
        assert {one.camera.id for one in taken if isinstance(one, Taken)} == set(CAMERAS)
        tokens = {camera: one.token for camera, one in dead.owner.holdings.items()}

        async def inherited() -> bool:
            await heir.step()
            return set(heir.owner.holdings) == set(CAMERAS)

        assert await until(inherited) < 5
        assert all(heir.owner.holdings[one].token > tokens[one] for one in CAMERAS)
        lost = []

        async def noticed() -> bool:
            lost.extend(await dead.step())
            return not dead.owner.holdings

        await until(noticed)
        assert {one.camera for one in lost if isinstance(one, Lost)} == set(CAMERAS)

    play(bus_server, ledger_server, body)


def test_an_owner_keeps_its_cameras_when_the_bus_forgets_the_leases(
    bus_server: Any, ledger_server: Any
) -> None:
    async def body(hand: Callable[..., Hand], ledger: Ledger) -> None:
        owner = hand("w1")
        await owner.step()
        tokens = {camera: one.token for camera, one in owner.owner.holdings.items()}
        await owner.bus.delete(*(keys.lease(camera) for camera in CAMERAS))

        async def recreated() -> bool:
            await owner.step()
            return bool(await owner.bus.exists(*(keys.lease(c) for c in CAMERAS)) == len(CAMERAS))

        await until(recreated)
        assert {camera: one.token for camera, one in owner.owner.holdings.items()} == tokens

    play(bus_server, ledger_server, body)


def test_a_full_worker_takes_no_more(bus_server: Any, ledger_server: Any) -> None:
    async def body(hand: Callable[..., Hand], ledger: Ledger) -> None:
        small = hand("w1", capacity=2)
        for _ in range(3):
            await small.step()
        assert len(small.owner.holdings) == 2

    play(bus_server, ledger_server, body)


def test_removed_and_changed_cameras_are_given_up(bus_server: Any, ledger_server: Any) -> None:
    async def body(hand: Callable[..., Hand], ledger: Ledger) -> None:
        owner = hand("w1")
        await owner.step()
        changed = CAMERAS["gate"].model_copy(update={"mask_required": True})
        changes = await owner.step({"gate": changed, "lobby": CAMERAS["lobby"]})
        lost = {one.camera: one.reason for one in changes if isinstance(one, Lost)}
        assert lost == {"gate": "changed", "hall": "removed", "yard": "removed"}
        taken = [one.camera for one in changes if isinstance(one, Taken)]
        assert taken == [changed]
        assert await owner.bus.exists(keys.lease("hall")) == 0

    play(bus_server, ledger_server, body)


def test_what_was_taken_before_the_ledger_went_is_not_forgotten(
    bus_server: Any, ledger_server: Any
) -> None:
    async def body(hand: Callable[..., Hand], ledger: Ledger) -> None:
        owner = hand("w1")
        issue, given = owner.owner.fences.issue, 0

        async def issue_twice(camera: str) -> int:
            nonlocal given
            given += 1
            if given > 2:
                raise ConnectionError("the ledger went away")
            return await issue(camera)

        owner.owner.fences.issue = issue_twice  # type: ignore[method-assign]
        with pytest.raises(ConnectionError):
            await owner.step()
        owner.owner.fences.issue = issue  # type: ignore[method-assign]
        told = [one.camera.id for one in await owner.step() if isinstance(one, Taken)]
        assert sorted(told) == sorted(CAMERAS)

    play(bus_server, ledger_server, body)
