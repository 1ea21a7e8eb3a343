"""Knows how one client gets its pictures: over which wire, with which fault. Does not know RTSP."""

import asyncio
import random
import secrets
import socket
import struct
from dataclasses import dataclass, field
from typing import Final, Protocol

from ostiary.demo.clip import Clip
from ostiary.demo.faults import Action, Fault, FaultKind
from ostiary.demo.rtp import (
    NAL_PPS,
    NAL_SPS,
    RtpSender,
    interleaved,
    nal_type,
    packetise,
)

BACKLOG_BYTES: Final = 2 * 2**20  # what may wait for a slow client: some 8 s at 2 Mbit/s
REPORT_EVERY_NS: Final = 5_000_000_000
_DRIP_BYTES: Final = 80  # a picture's time; 2,000 bytes a second at 25/s


@dataclass(frozen=True, slots=True)
class Outgoing:
    """One picture on its way to every client of a stream.

    number: counts the stream's pictures since the server's start.
    rtp_time: before the wrap at 2^32. due_ns: UTC on the line of the sender reports.
    """

    nals: tuple[bytes, ...]
    payloads: list[bytes]
    number: int
    rtp_time: int
    due_ns: int
    keyframe: bool


class Wire(Protocol):
    """Where a client's packets go."""

    def media(self, packets: list[bytes]) -> None:
        """Send RTP packets, or queue them without blocking."""

    def control(self, packet: bytes) -> None:
        """Send one RTCP packet."""

    def backlog_bytes(self) -> int:
        """Return what waits to be sent."""


@dataclass(frozen=True, slots=True)
class TcpWire:
    """Packets interleaved with the RTSP connection."""

    transport: asyncio.WriteTransport
    channels: tuple[int, int]

    def media(self, packets: list[bytes]) -> None:
        """Send a picture's packets in one write."""
        self.transport.write(b"".join(interleaved(self.channels[0], one) for one in packets))

    def control(self, packet: bytes) -> None:
        """Send one RTCP packet."""
        self.transport.write(interleaved(self.channels[1], packet))

    def backlog_bytes(self) -> int:
        """Return what the kernel has not yet taken."""
        return self.transport.get_write_buffer_size()


@dataclass(frozen=True, slots=True)
class UdpWire:
    """Packets in datagrams from the server's two ports to the client's."""

    media_socket: asyncio.DatagramTransport
    control_socket: asyncio.DatagramTransport
    host: str
    ports: tuple[int, int]

    def media(self, packets: list[bytes]) -> None:
        """Send a picture's packets, one datagram each."""
        for packet in packets:
            self.media_socket.sendto(packet, (self.host, self.ports[0]))

    def control(self, packet: bytes) -> None:
        """Send one RTCP packet."""
        self.control_socket.sendto(packet, (self.host, self.ports[1]))

    def backlog_bytes(self) -> int:
        """Return nothing: the socket is shared, and datagrams that do not fit are lost."""
        return 0


@dataclass(slots=True, eq=False)
class Playout:
    """One client's run through the stream, from the first keyframe after PLAY."""

    wire: Wire
    connection: asyncio.WriteTransport
    fault: Fault | None
    resized: Clip | None
    period_ticks: int
    sender: RtpSender = field(
        default_factory=lambda: RtpSender(secrets.randbits(32), secrets.randbits(16))
    )
    sent: int = 0
    ended_because: str | None = None
    _first_rtp_time: int | None = None
    _reported_ns: int = 0
    _resized_from: int | None = None
    _drip: bytearray = field(default_factory=bytearray)

    def send(self, picture: Outgoing) -> None:
        """Give the client this picture, as its fault wants it; never blocks.

        A client with more than BACKLOG_BYTES outstanding is cut off.
        """
        if self.ended_because is not None:
            return
        if self._first_rtp_time is None:
            if not picture.keyframe:
                return
            self._first_rtp_time = picture.rtp_time
        if self.wire.backlog_bytes() > BACKLOG_BYTES:
            self._end("too slow", reset=True)
            return
        action = Action.SEND if self.fault is None else self.fault.action(self.sent)
        rtp_time = self._rtp_time(picture)
        if action in (Action.SEND, Action.RESIZED, Action.GARBAGE):
            self._report(rtp_time, picture.due_ns)
            self.wire.media(self._packets(picture, rtp_time, action))
            self.sent += 1
        else:
            self._misbehave(picture, rtp_time, action)

    def finish(self) -> None:
        """Say goodbye (RTCP BYE) and send no more."""
        if self.ended_because is None:
            self.ended_because = "teardown"
            self.wire.control(self.sender.goodbye())

    def _end(self, reason: str, reset: bool) -> None:
        self.ended_because = reason
        if not reset:
            self.connection.close()
            return
        raw = self.connection.get_extra_info("socket")
        if raw is not None:  # lingering for 0 s makes the kernel send RST
            raw.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
        self.connection.abort()

    def _rtp_time(self, picture: Outgoing) -> int:
        shift = 0
        if self.fault is not None and self._first_rtp_time is not None:
            shift = self.fault.rtp_shift(self._first_rtp_time, self.period_ticks, self.sent)
        return (picture.rtp_time + shift) & 0xFFFFFFFF

    def _report(self, rtp_time: int, due_ns: int) -> None:
        if due_ns - self._reported_ns < REPORT_EVERY_NS:
            return
        if self.fault is not None and self.fault.kind is FaultKind.NO_REPORTS:
            return
        self._reported_ns = due_ns
        ahead_ns = 0 if self.fault is None else self.fault.reports_ahead_s() * 1_000_000_000
        self.wire.control(self.sender.report(rtp_time, due_ns + ahead_ns))

    def _packets(self, picture: Outgoing, rtp_time: int, action: Action) -> list[bytes]:
        payloads = picture.payloads
        if action is Action.RESIZED:
            payloads = packetise(self._resized_nals(picture))
        elif action is Action.GARBAGE:
            payloads = packetise(_garbled(picture.nals, self.sent))
        elif self.fault is not None and self.fault.kind is FaultKind.NO_PARAMETERS:
            kept = (nal for nal in picture.nals if nal_type(nal) not in (NAL_SPS, NAL_PPS))
            payloads = packetise(kept)
        packets = self.sender.packets_of(payloads, rtp_time)
        if self.fault is not None and self.fault.kind is FaultKind.LOSS:
            end = self.sender.sequence
            numbers = range(end - len(packets), end)
            pairs = zip(numbers, packets, strict=True)
            packets = [one for number, one in pairs if number % max(2, self.fault.value)]
        return packets

    def _resized_nals(self, picture: Outgoing) -> tuple[bytes, ...]:
        if self._resized_from is None and picture.keyframe:
            self._resized_from = picture.number
        if self._resized_from is None or self.resized is None:
            return picture.nals
        pictures = self.resized.pictures
        return pictures[(picture.number - self._resized_from) % len(pictures)].nals

    def _misbehave(self, picture: Outgoing, rtp_time: int, action: Action) -> None:
        match action:
            case Action.CLOSE:
                self._end("fault", reset=False)
            case Action.RESET:
                self._end("fault", reset=True)
            case Action.HALF:
                packets = self._packets(picture, rtp_time, action)
                whole = b"".join(interleaved(0, packet) for packet in packets)
                self.connection.write(whole[: len(whole) // 2])
                self._end("fault", reset=False)
            case Action.DRIP:
                if not self._drip:
                    packets = self._packets(picture, rtp_time, action)
                    self._drip += b"".join(interleaved(0, packet) for packet in packets)
                self.connection.write(bytes(self._drip[:_DRIP_BYTES]))
                del self._drip[:_DRIP_BYTES]
            case _:
                return


def _garbled(nals: tuple[bytes, ...], seed: int) -> list[bytes]:
    """Return the same units with random bytes after the first; parameter sets stay whole."""
    noise = random.Random(seed)  # noqa: S311  reproducible nonsense, no secret
    kept = (NAL_SPS, NAL_PPS)
    return [
        nal if nal_type(nal) in kept else nal[:1] + noise.randbytes(len(nal) - 1) for nal in nals
    ]
