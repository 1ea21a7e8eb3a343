"""Knows how to play a clip onto the bus as a camera's ingest would. Does not know RTSP."""

import asyncio
import time
from collections.abc import Sequence
from dataclasses import dataclass, field, replace

from redis.asyncio import Redis

from engine.boxes import Box
from engine.observations import Observation, TrackState, TrackView
from engine.packets import Codec, Packet, Role
from streams.bus.observations import publish
from streams.bus.packets import PacketWriter, StreamKey, Window
from streams.bus.sending import pipelined
from streams.bus.sources import SourceStatus, write_status
from tests.fakes.codec_clips import TICKS

PICTURE_S = 0.04


def now_ms() -> int:
    return time.time_ns() // 1_000_000


@dataclass(slots=True)
class LiveCamera:
    """A camera that plays a clip round and round at 25 pictures a second."""

    redis: Redis
    clip: Sequence[Packet]
    codec: Codec = Codec.H264
    camera: str = "door"
    role: Role = Role.MAIN
    epoch_ms: int = field(default_factory=now_ms)
    sent: list[Packet] = field(default_factory=list)

    @property
    def stream(self) -> StreamKey:
        return StreamKey(self.camera, self.role)

    async def begin(self) -> None:
        """Fill the kept group: half a clip at once, as if it had been running."""
        status = SourceStatus("live", codec=self.codec, epoch_ms=self.epoch_ms)
        await write_status(self.redis, self.stream, status)
        await self.write(len(self.clip) // 2)

    async def write(self, count: int) -> None:
        writer = PacketWriter(pipelined(self.redis), self.stream, Window())
        start_ns = self.epoch_ms * 1_000_000
        for _ in range(count):
            index = len(self.sent)
            lap, place = divmod(index, len(self.clip))
            source = self.clip[place]
            pts = source.pts + lap * len(self.clip) * TICKS
            captured_ns = start_ns + pts * 1_000_000_000 // 90_000
            packet = replace(source, epoch_ms=self.epoch_ms, pts=pts, captured_ns=captured_ns)
            self.sent.append(packet)
            await writer.write([packet], now_ms())

    async def run(self) -> None:
        while True:
            await self.write(1)
            await asyncio.sleep(PICTURE_S)

    def restarted(self) -> "LiveCamera":
        """The same camera after a new connection: a higher epoch, pts from the beginning."""
        return replace(self, epoch_ms=self.epoch_ms + 5_000, sent=[])

    async def observe(self, packet: Packet, token: int = 1, role: Role | None = None) -> None:
        """Publish one box for a packet's picture, at a place that names its pts."""
        side = (packet.pts // TICKS % 100) / 100
        track = TrackView(
            f"{token}-1", Box(side, 0.1, 1.0, 0.9), TrackState.CONFIRMED, None, None, None, 0.8,
            None,
        )  # fmt: skip
        seen = Observation(
            self.camera, role or self.role, packet.epoch_ms, packet.pts, packet.captured_ns,
            token, (track,),
        )  # fmt: skip
        await publish(self.redis, seen, now_ms())
