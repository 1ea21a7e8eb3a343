"""Knows the heads of RTP and RTCP packets (RFC 3550 5.1, 6.4). Does not know their payloads."""

import struct
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Final

from engine.clock import SenderReport, ntp_to_utc_ns

_SENDER_REPORT: Final = 200
_RECEIVER_REPORT: Final = 201
_BYE: Final = 203


@dataclass(frozen=True, slots=True)
class RtpPacket:
    """One RTP packet; rtp_time in the track's clock, uint32."""

    payload_type: int
    marker: bool
    sequence: int
    rtp_time: int
    ssrc: int
    payload: bytes


@dataclass(frozen=True, slots=True)
class Bye:
    """The sender says that it ends."""

    ssrc: int


def parse_rtp(data: bytes) -> RtpPacket | None:
    """Return the packet, or None where it is none."""
    if len(data) < 12 or data[0] >> 6 != 2:
        return None
    sequence, rtp_time, ssrc = struct.unpack_from("!HII", data, 2)
    start, end = 12 + 4 * (data[0] & 0x0F), len(data)
    if data[0] & 0x10:
        if end < start + 4:
            return None
        start += 4 + 4 * int.from_bytes(data[start + 2 : start + 4], "big")
    if data[0] & 0x20:
        end -= data[-1] or len(data)
    if end < start:
        return None
    return RtpPacket(
        data[1] & 0x7F, bool(data[1] & 0x80), sequence, rtp_time, ssrc, data[start:end]
    )


def parse_rtcp(data: bytes) -> Iterator[SenderReport | Bye]:
    """Yield what a compound packet says of its sender; stops at the first broken part."""
    at = 0
    while len(data) - at >= 8 and data[at] >> 6 == 2:
        kind = data[at + 1]
        length = 4 + 4 * int.from_bytes(data[at + 2 : at + 4], "big")
        if kind == _SENDER_REPORT and length >= 28 and len(data) - at >= 28:
            seconds, fraction, rtp_time = struct.unpack_from("!III", data, at + 8)
            if seconds:  # a sender without a clock puts zero (RFC 3550 6.4.1)
                yield SenderReport(rtp_time, ntp_to_utc_ns(seconds, fraction))
        elif kind == _BYE:
            yield Bye(int.from_bytes(data[at + 4 : at + 8], "big"))
        at += length


def receiver_report(our_ssrc: int) -> bytes:
    """Return an empty receiver report: a sign of life that cameras look for."""
    return struct.pack("!BBHI", 0x80, _RECEIVER_REPORT, 1, our_ssrc)
