"""Knows how one codec child is fed, watched and replaced. Does not know what pictures are for."""

import asyncio
import time
from collections import deque
from collections.abc import Callable
from dataclasses import dataclass, field
from itertools import count
from typing import Final, Protocol

import structlog

from engine.catchup import CatchUpSettings
from streams.codecs.lanes import Lane, Ready
from streams.codecs.link import ChildLink, ChildSettings
from streams.codecs.messages import (
    ALONE,
    CONVERT,
    FORCE,
    ISOLATED,
    BadMessage,
    Kind,
    Message,
    Status,
)
from streams.codecs.rings import BadRing, RingReader

_IN_FLIGHT: Final = 4  # enough that a child never idles, few enough that decisions stay late
_WATCH_EVERY_S: Final = 0.1
_BACK_OFF_S: Final = (0.0, 0.1, 0.5, 2.0, 5.0)
_SHORT_LIFE_S: Final = 5.0

log = structlog.get_logger(__name__)


@dataclass(frozen=True, slots=True)
class PoolSettings:
    """How many children, and the bounds of each.

    max_px: the pixels of the largest picture taken; unit_deadline_s: a child that works longer
    on one packet is replaced.
    """

    children: int = 2
    memory_bytes: int = 1 << 30
    max_px: int = 4096 * 4096  # a telephone's portrait 4K, with FFmpeg's alignment
    unit_deadline_s: float = 5.0
    start_deadline_s: float = 20.0
    catch_up: CatchUpSettings = field(default_factory=CatchUpSettings)


class Owner(Protocol):
    """What a child tells the pool."""

    def arrived(self, lane: Lane, link: ChildLink, message: Message) -> None:
        """A picture lies in its slot, or came encoded."""

    def lost(self, blamed: Lane | None, why: str) -> None:
        """A child is gone; blamed is the stream whose packet it worked on."""

    def now_ms(self) -> float:
        """The bus's time."""


@dataclass(slots=True)
class _Flight:
    lane: Lane
    seq: int
    since_s: float  # when it became the child's business


class CodecChild:
    """A process that is replaced when it is lost, and the streams that it serves in turn."""

    def __init__(self, settings: PoolSettings, owner: Owner, task: Kind = Kind.DECODE) -> None:
        self._settings = settings
        self._task = task
        self._owner = owner
        self._flights: deque[_Flight] = deque()
        self._seqs = count(1)
        self._losses = 0
        self._started_s = 0.0
        self.lanes: deque[Lane] = deque()  # in the order of their next turn
        self.link: ChildLink | None = None
        self.ready = False
        self.isolated = False

    async def keep(self) -> None:
        """Keep a process running; one that dies at once is restarted ever later."""
        while True:
            await asyncio.sleep(_BACK_OFF_S[min(self._losses, len(_BACK_OFF_S) - 1)])
            self._started_s = time.monotonic()
            settings = ChildSettings(self._settings.memory_bytes, self._settings.max_px)
            try:
                link = await ChildLink.start(settings)
            except OSError as error:
                log.warning("codec_child_not_started", error=str(error))
                self._losses += 1
                continue
            try:
                self.link = link
                link.listen(self._on_message)
                why = await self._watch(link)
            finally:
                self.link, self.ready = None, False
                await link.close()
            self._restart(why)

    def dispatch(self) -> None:
        """Give the process its next units, one stream after the other."""
        if self.link is None or not self.ready:
            return
        while len(self._flights) < _IN_FLIGHT and (turn := self._next_turn()) is not None:
            lane, ready = turn
            seq = next(self._seqs)
            if ready.convert:
                lane.flies(seq, ready.unit)
            self._flights.append(_Flight(lane, seq, time.monotonic()))
            flags = CONVERT * ready.convert | ALONE * ready.alone | FORCE * lane.force_keyframe
            lane.force_keyframe = False
            self.link.send(
                Message(self._task, flags, ready.unit.codec, stream=lane.number,
                        context=lane.context, seq=seq, body=ready.unit.packet.data)
            )  # fmt: skip

    def forget(self, lane: Lane) -> None:
        """Drop a stream."""
        self.lanes.remove(lane)
        if self.link is not None:
            self.link.send(Message(Kind.FORGET, stream=lane.number))

    def _next_turn(self) -> tuple[Lane, Ready] | None:
        for _ in range(len(self.lanes)):
            lane = self.lanes[0]
            self.lanes.rotate(-1)
            ready = lane.next_unit(self._owner.now_ms())
            if ready is not None:
                return lane, ready
        return None

    async def _watch(self, link: ChildLink) -> str:
        """Return why the process is no longer of use."""
        while True:
            try:
                async with asyncio.timeout(_WATCH_EVERY_S):
                    await link.lost.wait()
                return "killed"
            except TimeoutError:
                now_s = time.monotonic()
            if not self.ready and now_s - self._started_s > self._settings.start_deadline_s:
                return "did not start"
            head = self._flights[0] if self._flights else None
            if head is not None and now_s - head.since_s > self._settings.unit_deadline_s:
                return "stalled"

    def _restart(self, why: str) -> None:
        short = time.monotonic() - self._started_s < _SHORT_LIFE_S
        self._losses = self._losses + 1 if short else 0
        blamed = self._flights[0].lane if self._flights else None
        self._flights.clear()
        for lane in self.lanes:
            lane.restart()
        self._owner.lost(blamed, why)

    def _on_message(self, message: Message, descriptor: Callable[[], int]) -> None:
        """Act on what the process says; it may be hostile, so nothing is believed unchecked."""
        try:
            self._act(message, descriptor)
        except (BadRing, KeyError) as error:
            raise BadMessage(str(error)) from error
        self.dispatch()

    def _act(self, message: Message, descriptor: Callable[[], int]) -> None:
        lane = next((one for one in self.lanes if one.number == message.stream), None)
        match message.kind:
            case Kind.READY:
                self.ready, self.isolated = True, bool(message.flags & ISOLATED)
            case Kind.RING:
                ring = RingReader(descriptor(), slots=message.width, slot_bytes=message.height)
                if lane is not None:
                    lane.rings = {message.context: ring}
            case Kind.PICTURE | Kind.ENCODED if lane is not None and self.link is not None:
                self._owner.arrived(lane, self.link, message)
            case Kind.DONE:
                self._done(message)

    def _done(self, message: Message) -> None:
        if not self._flights or self._flights[0].seq != message.seq:
            raise BadMessage(f"unit {message.seq} is done out of turn")
        figures = self._flights.popleft().lane.figures
        if self._flights:
            self._flights[0].since_s = time.monotonic()
        figures.decoded += 1
        figures.decode_us += message.micros
        figures.invalid += message.status in (Status.INVALID, Status.TOO_LARGE)
        figures.no_slot += message.status is Status.NO_SLOT
