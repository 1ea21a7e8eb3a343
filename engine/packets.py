"""Knows what one compressed access unit of a camera is. Does not know how it travels."""

from dataclasses import dataclass
from enum import StrEnum

PTS_HZ = 90_000


class Role(StrEnum):
    """Which of a camera's streams: the one to look at, or the one to analyse."""

    MAIN = "main"
    SUB = "sub"


class Codec(StrEnum):
    """How a packet's data is coded; names as in FFmpeg."""

    H264 = "h264"
    H265 = "hevc"
    VP8 = "vp8"
    MJPEG = "mjpeg"


@dataclass(frozen=True, slots=True)
class Packet:
    """One access unit, as the camera sent it.

    epoch_ms: the connection's start, UTC; grows with each connection and parameter change.
    pts: presentation time in 90 kHz ticks within the epoch.
    captured_ns: UTC, arrival corrected by the sender's clock; monotone within an epoch.
    data: H.264/H.265 Annex B with parameter sets before each keyframe; a JPEG; a VP8 frame.
    """

    epoch_ms: int
    pts: int
    captured_ns: int
    keyframe: bool
    data: bytes


def entry_ms(entry_id: str) -> int:
    """Return the bus's clock in ms at an entry's arrival, from its stream id "ms-n"."""
    return int(entry_id.partition("-")[0])
