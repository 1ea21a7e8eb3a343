"""Knows how streams share decoder children, and each one's newest picture. Decodes nothing."""

import asyncio
import time
from collections.abc import Callable, Collection, Mapping
from dataclasses import dataclass
from itertools import count
from types import MappingProxyType, TracebackType
from typing import Self

import structlog
from numpy import uint8
from numpy.typing import NDArray

from engine.catchup import Mode
from streams.bus.packets import StreamKey
from streams.clock import now_ns
from streams.codecs.children import CodecChild, PoolSettings
from streams.codecs.lanes import Figures, Lane, Unit
from streams.codecs.link import ChildLink
from streams.codecs.messages import Kind, Message
from streams.codecs.photos import BadPhoto, PhotoDesk
from streams.codecs.quarantine import Quarantine

__all__ = ["BadPhoto", "DecoderPool", "Figures", "Picture", "PoolSettings", "Unit"]

log = structlog.get_logger(__name__)


@dataclass(slots=True)
class Picture:
    """A decoded picture in shared memory; pixels are valid until release()."""

    stream: StreamKey
    entry_id: str
    epoch_ms: int
    pts: int
    captured_ns: int
    pixels: NDArray[uint8]  # (H, W, 3) BGR
    _give_back: Callable[[], None]

    def release(self) -> None:
        """Give the memory back; harmless when called again."""
        give_back, self._give_back = self._give_back, _nothing
        give_back()


def _nothing() -> None:
    """Stand in for a release that was made already."""


class DecoderPool:
    """Decodes many streams in a few children. Nothing here waits for a child but wait().

    bus_now_ms: the bus's clock, by which packets age; a local bus shares the system's clock.
    """

    def __init__(
        self,
        settings: PoolSettings,
        bus_now_ms: Callable[[], float] = lambda: now_ns() / 1e6,
    ) -> None:
        self._settings = settings
        self.now_ms = bus_now_ms
        self._children = [CodecChild(settings, self) for _ in range(max(1, settings.children))]
        self._lanes: dict[StreamKey, Lane] = {}
        self._child_of: dict[StreamKey, CodecChild] = {}
        self._numbers = count(1)
        self._newest: dict[StreamKey, Picture] = {}
        self._changed = asyncio.Event()
        self._quarantine = Quarantine()
        self._photos = PhotoDesk(settings.memory_bytes)
        self._group = asyncio.TaskGroup()
        self._keepers: list[asyncio.Task[None]] = []
        self.children_lost = 0

    async def __aenter__(self) -> Self:
        await self._group.__aenter__()
        self._keepers = [self._group.create_task(child.keep()) for child in self._children]
        return self

    async def __aexit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        for keeper in self._keepers:
            keeper.cancel()
        # The body's own error travels on as it is, not wrapped into the group's.
        await self._group.__aexit__(None, None, None)

    @property
    def quarantined(self) -> Mapping[str, str]:
        """Camera id → why its packets are refused; forget() forgives."""
        return MappingProxyType(self._quarantine.reasons)

    @property
    def pids(self) -> tuple[int, ...]:
        """The process ids of the children that run."""
        return tuple(child.link.pid for child in self._children if child.link is not None)

    @property
    def ready(self) -> bool:
        """Whether every child has started."""
        return all(child.ready for child in self._children)

    @property
    def isolated(self) -> bool:
        """Whether every child that runs could give up the network."""
        return all(child.isolated for child in self._children if child.ready)

    def figures(self, stream: StreamKey) -> Figures:
        """Return a stream's counters; zeros for one that was never seen."""
        lane = self._lanes.get(stream)
        return lane.figures if lane is not None else Figures()

    def mode(self, stream: StreamKey) -> Mode:
        """Return whether a stream is live, catching up, or reduced to keyframes."""
        lane = self._lanes.get(stream)
        return lane.mode if lane is not None else Mode.LIVE

    def submit(self, unit: Unit) -> None:
        """Take a packet, or refuse and count it; never waits."""
        lane = self._lanes.get(unit.stream) or self._open(unit.stream)
        if unit.stream.camera in self._quarantine.reasons:
            lane.refuse()
            return
        lane.add(unit)
        self._child_of[unit.stream].dispatch()

    def forget(self, stream: StreamKey) -> None:
        """Drop a stream: its backlog, decoder, memory and, for its camera, the quarantine."""
        self._quarantine.forgive(stream.camera)
        picture = self._newest.pop(stream, None)
        if picture is not None:
            picture.release()
        lane = self._lanes.pop(stream, None)
        if lane is not None:
            self._child_of.pop(stream).forget(lane)

    async def wait(self, timeout_s: float, busy: Collection[StreamKey] = ()) -> None:
        """Return when a stream that is not busy has a picture, or after timeout_s.

        busy may change meanwhile; say so with look_again().
        """
        try:
            async with asyncio.timeout(timeout_s):
                while all(stream in busy for stream in self._newest):
                    self._changed.clear()
                    await self._changed.wait()
        except TimeoutError:
            return

    def look_again(self) -> None:
        """Let those who wait look whether their streams are still busy."""
        self._changed.set()

    def take(self, busy: Collection[StreamKey] = (), most: int | None = None) -> list[Picture]:
        """Return the newest picture of each stream that is not busy, the longest waiting first.

        most: how many at most. The caller releases them.
        """
        free = [stream for stream in self._newest if stream not in busy]
        return [self._newest.pop(stream) for stream in free[:most]]

    async def photo(self, data: bytes) -> NDArray[uint8]:
        """Decode a photograph in a child of its own: (H, W, 3) uint8 BGR, upright by EXIF.

        Raises BadPhoto.
        """
        return await self._photos.decode(data)

    def _open(self, stream: StreamKey) -> Lane:
        lane = Lane(stream, next(self._numbers), self._settings.catch_up)
        self._lanes[stream] = lane
        child = min(self._children, key=lambda one: len(one.lanes))
        child.lanes.append(lane)
        self._child_of[stream] = child
        return lane

    def arrived(self, lane: Lane, link: ChildLink, message: Message) -> None:
        """Keep a child's picture as its stream's newest; the one before goes back unseen."""
        pixels = lane.view(message.context, message.slot, (message.width, message.height))
        give_back = Message(Kind.RELEASE, stream=lane.number, context=message.context,
                            slot=message.slot)  # fmt: skip
        unit = lane.flown.pop(message.seq, None)
        if unit is None:
            link.send(give_back)
            return
        packet = unit.packet
        older = self._newest.get(lane.stream)
        if older is not None:
            lane.figures.unseen += 1
            older.release()
        lane.figures.pictures += 1
        # In the place of the older one, so that who waits longest stays first.
        self._newest[lane.stream] = Picture(
            lane.stream, unit.entry_id, packet.epoch_ms, packet.pts, packet.captured_ns, pixels,
            lambda: link.send(give_back),
        )  # fmt: skip
        self._changed.set()

    def lost(self, blamed: Lane | None, why: str) -> None:
        """Note a child's death and, where one camera causes too many, refuse it from now on."""
        self.children_lost += 1
        camera = blamed.stream.camera if blamed is not None else None
        log.warning("decoder_lost", why=why, camera=camera)
        if blamed is None or camera is None:
            return
        blamed.figures.kills += 1
        if self._quarantine.blame(camera, why, time.monotonic()):
            log.error("camera_quarantined", camera=camera, why=why)
            blamed.refuse()
