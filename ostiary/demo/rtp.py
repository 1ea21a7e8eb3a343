"""Knows how H.264 travels in RTP and what a sender report says. Does not know sockets or clocks.

RFC 3550 (RTP, RTCP), RFC 6184 (H.264 payload: single NAL unit, STAP-A, FU-A).
"""

import re
import struct
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from typing import Final

PAYLOAD_TYPE: Final = 96
MAX_PAYLOAD: Final = 1400  # bytes: an Ethernet frame less IP, UDP and RTP headers, rounded down
NAL_IDR, NAL_SEI, NAL_SPS, NAL_PPS, NAL_AUD = 5, 6, 7, 8, 9
_STAP_A, _FU_A = 24, 28
_NTP_EPOCH_S: Final = 2_208_988_800  # from 1900 to 1970
_START_CODE = re.compile(b"\x00\x00\x01")


def nal_type(nal: bytes) -> int:
    """Return the type of one NAL unit without its start code (RFC 6184, 1.3)."""
    return nal[0] & 0x1F


def split_nals(annexb: bytes) -> list[bytes]:
    """Cut an Annex B byte stream into NAL units without start codes."""
    starts = [match.end() for match in _START_CODE.finditer(annexb)]
    ends = [start - 3 for start in starts[1:]] + [len(annexb)]
    # Zeros before a start code belong to it, never to the unit: a unit ends in a stop bit.
    units = (annexb[start:end].rstrip(b"\x00") for start, end in zip(starts, ends, strict=True))
    return [unit for unit in units if unit]


def join_nals(nals: Iterable[bytes]) -> bytes:
    """Return NAL units as an Annex B byte stream."""
    return b"".join(b"\x00\x00\x00\x01" + nal for nal in nals)


def _fragments(nal: bytes, limit: int) -> Iterator[bytes]:
    indicator = bytes([nal[0] & 0xE0 | _FU_A])
    body, room = nal[1:], limit - 2
    for offset in range(0, len(body), room):
        first, last = offset == 0, offset + room >= len(body)
        header = bytes([first << 7 | last << 6 | nal_type(nal)])
        yield indicator + header + body[offset : offset + room]


def _aggregated(nals: list[bytes]) -> bytes:
    importance = max(nal[0] & 0x60 for nal in nals)
    return bytes([importance | _STAP_A]) + b"".join(
        struct.pack("!H", len(nal)) + nal for nal in nals
    )


def packetise(nals: Iterable[bytes], limit: int = MAX_PAYLOAD) -> list[bytes]:
    """Return the RTP payloads of one access unit, none above `limit` bytes (RFC 6184, 5.6-5.8).

    Neighbouring parameter sets share one STAP-A; a unit above the limit becomes FU-A.
    """
    if limit < 8:
        raise ValueError(f"a payload of {limit} bytes cannot carry a fragment")
    payloads: list[bytes] = []
    sets: list[bytes] = []
    for nal in [*nals, b""]:
        if nal and nal_type(nal) in (NAL_SPS, NAL_PPS):
            sets.append(nal)
            continue
        if len(sets) > 1 and len(aggregate := _aggregated(sets)) <= limit:
            payloads.append(aggregate)
        else:
            for single in sets:
                payloads += [single] if len(single) <= limit else _fragments(single, limit)
        sets = []
        if nal:
            payloads += [nal] if len(nal) <= limit else _fragments(nal, limit)
    return payloads


@dataclass(slots=True)
class RtpSender:
    """One RTP source: its sequence numbers and what its reports count."""

    ssrc: int
    sequence: int
    packets: int = 0
    octets: int = 0

    def packets_of(self, payloads: list[bytes], rtp_time: int) -> list[bytes]:
        """Return the RTP packets of one picture; the last carries the marker (RFC 3550, 5.1)."""
        made = []
        for number, payload in enumerate(payloads, start=1):
            marker = 0x80 if number == len(payloads) else 0
            header = struct.pack(
                "!BBHII", 0x80, marker | PAYLOAD_TYPE, self.sequence, rtp_time, self.ssrc
            )
            made.append(header + payload)
            self.sequence = (self.sequence + 1) & 0xFFFF
            self.octets = (self.octets + len(payload)) & 0xFFFFFFFF
        self.packets = (self.packets + len(payloads)) & 0xFFFFFFFF
        return made

    def report(self, rtp_time: int, wall_ns: int) -> bytes:
        """Return a compound packet: sender report and CNAME (RFC 3550, 6.4.1, 6.5.1)."""
        seconds, rest_ns = divmod(wall_ns, 1_000_000_000)
        report = struct.pack(
            "!BBHIIIIII",
            *(0x80, 200, 6, self.ssrc),
            (seconds + _NTP_EPOCH_S) & 0xFFFFFFFF,
            (rest_ns << 32) // 1_000_000_000,
            *(rtp_time, self.packets, self.octets),
        )
        name = b"ostiary-demo"
        item = bytes([1, len(name)]) + name
        chunk = struct.pack("!I", self.ssrc) + item + b"\x00" * (4 - len(item) % 4)
        return report + struct.pack("!BBH", 0x81, 202, len(chunk) // 4) + chunk

    def goodbye(self) -> bytes:
        """Return a BYE packet (RFC 3550, 6.6)."""
        return struct.pack("!BBHI", 0x81, 203, 1, self.ssrc)


def interleaved(channel: int, packet: bytes) -> bytes:
    """Frame one RTP or RTCP packet for the RTSP connection (RFC 2326, 10.12)."""
    return struct.pack("!cBH", b"$", channel, len(packet)) + packet
