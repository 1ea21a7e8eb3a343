"""Knows how one camera is owned and published: its lease, its streams, their live state.

Does not know which cameras there are.
"""

import asyncio
import contextlib
import random
from collections.abc import Callable
from dataclasses import asdict, dataclass, field
from typing import Final, NoReturn

import structlog
from redis.asyncio import Redis
from redis.exceptions import RedisError

from config.cameras import Camera
from engine.packets import Role
from engine.source import LIMITS, SourceLimits, SourceState
from streams.bus import keys
from streams.bus.clock import BusClock
from streams.bus.leases import Lease
from streams.bus.packets import StreamKey
from streams.bus.sending import Send
from streams.bus.sources import SourceStatus, read_status, write_status
from streams.cameras.source import Source
from streams.ingest.publisher import MemoryShare, StreamPublisher
from streams.ingest.stream import StreamShell, SupervisedStream

RENEW_EVERY_S: Final = 1.0
RELEASE_WITHIN_S: Final = 0.4
TELL_LOSSES_EVERY_S: Final = 10.0
NS: Final = 1_000_000_000
log = structlog.get_logger()


@dataclass(frozen=True, slots=True)
class IngestContext:
    """What all cameras of one ingest share. now_ns: UTC that never steps back."""

    redis: Redis
    send: Send  # for packets
    owner: str
    share: MemoryShare
    clock: BusClock
    now_ns: Callable[[], int]
    source_of: Callable[[Camera, Role], Source]
    limits: SourceLimits = field(default=LIMITS)


class PublishedStream:
    """One stream: its source, its way to the bus, and the state that others see."""

    def __init__(
        self, context: IngestContext, camera: Camera, role: Role, previous_epoch_ms: int
    ) -> None:
        self.key = StreamKey(camera.id, role)
        self._context = context
        self._changed = asyncio.Event()
        self.publisher = StreamPublisher(context.send, self.key, context.share, context.clock)
        shell = StreamShell(
            name=f"{camera.id}:{role}",
            now_ns=context.now_ns,
            jitter=random.random,
            offer=self.publisher.offer,
            changed=self._changed.set,
            limits=context.limits,
        )
        self._source = context.source_of(camera, role)
        self.stream = SupervisedStream(self._source, shell, previous_epoch_ms)
        self._counted = (0, context.now_ns())
        self._rate_hz = 0.0
        self._told = (self.lost(), context.now_ns())

    async def run(self) -> None:
        """Publish until cancelled."""
        self._context.share.streams += 1
        try:
            async with asyncio.TaskGroup() as group:
                group.create_task(self.stream.run())
                group.create_task(self.publisher.run())
                group.create_task(self._show())
        finally:
            self._context.share.streams -= 1
            await self._source.retire()

    async def _show(self) -> NoReturn:
        """Write the state at every change and each second."""
        while True:
            self._changed.clear()
            with contextlib.suppress(RedisError, OSError):  # shown again in a second
                await write_status(self._context.redis, self.key, self.status())
            self._tell_losses()
            with contextlib.suppress(TimeoutError):
                async with asyncio.timeout(RENEW_EVERY_S):
                    await self._changed.wait()

    def _tell_losses(self) -> None:
        """Log what was not published since it was last told."""
        told, at_ns = self._told
        lost = self.lost()
        now_ns = self._context.now_ns()
        if lost == told or now_ns - at_ns < TELL_LOSSES_EVERY_S * NS:
            return
        self._told = (lost, now_ns)
        log.warning("packets_lost", stream=f"{self.key.camera}:{self.key.role}", **lost)

    def lost(self) -> dict[str, int]:
        """Return what did not reach the bus or did not stay there its time, by reason.

        bus: it was slow, away or full. share: of the bus's memory.
        """
        left_out = asdict(self.stream.left_out)
        bus, share = self.publisher.counters.dropped, self.publisher.trimmed_early
        return {**left_out, "bus": bus, "share": share}

    def status(self) -> SourceStatus:
        """Return what is shown now."""
        now, facts = self.stream.supervision, self.stream.facts
        reason = f"{now.reason}: {now.detail}" if now.detail else str(now.reason)
        size = facts.size if facts else None
        return SourceStatus(
            state=str(now.state),
            reason=reason,
            next_try_ns=now.next_try_ns,
            codec=facts.codec if facts else None,
            width=size.width_px if size else 0,
            height=size.height_px if size else 0,
            rate_hz=self._measured_hz(now.state),
            epoch_ms=self.stream.highest_epoch_ms,
            clock_error_ns=facts.clock_error_ns if facts else 0,
            since_ns=now.since_ns,
            lost=self.lost(),
        )

    def _measured_hz(self, state: SourceState) -> float:
        """Return pictures per second since it was last looked at, at least half a second ago."""
        now_ns = self._context.now_ns()
        pictures, since_ns = self._counted
        if now_ns - since_ns >= NS // 2:
            self._rate_hz = (self.stream.pictures - pictures) * NS / (now_ns - since_ns)
            self._counted = (self.stream.pictures, now_ns)
        return self._rate_hz if state is SourceState.LIVE else 0.0


async def own_camera(context: IngestContext, camera: Camera) -> NoReturn:
    """Hold the camera's lease and publish its streams while we do; for ever, until cancelled.

    Another ingest that holds the lease is waited for; the bus away changes nothing: its cameras
    stay connected, and the lease is taken again when it comes back.
    """
    lease = Lease(context.redis, keys.lease_source(camera.id), context.owner)
    try:
        while True:
            await _until_ours(context, lease)
            async with asyncio.TaskGroup() as group:
                streams = [
                    group.create_task(one.run()) for one in await _streams_of(context, camera)
                ]
                await _while_ours(context, lease)
                log.warning("camera_taken_over", camera=camera.id)
                for stream in streams:
                    stream.cancel()
    finally:
        with contextlib.suppress(RedisError, OSError, TimeoutError):  # it expires by itself
            async with asyncio.timeout(RELEASE_WITHIN_S):
                await lease.release()


async def _until_ours(context: IngestContext, lease: Lease) -> None:
    while True:
        with contextlib.suppress(RedisError, OSError):
            if await lease.acquire(context.now_ns() // 1_000_000):
                return
        await asyncio.sleep(RENEW_EVERY_S / 2)


async def _while_ours(context: IngestContext, lease: Lease) -> None:
    """Renew the lease; return when somebody else holds it."""
    while True:
        await asyncio.sleep(RENEW_EVERY_S)
        with contextlib.suppress(RedisError, OSError):
            if await lease.renew():
                continue
            if not await lease.acquire(context.now_ns() // 1_000_000):
                return


async def _streams_of(context: IngestContext, camera: Camera) -> list[PublishedStream]:
    """Return the camera's streams, each above the highest epoch that the bus knows of it."""
    streams = []
    for role in camera.roles:
        known = None
        with contextlib.suppress(RedisError, OSError):
            known = await read_status(context.redis, StreamKey(camera.id, role))
        epoch_ms = known.epoch_ms if known else 0
        streams.append(PublishedStream(context, camera, role, epoch_ms))
    return streams
