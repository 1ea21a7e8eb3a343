"""Knows one viewer's packets on their way out: bounded, ordered, timed, paced. Knows no network."""

import asyncio
from collections import Counter, deque
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

from streams.bus.packets import BusPacket
from streams.viewer.timeline import Timeline

MOST_PACKETS: Final = 600
MOST_BYTES: Final = 8 << 20
# Of a group that is played through. Sent at once, 480 pictures of 1280x720 held up the gateway
# for 3 s, and some were lost on the way.
PACE_BYTES_PER_S: Final = 4_000_000
PACE_LEAST_S: Final = 0.001
_LATE_S: Final = 0.05  # so much of a delay is caught up
SLOW: Final = "slow"
BEFORE_KEYFRAME: Final = "before_keyframe"


class Ended(Exception):
    """Nothing more will come."""


@dataclass(frozen=True, slots=True)
class Outgoing:
    """A packet's data and its place on the viewer's time line."""

    ticks: int
    data: bytes


@dataclass(frozen=True, slots=True)
class _Waiting:
    seen: BusPacket
    late: bool  # of a group that is played through, or behind it


class Outbound:
    """A queue that, when full, drops everything up to the next keyframe and counts it.

    Its bound is for live packets: a group that a viewer begins with is bounded by its feed.
    """

    def __init__(self) -> None:
        self.timeline = Timeline()
        self.dropped: Counter[str] = Counter({SLOW: 0, BEFORE_KEYFRAME: 0})
        self._queue: deque[_Waiting] = deque()
        self._group_left = 0  # packets at the queue's head that began as a group
        self._live_bytes = 0
        self._begins: BusPacket | None = None  # the newest of a group of which nothing is sent yet
        self._why = BEFORE_KEYFRAME  # only a keyframe may come next; empty: anything may
        self._due_s = 0.0
        self._changed = asyncio.Event()
        self._ended = False

    @property
    def waits(self) -> bool:
        """Whether the viewer has nothing yet and begins with the camera's next keyframe."""
        return self._why == BEFORE_KEYFRAME

    def put(self, seen: BusPacket) -> None:
        """Queue a live packet."""
        if self._why and not seen.packet.keyframe:
            self.dropped[self._why] += 1
            return
        self._why = ""
        self._queue.append(_Waiting(seen, late=bool(self._queue) and self._queue[-1].late))
        self._live_bytes += len(seen.packet.data)
        live = len(self._queue) - self._group_left
        if live > MOST_PACKETS or self._live_bytes > MOST_BYTES:
            self.dropped[SLOW] += len(self._queue)
            self._empty()
            self._why = SLOW
        self._changed.set()

    def burst(self, group: Sequence[BusPacket]) -> None:
        """Queue a group that begins with a keyframe, to be played through."""
        if not group:
            return
        self._empty()
        self._why = ""
        self._queue.extend(_Waiting(seen, late=True) for seen in group)
        self._begins, self._group_left = group[-1], len(group)
        self._changed.set()

    def _empty(self) -> None:
        self._queue.clear()
        self._group_left = self._live_bytes = 0

    async def get(self) -> Outgoing:
        """Wait for the next packet; raises Ended."""
        while not self._queue:
            if self._ended:
                raise Ended
            self._changed.clear()
            await self._changed.wait()
        waiting = self._queue.popleft()
        if self._group_left:
            self._group_left -= 1
        else:
            self._live_bytes -= len(waiting.seen.packet.data)
        return Outgoing(await self._place(waiting), waiting.seen.packet.data)

    async def _place(self, waiting: _Waiting) -> int:
        """Let others work between two packets, keep a group to its pace; return the ticks."""
        if not waiting.late:
            await asyncio.sleep(0)
            return self.timeline.live(waiting.seen)
        now_s = asyncio.get_running_loop().time
        await asyncio.sleep(max(0.0, self._due_s - now_s()))
        takes_s = max(PACE_LEAST_S, len(waiting.seen.packet.data) / PACE_BYTES_PER_S)
        self._due_s = max(self._due_s, now_s() - _LATE_S) + takes_s
        if self._begins is not None:
            self.timeline.begin_group(self._begins, now_s())
            self._begins = None
        return self.timeline.late(waiting.seen, now_s())

    def end(self) -> None:
        """Let get() raise once the queue is empty."""
        self._empty()
        self._ended = True
        self._changed.set()
