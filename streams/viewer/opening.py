"""Knows how a feed begins: with what the bus keeps of its camera. Does not know who watches."""

import asyncio
from dataclasses import dataclass
from typing import Final

from redis.asyncio import Redis

from engine.packets import Codec, entry_ms
from streams.bus.connection import AWAY
from streams.bus.packets import BusPacket, StreamKey, kept_group, newest_packet
from streams.bus.sources import SourceStatus, read_status
from streams.viewer.feed import FeedLimits
from streams.viewer.negotiation import OfferRefused

BUS_S: Final = 5.0
_SILENT_MS: Final = 10_000


@dataclass(frozen=True, slots=True)
class Kept:
    """What the bus keeps of a camera that sends pictures; packets: of a long group, the first."""

    codec: Codec
    packets: list[BusPacket]


async def kept_of(bus: Redis, stream: StreamKey, limits: FeedLimits, bus_now_ms: float) -> Kept:
    """Return what is kept; raises OfferRefused where nothing can be shown."""
    try:
        async with asyncio.timeout(BUS_S):
            status = await read_status(bus, stream)
            newest = await newest_packet(bus, stream)
            kept = await kept_group(bus, stream, limits.group_packets, limits.group_bytes)
    except (*AWAY, TimeoutError) as error:
        raise OfferRefused(503, "the bus does not answer") from error
    if not kept or newest is None or bus_now_ms - entry_ms(newest) > _SILENT_MS:
        raise OfferRefused(409, f"the camera sends no picture: {_reason(status)}")
    return Kept(status.codec if status is not None and status.codec else Codec.H264, kept)


def _reason(status: SourceStatus | None) -> str:
    return status.reason or status.state if status is not None else "not connected"
