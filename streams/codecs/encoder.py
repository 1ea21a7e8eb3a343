"""Knows how a camera that browsers cannot play is encoded once for all viewers. Knows none."""

from collections.abc import Callable
from dataclasses import replace
from typing import Final

import structlog

from engine.catchup import CatchUpSettings
from engine.packets import Codec
from streams.bus.packets import BusPacket, StreamKey
from streams.clock import now_ns
from streams.codecs.children import CodecChild, PoolSettings
from streams.codecs.lanes import Figures, Lane, Unit
from streams.codecs.link import ChildLink
from streams.codecs.messages import IS_KEYFRAME, Kind, Message

# A viewer bears a late picture better than a hole, so the budget is wider than analysis'.
SETTINGS: Final = PoolSettings(children=1, catch_up=CatchUpSettings(budget_ms=1_000))

log = structlog.get_logger(__name__)


class SharedEncoder:
    """Turns one camera's packets into H.264 baseline in a child; lives while run() does.

    on_packet gets each encoded picture with the times of the packet that it came from.
    """

    def __init__(
        self,
        stream: StreamKey,
        on_packet: Callable[[BusPacket], None],
        bus_now_ms: Callable[[], float] = lambda: now_ns() / 1e6,
        settings: PoolSettings = SETTINGS,
    ) -> None:
        self._on_packet = on_packet
        self.now_ms = bus_now_ms
        self.stream = stream
        self._lane = Lane(stream, 1, settings.catch_up)
        self._child = CodecChild(settings, self, Kind.TRANSCODE)
        self._child.lanes.append(self._lane)
        self.children_lost = 0

    @property
    def figures(self) -> Figures:
        """What became of the packets."""
        return self._lane.figures

    @property
    def pid(self) -> int | None:
        """The child's process id while it runs."""
        return self._child.link.pid if self._child.link is not None else None

    async def run(self) -> None:
        """Keep the child running until cancelled."""
        await self._child.keep()

    def submit(self, seen: BusPacket, codec: Codec) -> None:
        """Take a packet; never waits. What is too old is decoded, but not encoded."""
        unit = Unit(seen.stream, codec, seen.entry_id, seen.packet, convert=True)
        self._lane.add(unit)
        self._child.dispatch()

    def ask_keyframe(self) -> None:
        """Let the next picture be one that a decoder can start from."""
        self._lane.force_keyframe = True

    def arrived(self, lane: Lane, link: ChildLink, message: Message) -> None:
        """Hand an encoded picture on."""
        unit = lane.flown.pop(message.seq, None)
        if unit is None or message.kind is not Kind.ENCODED:
            return
        lane.figures.pictures += 1
        keyframe = bool(message.flags & IS_KEYFRAME)
        packet = replace(unit.packet, keyframe=keyframe, data=bytes(message.body))
        self._on_packet(BusPacket(lane.stream, unit.entry_id, packet))

    def lost(self, blamed: Lane | None, why: str) -> None:
        """Note that the child was replaced; its encoder starts with a keyframe anyway."""
        self.children_lost += 1
        log.warning("encoder_lost", camera=self._lane.stream.camera, why=why)
