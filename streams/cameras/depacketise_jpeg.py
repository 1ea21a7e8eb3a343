"""Knows how RTP packets become JPEG pictures (RFC 2435). Does not know the other codecs.

RFC 2435 leaves a JPEG's headers out and sends two numbers instead; they are written back here,
with the standard's own tables (RFC 2435 appendix A and B, ITU-T T.81 K.1 and K.3).
"""

import struct
from typing import Final

from streams.cameras.depacketise import MAX_UNIT_BYTES, RawUnit
from streams.cameras.rtp import RtpPacket

_LUMA_Q: Final = bytes.fromhex(
    "100b0c0e0c0a100e0d0e1211101318281a181616183123251d283a333d3c3933"
    "383740485c4e404457453738506d51575f626768673e4d71797064785c656763"
)
_CHROMA_Q: Final = bytes.fromhex(
    "111212181518 2f1a1a2f634238426363636363636363636363636363636363".replace(" ", "") + "63" * 33
)
_DC_LUMA: Final = bytes.fromhex("00010501010101010100000000000000000102030405060708090a0b")
_DC_CHROMA: Final = bytes.fromhex("00030101010101010101010000000000000102030405060708090a0b")
_AC_LUMA: Final = bytes.fromhex(
    "0002010303020403050504040000017d"
    "01020300041105122131410613516107227114328191a1082342b1c11552d1f0"
    "24336272820 90a161718191a25262728292a3435363738393a43444546474849"
    "4a535455565758595a636465666768696a737475767778797a83848586878889"
    "8a92939495969798999aa2a3a4a5a6a7a8a9aab2b3b4b5b6b7b8b9bac2c3c4c5"
    "c6c7c8c9cad2d3d4d5d6d7d8d9dae1e2e3e4e5e6e7e8e9eaf1f2f3f4f5f6f7f8"
    "f9fa".replace(" ", "")
)
_AC_CHROMA: Final = bytes.fromhex(
    "00020102040403040705040400010277"
    "0001020311040521310612415107617113223281081442 91a1b1c109233352f0"
    "156272d10a162434e125f11718191a262728292a35363738393a434445464748"
    "494a535455565758595a636465666768696a737475767778797a828384858687"
    "88898a92939495969798999aa2a3a4a5a6a7a8a9aab2b3b4b5b6b7b8b9bac2c3"
    "c4c5c6c7c8c9cad2d3d4d5d6d7d8d9dae2e3e4e5e6e7e8e9eaf2f3f4f5f6f7f8"
    "f9fa".replace(" ", "")
)
_HUFFMAN: Final = ((0x00, _DC_LUMA), (0x10, _AC_LUMA), (0x01, _DC_CHROMA), (0x11, _AC_CHROMA))


def _quantisation(quality: int) -> bytes:
    """Return both tables for a quality of 1 to 99 (RFC 2435 4.2)."""
    factor = 5000 // quality if quality < 50 else 200 - quality * 2
    return bytes(min(max((value * factor + 50) // 100, 1), 255) for value in _LUMA_Q + _CHROMA_Q)


def _segment(marker: int, body: bytes) -> bytes:
    return struct.pack("!BBH", 0xFF, marker, len(body) + 2) + body


def jpeg_head(kind: int, width_px: int, height_px: int, tables: bytes, restart: int) -> bytes:
    """Return a JPEG's bytes up to the scan's data; kind 0: 4:2:2, 1: 4:2:0."""
    luma_sampling = 0x21 if kind & 1 == 0 else 0x22
    half = len(tables) // 2
    frame = struct.pack("!BHHB", 8, height_px, width_px, 3)
    frame += bytes((1, luma_sampling, 0, 2, 0x11, 1, 3, 0x11, 1))
    parts = [b"\xff\xd8", _segment(0xDB, b"\0" + tables[:half])]
    parts.append(_segment(0xDB, b"\1" + tables[half:]))
    if restart:
        parts.append(_segment(0xDD, struct.pack("!H", restart)))
    parts.append(_segment(0xC0, frame))
    parts += [_segment(0xC4, bytes((index,)) + table) for index, table in _HUFFMAN]
    parts.append(_segment(0xDA, bytes((3, 1, 0x00, 2, 0x11, 3, 0x11, 0, 63, 0))))
    return b"".join(parts)


class JpegDepacketiser:
    """Joins packets into JPEG pictures; every one is a keyframe, so a damaged one harms none."""

    def __init__(self, max_unit_bytes: int = MAX_UNIT_BYTES) -> None:
        self._max_unit_bytes = max_unit_bytes
        self._tables: dict[int, bytes] = {}
        self._rtp_time: int | None = None
        self._parts: list[bytes] = []
        self._bytes = 0

    def add(self, packet: RtpPacket) -> list[RawUnit]:
        """Return the picture that this packet completed; one with a hole is left out."""
        payload = packet.payload
        if len(payload) < 8:
            return []
        offset = int.from_bytes(payload[1:4], "big")
        if offset == 0:
            self._parts, self._bytes, self._rtp_time = [], 0, packet.rtp_time
            scan = self._begin(payload)
        else:
            scan = payload[12 if payload[4] & 0x40 else 8 :]
        if packet.rtp_time != self._rtp_time or scan is None or offset != self._bytes:
            self._rtp_time = None
            return []
        self._parts.append(scan)
        self._bytes += len(scan)
        if self._bytes > self._max_unit_bytes:
            self._rtp_time = None
            return []
        if not packet.marker:
            return []
        self._rtp_time = None
        return [RawUnit(packet.rtp_time, (b"".join([*self._parts, b"\xff\xd9"]),), False)]

    def _begin(self, payload: bytes) -> bytes | None:
        """Write the headers of a picture; return its first scan bytes, or None."""
        kind, quality, width, height = payload[4], payload[5], payload[6] * 8, payload[7] * 8
        at, restart = 8, 0
        if kind & 0x40:
            restart, at = int.from_bytes(payload[8:10], "big"), 12
        if kind & 0x3F > 1 or not width or not height or quality in (0, *range(100, 128)):
            return None
        if quality < 128:
            tables = _quantisation(quality)
        else:
            length = int.from_bytes(payload[at + 2 : at + 4], "big")
            given = payload[at + 4 : at + 4 + length]
            at += 4 + length
            if length:
                self._tables[quality] = given
            tables = self._tables.get(quality, b"")
            if len(tables) != 128:
                return None
        self._parts.append(jpeg_head(kind, width, height, tables, restart))
        return payload[at:]
