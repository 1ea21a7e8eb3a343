"""Knows how RTP packets become NAL units and whole pictures (RFC 6184, RFC 7798).

Does not know what is in a picture, nor what becomes of it.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Final, Protocol

from engine.bitstream import NAL_TYPE, SLICES
from engine.packets import Codec
from streams.cameras.rtp import RtpPacket

MAX_UNIT_BYTES: Final = 8 * 1024 * 1024
MAX_UNIT_NALS: Final = 1024


@dataclass(frozen=True, slots=True)
class RawUnit:
    """The NAL units (or the one JPEG) of one picture; damaged: something before it is missing."""

    rtp_time: int
    nals: tuple[bytes, ...]
    damaged: bool


@dataclass(frozen=True, slots=True)
class Pieces:
    """Whole NAL units of one RTP payload."""

    nals: tuple[bytes, ...]


@dataclass(frozen=True, slots=True)
class Fragment:
    """A part of one NAL unit; the first one begins with the rebuilt NAL header."""

    first: bool
    last: bool
    data: bytes


class Depacketiser(Protocol):
    """Takes packets in order and gives pictures as soon as they are whole."""

    def add(self, packet: RtpPacket) -> list[RawUnit]:
        """Return the pictures that this packet made whole."""
        ...


def unpack_h264(payload: bytes) -> Pieces | Fragment | None:
    """Return what one payload holds (RFC 6184 5.6 to 5.8); None: nothing that we know."""
    kind = payload[0] & 0x1F
    if 1 <= kind <= 23:
        return Pieces((payload,))
    if kind == 24:
        return _aggregate(payload, 1)
    if kind == 28 and len(payload) > 2:
        first, last = bool(payload[1] & 0x80), bool(payload[1] & 0x40)
        header = bytes([payload[0] & 0xE0 | payload[1] & 0x1F]) if first else b""
        return Fragment(first, last, header + payload[2:])
    return None


def unpack_h265(payload: bytes) -> Pieces | Fragment | None:
    """Return what one payload holds (RFC 7798 4.4); None: nothing that we know."""
    if len(payload) < 3:
        return None
    kind = payload[0] >> 1 & 0x3F
    if kind < 48:
        return Pieces((payload,))
    if kind == 48:
        return _aggregate(payload, 2)
    if kind == 49 and len(payload) > 3:
        first, last = bool(payload[2] & 0x80), bool(payload[2] & 0x40)
        header = bytes([payload[0] & 0x81 | (payload[2] & 0x3F) << 1, payload[1]])
        return Fragment(first, last, (header if first else b"") + payload[3:])
    return None


def _aggregate(payload: bytes, at: int) -> Pieces | None:
    nals = []
    while at + 2 <= len(payload):
        end = at + 2 + int.from_bytes(payload[at : at + 2], "big")
        if end > len(payload) or end == at + 2:
            return None
        nals.append(payload[at + 2 : end])
        at = end
    return Pieces(tuple(nals))


_UNPACK: Final[Mapping[Codec, Callable[[bytes], Pieces | Fragment | None]]] = {
    Codec.H264: unpack_h264,
    Codec.H265: unpack_h265,
}


class NalDepacketiser:
    """Joins packets into pictures: whole at the marker, or at the next picture's first packet.

    A picture is bounded in bytes and NAL units; what is over the bound, or misses a packet, comes
    out damaged. Cameras that set the marker on parameter sets too are waited for.
    """

    def __init__(self, codec: Codec, max_unit_bytes: int = MAX_UNIT_BYTES) -> None:
        self._unpack = _UNPACK[codec]
        self._type_of, self._slices = NAL_TYPE[codec], SLICES[codec]
        self._max_unit_bytes = max_unit_bytes
        self._sequence: int | None = None
        self._rtp_time: int | None = None
        self._begin()

    def _begin(self) -> None:
        self._nals: list[bytes] = []
        self._fragments: list[bytes] = []
        self._bytes = 0
        self._sliced = self._damaged = False

    def add(self, packet: RtpPacket) -> list[RawUnit]:
        """Return the pictures that this packet made whole, at most two."""
        units: list[RawUnit] = []
        gap = self._sequence is not None and packet.sequence != (self._sequence + 1) & 0xFFFF
        self._sequence = packet.sequence
        if self._rtp_time is not None and packet.rtp_time != self._rtp_time:
            self._damaged |= gap  # whichever of the two lost it, neither can be trusted
            units += self._finish()
        self._rtp_time = packet.rtp_time
        self._damaged |= gap
        if packet.payload:
            self._take(packet.payload)
        if packet.marker and (self._sliced or self._damaged):
            units += self._finish()
        return units

    def _take(self, payload: bytes) -> None:
        self._bytes += len(payload)
        over = self._bytes > self._max_unit_bytes or len(self._nals) > MAX_UNIT_NALS
        part = None if over else self._unpack(payload)
        match part:
            case Pieces(nals):
                self._damaged |= bool(self._fragments)
                self._fragments = []
                self._append(nals)
            case Fragment():
                self._continue(part)
            case None:
                self._damaged = True
                if over:
                    self._nals, self._fragments = [], []

    def _continue(self, part: Fragment) -> None:
        if part.first == bool(self._fragments):
            self._damaged = True  # a first one too many, or a later one without its first
            self._fragments = []
            if not part.first:
                return
        self._fragments.append(part.data)
        if part.last:
            self._append((b"".join(self._fragments),))
            self._fragments = []

    def _append(self, nals: tuple[bytes, ...]) -> None:
        self._nals.extend(nals)
        self._sliced |= any(self._type_of(nal) in self._slices for nal in nals)

    def _finish(self) -> list[RawUnit]:
        damaged = self._damaged or bool(self._fragments)
        whole = RawUnit(self._rtp_time or 0, tuple(self._nals), damaged)
        self._begin()
        self._rtp_time = None
        return [whole] if whole.nals or damaged else []
