"""Knows how owned cameras' packets go from the bus to the decoders. Does not look at pictures."""

import asyncio
from collections.abc import Mapping
from dataclasses import dataclass, field

import structlog
from redis.asyncio import Redis

from engine.epochs import FORGET_AFTER_S, EpochGate
from engine.packets import Codec
from engine.sampling import Sampler
from streams.bus.packets import BusPacket, PacketReader, StreamKey, newest_keyframe, order
from streams.bus.sources import read_status
from streams.clock import monotonic_ns
from streams.codecs.pool import DecoderPool, Unit

READ_COUNT = 16
BLOCK_MS = 250
READ_EVERY_S = 0.008
START = "0-0"
CODEC_POLL_S = 0.02
CODEC_WITHIN_NS = 2_000_000_000

log = structlog.get_logger()


@dataclass(slots=True)
class _Lane:
    """One stream: where reading goes on, how it is coded, which pictures are wanted."""

    cursor: str
    sampler: Sampler
    gate: EpochGate
    codec: Codec = Codec.H264
    epoch_ms: int = -1  # whose codec it is
    asked_ns: int = 0  # since when the codec of a new epoch is asked for


@dataclass(slots=True)
class Intake:
    """Reads all owned streams with one call and hands every packet to the pool."""

    bus: Redis
    pool: DecoderPool
    pictures_per_s: float
    forget_epoch_after_s: float = FORGET_AFTER_S
    _lanes: dict[StreamKey, _Lane] = field(default_factory=dict)

    @property
    def streams(self) -> tuple[StreamKey, ...]:
        """The streams that are being read."""
        return tuple(self._lanes)

    async def begin(self, stream: StreamKey) -> None:
        """Read a stream from its newest keyframe on."""
        first = await newest_keyframe(self.bus, stream)
        cursor = before(first) if first else START
        gate = EpochGate(self.forget_epoch_after_s)
        self._lanes[stream] = _Lane(cursor, Sampler(self.pictures_per_s), gate)

    def dropped(self, stream: StreamKey) -> int:
        """Return how many packets of a replaced ingest were dropped."""
        return self._lanes[stream].gate.dropped if stream in self._lanes else 0

    def end(self, stream: StreamKey) -> None:
        """Stop reading a stream and forget its decoder."""
        self._lanes.pop(stream, None)
        self.pool.forget(stream)

    def set_rate(self, stream: StreamKey, pictures_per_s: float) -> None:
        """Ask for another number of pictures a second."""
        if stream in self._lanes:
            self._lanes[stream].sampler.set_rate(pictures_per_s)

    async def begin_anew(self) -> None:
        """Begin every stream again, after the bus lost everything."""
        for stream in list(self._lanes):
            await self.begin(stream)

    async def step(self) -> int:
        """Read once, waiting up to BLOCK_MS, and return how many packets came."""
        if not self._lanes:  # nothing to read returns at once: whoever repeats this would spin
            await asyncio.sleep(BLOCK_MS / 1000)
            return 0
        begun_ns = monotonic_ns()
        cursors: Mapping[StreamKey, str] = {key: one.cursor for key, one in self._lanes.items()}
        found = await PacketReader(self.bus).read(cursors, READ_COUNT, BLOCK_MS)
        waiting: set[StreamKey] = set()
        for seen in found:
            lane = self._lanes.get(seen.stream)
            if lane is None or seen.stream in waiting:
                continue
            if not lane.gate.admits(seen.packet, monotonic_ns()):
                lane.cursor = seen.entry_id
                continue
            if not await self._knows_codec(lane, seen):
                waiting.add(seen.stream)  # its packets are read again
                continue
            self._submit(lane, seen)
        # Many packets with one call: a call costs more than a packet.
        await asyncio.sleep(max(0.0, READ_EVERY_S - (monotonic_ns() - begun_ns) / 1e9))
        if waiting and len(waiting) == len({seen.stream for seen in found}):
            await asyncio.sleep(CODEC_POLL_S)
        return len(found)

    async def _knows_codec(self, lane: _Lane, seen: BusPacket) -> bool:
        """Learn how a new epoch is coded; its ingest may say so a moment after its first packet.

        After CODEC_WITHIN_NS the packets go on as they were coded before.
        """
        if seen.packet.epoch_ms == lane.epoch_ms:
            return True
        status = await read_status(self.bus, seen.stream)
        if status is not None and status.codec and status.epoch_ms >= seen.packet.epoch_ms:
            lane.codec = status.codec
        else:
            lane.asked_ns = lane.asked_ns or monotonic_ns()
            if monotonic_ns() - lane.asked_ns < CODEC_WITHIN_NS:
                return False
        if seen.packet.epoch_ms < lane.epoch_ms:
            log.warning("epoch went back", camera=seen.stream.camera, epoch_ms=seen.packet.epoch_ms)
        lane.epoch_ms, lane.asked_ns = seen.packet.epoch_ms, 0
        return True

    def _submit(self, lane: _Lane, seen: BusPacket) -> None:
        lane.cursor = seen.entry_id
        packet = seen.packet
        wanted = lane.sampler.due(packet.captured_ns)
        self.pool.submit(Unit(seen.stream, lane.codec, seen.entry_id, packet, wanted))


def before(entry_id: str) -> str:
    """Return the id just before an entry's, so that reading after it begins with the entry."""
    milliseconds, sequence = order(entry_id)
    if sequence:
        return f"{milliseconds}-{sequence - 1}"
    return f"{max(0, milliseconds - 1)}-{2**64 - 1}"
