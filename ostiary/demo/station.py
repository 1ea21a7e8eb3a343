"""Knows the pace of one stream: which picture is due, who gets it. Does not know RTSP."""

import asyncio
import json
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Final

from ostiary.demo.clip import TICKS_HZ, Clip, Picture
from ostiary.demo.playout import Outgoing, Playout
from ostiary.demo.rtp import NAL_IDR, nal_type, packetise
from ostiary.demo.stamp import Stamp, stamp_nal

LATE_S: Final = 1.0
SEND_LOG_BYTES: Final = 64 * 2**20


@dataclass(frozen=True, slots=True)
class Sent:
    """One line of the send log: when a picture left, and which one it was.

    rtp: its RTP time modulo 2^32 (faults that shift it are not seen here).
    due_ns, sent_ns: UTC; the sender reports' line, and the clock as the picture was handed over.
    """

    stream: str
    index: int
    loop: int
    rtp: int
    due_ns: int
    sent_ns: int
    clients: int


@dataclass(slots=True)
class SendLog:
    """A file of JSON lines; at SEND_LOG_BYTES it becomes `NAME.1` and begins anew."""

    path: Path
    _bytes: int = 0

    def __post_init__(self) -> None:
        """Go on in a file that is already there."""
        self._bytes = self.path.stat().st_size if self.path.exists() else 0

    def __call__(self, sent: Sent) -> None:
        """Append one line."""
        line = json.dumps({name: getattr(sent, name) for name in Sent.__slots__}) + "\n"
        if self._bytes + len(line) > SEND_LOG_BYTES:
            self.path.replace(self.path.with_name(self.path.name + ".1"))
            self._bytes = 0
        with self.path.open("a") as file:
            file.write(line)
        self._bytes += len(line)


@dataclass(frozen=True, slots=True)
class Origin:
    """The instant at which picture 0 of every stream is due, on both clocks."""

    loop_s: float  # the event loop's clock
    wall_ns: int


@dataclass(slots=True)
class Station:
    """One stream, played endlessly in real time, shared by all its clients.

    phase_ticks: how much later than the origin it begins.
    skipped: pictures left out because the process was held up for more than LATE_S.
    """

    name: str
    clip: Clip
    path: Path
    phase_ticks: int = 0
    first_rtp_time: int = 0
    stamped: bool = True
    clients: set[Playout] = field(default_factory=set)
    skipped: int = 0
    _number: int = 0

    async def play(self, origin: Origin, note: Callable[[Sent], None]) -> None:
        """Send every picture when it is due, for ever."""
        clock = asyncio.get_running_loop()
        while True:
            loop, index = divmod(self._number, len(self.clip.pictures))
            picture = self.clip.pictures[index]
            start_ticks = self.phase_ticks + loop * self.clip.length_ticks
            wait_s = origin.loop_s + (start_ticks + picture.dts) / TICKS_HZ - clock.time()
            if wait_s > 0:
                await asyncio.sleep(wait_s)
            elif wait_s < -LATE_S:
                self._skip()
                continue
            due_ns = origin.wall_ns + (start_ticks + picture.pts) * 1_000_000_000 // TICKS_HZ
            self._send(picture, Stamp(self.name, index, loop, due_ns), note)
            self._number += 1
            if wait_s <= 0:
                await asyncio.sleep(0)

    def _skip(self) -> None:
        """Go on at the next keyframe; time stamps stay on the line."""
        while True:
            self._number += 1
            self.skipped += 1
            if self.clip.pictures[self._number % len(self.clip.pictures)].keyframe:
                return

    def _send(self, picture: Picture, stamp: Stamp, note: Callable[[Sent], None]) -> None:
        if not self.clients:
            return
        nals = _stamped(picture.nals, stamp) if self.stamped else picture.nals
        ticks = stamp.loop * self.clip.length_ticks + self.phase_ticks + picture.pts
        rtp_time = self.first_rtp_time + ticks
        outgoing = Outgoing(
            nals, packetise(nals), self._number, rtp_time, stamp.due_ns, picture.keyframe
        )
        sent_ns = time.time_ns()
        for client in tuple(self.clients):
            client.send(outgoing)
        self.clients = {client for client in self.clients if client.ended_because is None}
        rtp = rtp_time & 0xFFFFFFFF
        due = (stamp.due_ns, sent_ns)
        note(Sent(self.name, stamp.index, stamp.loop, rtp, *due, len(self.clients)))


def _stamped(nals: tuple[bytes, ...], stamp: Stamp) -> tuple[bytes, ...]:
    """Put the stamp before the first slice, where SEI belongs (H.264, 7.4.1.2.3)."""
    place = next(at for at, nal in enumerate(nals) if 1 <= nal_type(nal) <= NAL_IDR)
    return (*nals[:place], stamp_nal(stamp), *nals[place:])
