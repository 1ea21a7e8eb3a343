"""Knows the messages between a codec child and its parent. Does not know what they lead to."""

import struct
from dataclasses import dataclass
from enum import IntEnum
from typing import Final

from engine.packets import Codec

_LAYOUT: Final = struct.Struct("<BBBBIIIQIIII")
HEADER_BYTES: Final = _LAYOUT.size
MAX_BODY_BYTES: Final = 8 << 20
CODECS: Final = (Codec.H264, Codec.H265, Codec.VP8, Codec.MJPEG)
_NUMBER_OF: Final = {codec: number for number, codec in enumerate(CODECS)}


class Kind(IntEnum):
    """What a message is; the first four go to the child, the others come from it."""

    DECODE = 1
    TRANSCODE = 2
    RELEASE = 3
    FORGET = 4
    READY = 16
    RING = 17
    PICTURE = 18
    ENCODED = 19
    DONE = 20


class Status(IntEnum):
    """How a unit ended."""

    OK = 0
    INVALID = 1
    TOO_LARGE = 2
    NO_SLOT = 3


CONVERT: Final = 1  # flags of DECODE and TRANSCODE: the picture is wanted
ALONE: Final = 2
FORCE: Final = 16  # flag of TRANSCODE: let the next picture be a keyframe
ISOLATED: Final = 4  # flag of READY: the child has no network
IS_KEYFRAME: Final = 8  # flag of ENCODED


class BadMessage(ValueError):
    """The peer sent what no peer of this version sends."""


@dataclass(frozen=True, slots=True)
class Message:
    """One message. Fields that a kind does not use are zero.

    stream: the parent's number for a camera's stream. context: the decoder's generation (DECODE)
    or the ring's (RING, PICTURE, RELEASE). seq: the unit's number. micros: CPU time of the unit.
    width, height: of the picture; for RING the number of slots and the bytes of one.
    """

    kind: Kind
    flags: int = 0
    codec: Codec = Codec.H264
    status: Status = Status.OK
    stream: int = 0
    context: int = 0
    slot: int = 0
    seq: int = 0
    width: int = 0
    height: int = 0
    micros: int = 0
    body: bytes | bytearray | memoryview = b""

    def header(self) -> bytes:
        """Return the header that goes before the body."""
        return _LAYOUT.pack(
            self.kind, self.flags, _NUMBER_OF[self.codec], self.status, self.stream,
            self.context, self.slot, self.seq, self.width, self.height, self.micros,
            len(self.body),
        )  # fmt: skip


def body_bytes(header: bytes | bytearray | memoryview) -> int:
    """Return the body's size that a header announces; raise BadMessage above the bound."""
    size: int = _LAYOUT.unpack(header)[-1]
    if size > MAX_BODY_BYTES:
        raise BadMessage(f"a body of {size} bytes; at most {MAX_BODY_BYTES} are allowed")
    return size


def parse(header: bytes | bytearray | memoryview, body: bytes | bytearray | memoryview) -> Message:
    """Return the message of a header and its body; raise BadMessage for unknown numbers."""
    kind, flags, codec, status, *numbers, _ = _LAYOUT.unpack(header)
    stream, context, slot, seq, width, height, micros = numbers
    try:
        return Message(
            Kind(kind), flags, CODECS[codec], Status(status), stream, context, slot, seq,
            width, height, micros, body,
        )  # fmt: skip
    except (ValueError, IndexError) as error:
        raise BadMessage(str(error)) from error


class Parser:
    """Cuts a byte stream into messages. Holds at most one unfinished message."""

    def __init__(self) -> None:
        self._buffer = bytearray()

    def feed(self, data: bytes) -> list[Message]:
        """Add bytes, return the messages that are whole."""
        self._buffer += data
        found: list[Message] = []
        start = 0
        while len(self._buffer) - start >= HEADER_BYTES:
            header = bytes(self._buffer[start : start + HEADER_BYTES])
            end = start + HEADER_BYTES + body_bytes(header)
            if len(self._buffer) < end:
                break
            found.append(parse(header, bytes(self._buffer[start + HEADER_BYTES : end])))
            start = end
        del self._buffer[:start]
        return found
