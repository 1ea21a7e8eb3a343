"""Finds out when the picture behind an observation or an alert was sent by the demo's server."""

import json
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from redis.asyncio import Redis

from engine.observations import Observation
from engine.packets import Role, entry_ms
from ostiary.demo.stamp import read_stamp
from streams.bus import observations
from streams.bus.observations import SeenObservation
from streams.bus.packets import StreamKey, kept_group

MODULUS = 2**32


@dataclass(slots=True)
class SendTimes:
    """The server's log: (stream, RTP time) → when it was sent, and which picture it was."""

    path: Path
    sent_ns: dict[tuple[str, int], int] = field(default_factory=dict)
    index: dict[tuple[str, int], int] = field(default_factory=dict)
    rtp: dict[tuple[str, int, int], int] = field(default_factory=dict)
    _read: int = 0

    def load(self) -> None:
        """Read what was appended since the last call."""
        with self.path.open() as file:
            file.seek(self._read)
            for line in file:
                if not line.endswith("\n"):
                    break
                self._read += len(line)
                self._add(json.loads(line))

    def _add(self, line: dict[str, Any]) -> None:
        key = line["stream"], line["rtp"]
        self.sent_ns[key] = line["sent_ns"]
        self.index[key] = line["index"]
        self.rtp[line["stream"], line["index"], line["loop"]] = line["rtp"]


@dataclass(frozen=True, slots=True)
class Anchor:
    """One picture of an epoch whose RTP time is known; all others follow by their pts."""

    stream: str
    pts: int
    rtp: int

    def key(self, pts: int) -> tuple[str, int]:
        """Return the send log's key of the picture with this pts."""
        return self.stream, (self.rtp + pts - self.pts) % MODULUS


@dataclass(slots=True)
class Timeline:
    """Collects observations and knows when each one's picture was sent."""

    bus: Redis
    times: SendTimes
    cursors: dict[str, str]
    seen: list[SeenObservation] = field(default_factory=list)
    _anchors: dict[tuple[str, Role, int], Anchor] = field(default_factory=dict)

    async def collect(self) -> None:
        """Read once, and learn the anchor of each new epoch."""
        for one in await observations.read(self.bus, self.cursors):
            self.cursors[one.observation.camera] = one.entry_id
            self.seen.append(one)
            await self._learn(one.observation)

    async def _learn(self, seen: Observation) -> None:
        key = seen.camera, seen.role, seen.epoch_ms
        if key in self._anchors:
            return
        self.times.load()
        for packet in await kept_group(self.bus, StreamKey(seen.camera, seen.role)):
            stamp = read_stamp(packet.packet.data)
            if stamp is None or packet.packet.epoch_ms != seen.epoch_ms:
                continue
            rtp = self.times.rtp.get((stamp.stream, stamp.index, stamp.loop))
            if rtp is not None:
                self._anchors[key] = Anchor(stamp.stream, packet.packet.pts, rtp)
                return

    def key(self, seen: Observation) -> tuple[str, int] | None:
        """Return the send log's key of an observation's picture."""
        anchor = self._anchors.get((seen.camera, seen.role, seen.epoch_ms))
        return anchor.key(seen.pts) if anchor else None

    def latencies_ms(self) -> dict[str, list[float]]:
        """Return for each camera the times from sending to the observation's arrival."""
        self.times.load()
        found: dict[str, list[float]] = {}
        for one in self.seen:
            key = self.key(one.observation)
            if key is not None and key in self.times.sent_ns:
                took_ms = entry_ms(one.entry_id) - self.times.sent_ns[key] / 1e6
                found.setdefault(one.observation.camera, []).append(took_ms)
        return found

    def picture_at(self, camera: str, captured_ms: int) -> Observation | None:
        """Return the observation of the picture that an alert names by its time."""
        for one in reversed(self.seen):
            seen = one.observation
            if seen.camera == camera and abs(seen.captured_ns // 1_000_000 - captured_ms) <= 1:
                return seen
        return None
