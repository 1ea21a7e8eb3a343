"""Knows how access units cross the bus and what is kept. Does not know what is in them."""

from collections import deque
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Final

from redis.asyncio import Redis

from engine.packets import Packet, Role, entry_ms
from streams.bus import keys
from streams.bus.sending import Command, Send

EXPIRE_MS: Final = 60_000
PARTS_OF_SHARE: Final = 16
_CHUNK: Final = 128  # packets read at once

# One MULTI's worth: the entries, the newest keyframe's id and the expiry change together. A full
# bus refuses all of them: it looks at its memory as a script begins, so that no packet stands on
# the bus without the one before it.
_APPEND: Final = """
local ids = {}
for i = 3, #ARGV, 5 do
    local id = redis.call('XADD', KEYS[1], 'MINID', ARGV[1], '*', 'e', ARGV[i], 'p', ARGV[i + 1],
        'c', ARGV[i + 2], 'k', ARGV[i + 3], 'd', ARGV[i + 4])
    if ARGV[i + 3] == '1' then redis.call('HSET', KEYS[2], 'newest_keyframe', id) end
    ids[#ids + 1] = id
end
redis.call('PEXPIRE', KEYS[1], ARGV[2])
return ids
"""


@dataclass(frozen=True, slots=True, order=True)
class StreamKey:
    """One stream of one camera."""

    camera: str
    role: Role


@dataclass(frozen=True, slots=True)
class BusPacket:
    """A packet with the id that the bus gave it at its arrival."""

    stream: StreamKey
    entry_id: str
    packet: Packet


@dataclass(frozen=True, slots=True)
class Window:
    """What a camera's stream keeps: seconds, within its share of the bus's memory."""

    keep_s: float = 15.0
    share_bytes: int = 64 * 1024 * 1024


class PacketWriter:
    """Appends one stream's packets and trims it: by age, never into the newest group, by share.

    trimmed_early counts packets that the share of memory cut before their time.
    """

    def __init__(self, send: Send, stream: StreamKey, window: Window) -> None:
        self._send = send
        self._keys = [
            keys.packets(stream.camera, stream.role),
            keys.source(stream.camera, stream.role),
        ]
        self.window = window
        self._kept: deque[tuple[str, int]] = deque()
        self._kept_bytes = 0
        self._newest_keyframe: str | None = None
        self.trimmed_early = 0

    async def write(self, packets: Sequence[Packet], now_ms: int) -> str:
        """Append packets in order and return the last one's id; now_ms is the bus's clock.

        Raises redis.exceptions.RedisError when the bus is away or full.
        """
        entry_id = ""
        for part in self._parts(packets):
            entry_id = await self._write_part(part, now_ms)
        return entry_id

    def _parts(self, packets: Sequence[Packet]) -> Iterator[list[Packet]]:
        """Split what is to be written: what one write brings is small beside the share."""
        part: list[Packet] = []
        part_bytes = 0
        for packet in packets:
            if part and part_bytes + len(packet.data) > self.window.share_bytes // PARTS_OF_SHARE:
                yield part
                part, part_bytes = [], 0
            part.append(packet)
            part_bytes += len(packet.data)
        if part:
            yield part

    async def _write_part(self, packets: Sequence[Packet], now_ms: int) -> str:
        first_kept = self._first_kept(now_ms, sum(len(packet.data) for packet in packets))
        [answer] = await self._send([self._command(packets, first_kept)])
        if isinstance(answer, Exception):
            raise answer
        for entry_id, packet in zip(answer, packets, strict=True):
            self._note(entry_id.decode(), packet)
        last: str = answer[-1].decode()
        return last

    def _command(self, packets: Sequence[Packet], first_kept: str) -> Command:
        values = [
            value
            for one in packets
            for value in (one.epoch_ms, one.pts, one.captured_ns, int(one.keyframe), one.data)
        ]
        return ["EVAL", _APPEND, len(self._keys), *self._keys, first_kept, EXPIRE_MS, *values]

    def _note(self, entry_id: str, packet: Packet) -> None:
        self._kept.append((entry_id, len(packet.data)))
        self._kept_bytes += len(packet.data)
        if packet.keyframe:
            self._newest_keyframe = entry_id

    def _first_kept(self, now_ms: int, coming_bytes: int) -> str:
        """Return the smallest id to keep: old enough goes, and whatever the share forbids."""
        oldest_ms = now_ms - round(self.window.keep_s * 1000)
        while self._kept and self._kept_bytes + coming_bytes > self.window.share_bytes:
            self.trimmed_early += entry_ms(self._kept[0][0]) >= oldest_ms
            self._forget_oldest()
        while self._kept and self._is_old(self._kept[0][0], oldest_ms):
            self._forget_oldest()
        return self._kept[0][0] if self._kept else str(max(0, oldest_ms))

    def _is_old(self, entry_id: str, oldest_ms: int) -> bool:
        before_group = self._newest_keyframe is None or entry_id != self._newest_keyframe
        return before_group and entry_ms(entry_id) < oldest_ms and not self._in_group(entry_id)

    def _in_group(self, entry_id: str) -> bool:
        return self._newest_keyframe is not None and order(entry_id) >= order(self._newest_keyframe)

    def _forget_oldest(self) -> None:
        _, size = self._kept.popleft()
        self._kept_bytes -= size


class PacketReader:
    """Reads many cameras' packets with one call."""

    def __init__(self, redis: Redis) -> None:
        self._redis = redis

    async def read(
        self, cursors: Mapping[StreamKey, str], count: int = 16, block_ms: int = 250
    ) -> list[BusPacket]:
        """Return what came after each cursor, at most count a stream, waiting up to block_ms."""
        if not cursors:
            return []
        names = {keys.packets(key.camera, key.role).encode(): key for key in cursors}
        wanted = {name: cursors[key] for name, key in names.items()}
        answer = await self._redis.xread(wanted, count=count, block=block_ms)
        return [
            parse(names[name], entry_id, fields)
            for name, entries in answer or []
            for entry_id, fields in entries
        ]


async def newest_keyframe(redis: Redis, stream: StreamKey) -> str | None:
    """Return the id of the newest keyframe, or None where none is known."""
    value = await redis.hget(keys.source(stream.camera, stream.role), "newest_keyframe")
    return value.decode() if value else None


async def kept_group(
    redis: Redis, stream: StreamKey, most_packets: int = 10_000, most_bytes: int = 64 << 20
) -> list[BusPacket]:
    """Return the packets from the newest keyframe to now; empty where there is none.

    Of a group beyond the bounds, its beginning: more than most_packets, or most_bytes.
    """
    start = await newest_keyframe(redis, stream)
    found: list[BusPacket] = []
    size, more = 0, start is not None
    while more and len(found) <= most_packets and size <= most_bytes:
        key = keys.packets(stream.camera, stream.role)
        entries = await redis.xrange(key, min=start or "-", count=_CHUNK)
        part = [parse(stream, entry_id, fields) for entry_id, fields in entries]
        found += part
        size += sum(len(one.packet.data) for one in part)
        more = len(part) == _CHUNK
        start = f"({found[-1].entry_id}" if found else None
    return found


async def newest_packet(redis: Redis, stream: StreamKey) -> str | None:
    """Return the id of the newest packet, or None where there is none."""
    newest = await redis.xrevrange(keys.packets(stream.camera, stream.role), count=1)
    return newest[0][0].decode() if newest else None


def parse(stream: StreamKey, entry_id: bytes, fields: Mapping[bytes, bytes]) -> BusPacket:
    """Build a packet from a stream entry; raises KeyError or ValueError where it is none."""
    packet = Packet(
        epoch_ms=int(fields[b"e"]),
        pts=int(fields[b"p"]),
        captured_ns=int(fields[b"c"]),
        keyframe=fields[b"k"] == b"1",
        data=fields[b"d"],
    )
    return BusPacket(stream, entry_id.decode(), packet)


def order(entry_id: str) -> tuple[int, int]:
    """Return a stream id as a pair that compares as the server compares it."""
    milliseconds, _, sequence = entry_id.partition("-")
    return int(milliseconds), int(sequence or 0)
