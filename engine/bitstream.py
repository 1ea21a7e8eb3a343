"""Knows the outside of compressed pictures: NAL units, parameter sets, sizes, keyframes.

Does not know how they arrived, and decodes no picture.
"""

import itertools
import re
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, replace

from engine.packets import Codec

START_CODE = b"\x00\x00\x00\x01"
_ANY_START_CODE = re.compile(rb"\x00\x00\x01")
_H264_WITH_CHROMA = frozenset({100, 110, 122, 244, 44, 83, 86, 118, 128, 138, 139, 134, 135})
_MAX_SIDE_PX = 16_384


class BadBitstream(ValueError):
    """The bytes are not what the codec's standard says; the text holds no payload."""


@dataclass(frozen=True, slots=True)
class PictureSize:
    """Width and height of the shown picture, after cropping."""

    width_px: int
    height_px: int


class NalKind:
    """NAL unit types that ingest must tell apart (ITU-T H.264 table 7-1, H.265 table 7-1)."""

    H264_IDR = 5
    H264_SPS = 7
    H264_PPS = 8
    H264_DROPPED = frozenset({9, 12})  # access unit delimiter, filler
    H264_SLICES = frozenset(range(1, 6))
    H265_VPS = 32
    H265_SPS = 33
    H265_PPS = 34
    H265_DROPPED = frozenset({35, 38})
    H265_SLICES = frozenset(range(32))
    H265_IRAP = frozenset(range(16, 24))


def h264_type(nal: bytes) -> int:
    """Return a NAL unit's type, 0 for an empty one."""
    return nal[0] & 0x1F if nal else 0


def h265_type(nal: bytes) -> int:
    """Return a NAL unit's type; an empty one counts as unspecified (63)."""
    return (nal[0] >> 1) & 0x3F if nal else 63


NAL_TYPE: dict[Codec, Callable[[bytes], int]] = {Codec.H264: h264_type, Codec.H265: h265_type}
SLICES = {Codec.H264: NalKind.H264_SLICES, Codec.H265: NalKind.H265_SLICES}
_DROPPED = {Codec.H264: NalKind.H264_DROPPED, Codec.H265: NalKind.H265_DROPPED}
_RANDOM_ACCESS = {Codec.H264: frozenset({NalKind.H264_IDR}), Codec.H265: NalKind.H265_IRAP}
_PARAMETER_TYPES = {
    Codec.H264: (NalKind.H264_SPS, NalKind.H264_PPS),
    Codec.H265: (NalKind.H265_VPS, NalKind.H265_SPS, NalKind.H265_PPS),
}


def split_annex_b(data: bytes) -> list[bytes]:
    """Return the NAL units between the start codes; bytes before the first are ignored."""
    starts = [match.start() for match in _ANY_START_CODE.finditer(data)]
    units = []
    for start, stop in itertools.pairwise([*starts, len(data)]):
        nal = data[start + 3 : stop].rstrip(b"\x00")
        if nal:
            units.append(nal)
    return units


def join_annex_b(nals: Iterable[bytes]) -> bytes:
    """Return the NAL units, each behind a four-byte start code (H.264 annex B)."""
    return b"".join(START_CODE + nal for nal in nals)


@dataclass(frozen=True, slots=True)
class ParameterSets:
    """The newest parameter sets of a stream, in the order in which a decoder wants them."""

    codec: Codec
    sets: tuple[tuple[int, bytes], ...] = ()  # (NAL type, NAL unit)

    @property
    def complete(self) -> bool:
        """Whether every kind of parameter set is known."""
        return {kind for kind, _ in self.sets} >= set(_PARAMETER_TYPES[self.codec])

    @property
    def nals(self) -> tuple[bytes, ...]:
        """The NAL units, VPS before SPS before PPS."""
        return tuple(nal for _, nal in self.sets)

    def updated(self, nals: Sequence[bytes]) -> "ParameterSets":
        """Return the sets with those among `nals` in place of the older ones of their kind."""
        kinds, type_of = _PARAMETER_TYPES[self.codec], NAL_TYPE[self.codec]
        fresh: dict[int, list[bytes]] = {}
        for nal in nals:
            kind = type_of(nal)
            if kind in kinds and nal not in fresh.setdefault(kind, []):
                fresh[kind].append(nal)
        if not fresh:
            return self
        kept = [(kind, nal) for kind, nal in self.sets if kind not in fresh]
        new = [(kind, nal) for kind, members in fresh.items() for nal in members[:16]]
        return replace(self, sets=tuple(sorted(kept + new, key=lambda item: item[0])))

    def size(self) -> PictureSize:
        """Return the size that the sequence parameter set states.

        Raises BadBitstream if there is none or it cannot be read.
        """
        wanted = NalKind.H264_SPS if self.codec is Codec.H264 else NalKind.H265_SPS
        parse = parse_h264_sps if self.codec is Codec.H264 else parse_h265_sps
        for kind, nal in self.sets:
            if kind == wanted:
                return parse(nal)
        raise BadBitstream("no sequence parameter set")


@dataclass(frozen=True, slots=True)
class FramedPicture:
    """One access unit as it goes on the bus, and the parameter sets in force with it."""

    data: bytes
    keyframe: bool
    parameters: ParameterSets


def frame_picture(nals: Sequence[bytes], parameters: ParameterSets) -> FramedPicture | None:
    """Return the access unit in Annex B, parameter sets before a keyframe; None without slices.

    Delimiters and filler are left out: they carry nothing that the packet does not say.
    """
    codec = parameters.codec
    type_of = NAL_TYPE[codec]
    kinds = [type_of(nal) for nal in nals]
    newest = parameters.updated(nals)
    if not any(kind in SLICES[codec] for kind in kinds):
        return None
    keyframe = any(kind in _RANDOM_ACCESS[codec] for kind in kinds)
    left_out = _DROPPED[codec] | (frozenset(_PARAMETER_TYPES[codec]) if keyframe else frozenset())
    body = [nal for kind, nal in zip(kinds, nals, strict=True) if kind not in left_out]
    head = newest.nals if keyframe else ()
    return FramedPicture(join_annex_b([*head, *body]), keyframe, newest)


class _Bits:
    """Reads a raw byte sequence payload bit by bit (H.264 7.2, 9.1)."""

    def __init__(self, payload: bytes) -> None:
        self._bytes = payload.replace(b"\x00\x00\x03", b"\x00\x00")
        self._position = 0

    def u(self, count: int) -> int:
        value = 0
        for _ in range(count):
            at = self._position >> 3
            if at >= len(self._bytes):
                raise BadBitstream("a parameter set ends too early")
            value = value << 1 | self._bytes[at] >> (7 - (self._position & 7)) & 1
            self._position += 1
        return value

    def ue(self) -> int:
        zeros = 0
        while self.u(1) == 0:
            zeros += 1
            if zeros > 31:
                raise BadBitstream("a number in a parameter set is too long")
        return (1 << zeros) - 1 + self.u(zeros)

    def se(self) -> int:
        code = self.ue()
        return (code + 1) // 2 if code & 1 else -(code // 2)


def _size(width_px: int, height_px: int) -> PictureSize:
    if not (0 < width_px <= _MAX_SIDE_PX and 0 < height_px <= _MAX_SIDE_PX):
        raise BadBitstream(f"a picture of {width_px}x{height_px} is not possible")
    return PictureSize(width_px, height_px)


def _skip_scaling_lists(bits: _Bits, count: int) -> None:
    for index in range(count):
        if not bits.u(1):
            continue
        last = following = 8
        for _ in range(16 if index < 6 else 64):
            if following:
                following = (last + bits.se()) % 256
            last = following or last


def _skip_picture_order(bits: _Bits) -> None:
    order = bits.ue()
    if order == 0:
        bits.ue()
    elif order == 1:
        bits.u(1)
        bits.se()
        bits.se()
        for _ in range(min(bits.ue(), 255)):
            bits.se()


def parse_h264_sps(nal: bytes) -> PictureSize:
    """Return the picture's size from a sequence parameter set (ITU-T H.264 7.3.2.1.1)."""
    bits = _Bits(nal[1:])
    profile = bits.u(8)
    bits.u(16)
    bits.ue()
    chroma = 1
    if profile in _H264_WITH_CHROMA:
        chroma = bits.ue()
        if chroma == 3:
            bits.u(1)
        bits.ue()
        bits.ue()
        bits.u(1)
        if bits.u(1):
            _skip_scaling_lists(bits, 12 if chroma == 3 else 8)
    bits.ue()
    _skip_picture_order(bits)
    bits.ue()
    bits.u(1)
    columns, rows = bits.ue() + 1, bits.ue() + 1
    frames_only = bits.u(1)
    if not frames_only:
        bits.u(1)
    bits.u(1)
    left, right, top, bottom = (bits.ue() for _ in range(4)) if bits.u(1) else (0, 0, 0, 0)
    unit_x = 2 if chroma in (1, 2) else 1
    unit_y = (2 if chroma == 1 else 1) * (2 - frames_only)
    return _size(
        columns * 16 - (left + right) * unit_x,
        rows * 16 * (2 - frames_only) - (top + bottom) * unit_y,
    )


def _skip_profile_tier_level(bits: _Bits, sub_layers: int) -> None:
    bits.u(96)
    present = [(bits.u(1), bits.u(1)) for _ in range(sub_layers)]
    if sub_layers:
        bits.u(2 * (8 - sub_layers))
    for profile, level in present:
        bits.u(88 * profile + 8 * level)


def parse_h265_sps(nal: bytes) -> PictureSize:
    """Return the picture's size from a sequence parameter set (ITU-T H.265 7.3.2.2.1)."""
    bits = _Bits(nal[2:])
    bits.u(4)
    sub_layers = bits.u(3)
    bits.u(1)
    _skip_profile_tier_level(bits, sub_layers)
    bits.ue()
    chroma = bits.ue()
    if chroma == 3:
        bits.u(1)
    width_px, height_px = bits.ue(), bits.ue()
    left, right, top, bottom = (bits.ue() for _ in range(4)) if bits.u(1) else (0, 0, 0, 0)
    unit_x = 2 if chroma in (1, 2) else 1
    unit_y = 2 if chroma == 1 else 1
    return _size(width_px - (left + right) * unit_x, height_px - (top + bottom) * unit_y)


def vp8_is_keyframe(frame: bytes) -> bool:
    """Return whether a VP8 frame is a keyframe (RFC 6386 9.1)."""
    return bool(frame) and not frame[0] & 1


def vp8_size(keyframe: bytes) -> PictureSize:
    """Return a VP8 keyframe's size; raises BadBitstream if it is none (RFC 6386 9.1)."""
    if not vp8_is_keyframe(keyframe) or keyframe[3:6] != b"\x9d\x01\x2a" or len(keyframe) < 10:
        raise BadBitstream("not a VP8 keyframe")
    width = int.from_bytes(keyframe[6:8], "little") & 0x3FFF
    height = int.from_bytes(keyframe[8:10], "little") & 0x3FFF
    return _size(width, height)


def jpeg_size(data: bytes) -> PictureSize:
    """Return a JPEG's size from its frame header; raises BadBitstream (ITU-T T.81 B.2.2)."""
    at = 2
    while data[:2] == b"\xff\xd8" and at + 9 <= len(data) and data[at] == 0xFF:
        marker = data[at + 1]
        if 0xC0 <= marker <= 0xCF and marker not in (0xC4, 0xC8, 0xCC):
            height = int.from_bytes(data[at + 5 : at + 7], "big")
            return _size(int.from_bytes(data[at + 7 : at + 9], "big"), height)
        at += 2 + int.from_bytes(data[at + 2 : at + 4], "big")
    raise BadBitstream("a JPEG without a frame header")
