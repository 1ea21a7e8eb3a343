"""Knows the mark that the demo server puts into each picture, so that a reader finds its truth.

Does not know the truth itself. The mark is an SEI message "user data unregistered" (H.264,
D.1.6), which decoders and browsers skip; it survives every hop that keeps the access unit.
"""

import json
import uuid
from dataclasses import dataclass
from typing import Final

from ostiary.demo.rtp import NAL_SEI, nal_type, split_nals

_UUID: Final = uuid.UUID("6f737469-6172-4964-a56d-6f7374616d70").bytes
_USER_DATA: Final = 5


@dataclass(frozen=True, slots=True)
class Stamp:
    """Which picture of which file this is, and when the server meant to send it.

    index: position in the file, the key into the truth file.
    loop: how often the file was played before.
    due_ns: UTC, on the line that the sender reports describe.
    """

    stream: str
    index: int
    loop: int
    due_ns: int


def stamp_nal(stamp: Stamp) -> bytes:
    """Return the SEI NAL unit, without a start code, that carries a stamp."""
    text = json.dumps([stamp.stream, stamp.index, stamp.loop, stamp.due_ns]).encode()
    payload = _UUID + text
    size = b"\xff" * (len(payload) // 255) + bytes([len(payload) % 255])
    # JSON text holds no zero bytes, and the UUID none either: nothing needs escaping.
    return bytes([NAL_SEI, _USER_DATA]) + size + payload + b"\x80"


def read_stamp(access_unit: bytes) -> Stamp | None:
    """Return the stamp of an Annex B access unit, or None where it has none, or a broken one."""
    for nal in split_nals(access_unit):
        start = nal.find(_UUID)
        if nal_type(nal) != NAL_SEI or start < 0:
            continue
        text = nal[start + len(_UUID) : nal.rfind(b"]") + 1]
        try:
            stream, index, loop, due_ns = json.loads(text)
            return Stamp(str(stream), int(index), int(loop), int(due_ns))
        except ValueError:  # a lost packet tore it
            return None
    return None
