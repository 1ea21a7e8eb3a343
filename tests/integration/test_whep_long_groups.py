"""Who comes late to a camera with a keyframe a minute sees it at once, or is told what to await."""

import asyncio
from collections.abc import Awaitable, Callable

import pytest

from engine.packets import Packet
from streams.bus.sources import SourceStatus, write_status
from streams.viewer.feed import FeedLimits
from streams.viewer.hub import ViewerSettings
from tests.conftest import Server
from tests.fakes.codec_clips import clip
from tests.fakes.live_camera import LiveCamera
from tests.fakes.whep_world import SIZE, World, until, watching

pytestmark = [pytest.mark.integration, pytest.mark.slow]

MINUTE = 1500  # pictures at 25/s
LATE = MINUTE - 100  # the next keyframe comes 4 s later
SHORT = ViewerSettings(feed=FeedLimits(group_packets=500))


@pytest.fixture(scope="module")
def packets() -> list[Packet]:
    made = clip(MINUTE, SIZE, g=str(MINUTE))
    assert sum(one.keyframe for one in made) == 1
    return made


class RunningCamera(LiveCamera):
    """One that has been sending for most of a minute."""

    async def begin(self) -> None:
        status = SourceStatus("live", codec=self.codec, epoch_ms=self.epoch_ms)
        await write_status(self.redis, self.stream, status)
        await self.write(LATE)


def late(
    monkeypatch: pytest.MonkeyPatch,
    server: Server,
    packets: list[Packet],
    body: Callable[[World], Awaitable[None]],
    settings: ViewerSettings | None = None,
) -> None:
    monkeypatch.setattr("tests.fakes.whep_world.LiveCamera", RunningCamera)
    watching(server, packets, body, settings=settings)


def test_a_group_of_a_minute_is_played_through_at_once(
    monkeypatch: pytest.MonkeyPatch, bus_server: Server, packets: list[Packet]
) -> None:
    async def body(world: World) -> None:
        viewer = await world.viewer()
        # Every picture since the keyframe was decoded: the last one is what the camera shows now.
        await until(lambda: len(viewer.pictures) >= len(world.camera.sent) - 10)
        assert LATE < len(world.camera.sent) < MINUTE  # before the next keyframe
        assert viewer.waits == []
        await until(lambda: len(world.camera.sent) > MINUTE + 25)
        assert world.hub.figures().lost.packets.total() == 0

    late(monkeypatch, bus_server, packets, body)


def test_a_longer_group_is_awaited_and_the_viewer_is_told_until_when(
    monkeypatch: pytest.MonkeyPatch, bus_server: Server, packets: list[Packet]
) -> None:
    async def body(world: World) -> None:
        viewer = await world.viewer()
        await until(lambda: len(viewer.waits) >= 2)
        assert viewer.pictures == []
        told = viewer.waits[-1]
        since_s = (len(world.camera.sent) - LATE) * 0.04  # the clip was put on the bus at once
        assert told["since_ms"] / 1000 == pytest.approx(since_s, abs=1.5)
        assert told["every_ms"] is None
        await until(lambda: len(world.camera.sent) > MINUTE)
        await asyncio.wait_for(shown(viewer), 2.0)
        waited = len(viewer.waits)
        late_comer = await world.viewer()
        await until(lambda: len(late_comer.pictures) > 5)
        assert late_comer.waits == []
        assert len(viewer.waits) == waited
        assert world.hub.figures().lost.packets["before_keyframe"] > 10

    late(monkeypatch, bus_server, packets, body, SHORT)


async def shown(viewer: object) -> None:
    while not viewer.pictures:  # type: ignore[attr-defined]
        await asyncio.sleep(0.01)


def test_the_distance_of_keyframes_is_told_once_two_were_seen(bus_server: Server) -> None:
    every = 100

    async def body(world: World) -> None:
        await world.viewer()
        await until(lambda: len(world.camera.sent) > 2 * every)
        await until(lambda: 30 < len(world.camera.sent) % every < 50)
        second = await world.viewer()
        await until(lambda: bool(second.waits))
        assert second.waits[-1]["every_ms"] == pytest.approx(every * 40, rel=0.3)

    settings = ViewerSettings(feed=FeedLimits(group_packets=20))
    watching(bus_server, clip(every, SIZE, g=str(every)), body, settings=settings)
