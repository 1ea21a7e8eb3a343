"""Knows how a test gets a hub, a camera that plays, and viewers. Does not know what they see."""

import asyncio
from collections.abc import Awaitable, Callable, Sequence
from contextlib import AsyncExitStack
from dataclasses import dataclass, field

from redis.asyncio import Redis

from engine.packets import Codec, Packet
from streams.bus.connection import connect
from streams.viewer.hub import ViewerHub, ViewerSettings
from tests.conftest import Server
from tests.fakes.live_camera import LiveCamera
from tests.fakes.whep_client import WhepClient

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
    """Run `body` while a camera plays these packets, within a minute and a half."""

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
    """Wait until the condition holds."""
    async with asyncio.timeout(deadline_s):
        while not condition():
            await asyncio.sleep(0.01)
