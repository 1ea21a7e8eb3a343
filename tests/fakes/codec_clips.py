"""Knows how to make compressed test clips of any codec. Does not know who decodes them."""

import time
from fractions import Fraction

import av
import cv2
import numpy as np

from engine.packets import Packet, Role
from streams.bus.packets import StreamKey

TICKS = 3600  # of 90 kHz, at 25 pictures a second
DOOR = StreamKey("door", Role.MAIN)


def shade(index: int) -> int:
    """The brightness that marks picture `index`."""
    return 30 + (index * 17) % 200


def scene(index: int, width: int, height: int) -> np.ndarray:
    """A picture (H, W, 3) BGR: texture left, and the marking shade in its right half."""
    rng = np.random.default_rng(7)
    small = rng.integers(0, 255, (height // 16, width // 16, 3), dtype=np.uint8)
    picture = np.roll(cv2.resize(small, (width, height)), index * 4, 1)
    picture[:, width // 2 :] = shade(index)
    return picture


def shade_error(pixels: np.ndarray, index: int) -> float:
    """How far a decoded picture's marking is from that of picture `index`."""
    quarter = pixels.shape[1] // 4
    return abs(float(pixels[:, -quarter:].mean()) - shade(index))


def clip(
    pictures: int = 25,
    size: tuple[int, int] = (320, 180),
    encoder: str = "libx264",
    epoch_ms: int = 1,
    **options: str,
) -> list[Packet]:
    """Encode a clip; pts and captured_ns are those of shown order, packets in decoding order."""
    context = av.CodecContext.create(encoder, "w")
    context.width, context.height = size
    context.pix_fmt = "yuvj420p" if encoder == "mjpeg" else "yuv420p"
    context.time_base, context.framerate = Fraction(1, 25), 25
    presets = {
        "libx264": {"preset": "ultrafast", "tune": "zerolatency", "g": "10"},
        "libx265": {"preset": "ultrafast", "x265-params": "log-level=none:bframes=0"},
        "libvpx": {"deadline": "realtime", "cpu-used": "8", "g": "10"},
    }
    context.options = presets.get(encoder, {}) | options
    packets = []
    for index in range(pictures):
        frame = av.VideoFrame.from_ndarray(scene(index, *size), format="bgr24")
        frame.pts = index
        packets += context.encode(frame)
    packets += context.encode(None)
    return [
        Packet(epoch_ms, p.pts * TICKS, p.pts * 40_000_000, bool(p.is_keyframe), bytes(p))
        for p in packets
    ]


def b_frame_clip(pictures: int = 25, size: tuple[int, int] = (320, 180)) -> list[Packet]:
    """A clip whose packets are not in the order in which they are shown."""
    return clip(pictures, size, preset="veryfast", tune="film", bf="2", g="12")


def entry_now(behind_ms: int = 0) -> str:
    """An entry id of now, or of a moment ago."""
    return f"{int(time.time() * 1000) - behind_ms}-0"
