"""Knows how small films are made on the spot, with what phones and editors put into them."""

import struct
from fractions import Fraction

import av
import numpy as np

TICKS = 90_000
MATRICES = {  # of a track's header: how a player turns the picture, degrees clockwise
    90: (0, 1 << 16, 0, -(1 << 16), 0, 0, 0, 0, 1 << 30),
    180: (-(1 << 16), 0, 0, 0, -(1 << 16), 0, 0, 0, 1 << 30),
    270: (0, -(1 << 16), 0, 1 << 16, 0, 0, 0, 0, 1 << 30),
}


def write_film(path, pictures, times_s=None, options=None, aspect=None):
    """Encode BGR pictures (H, W, 3), of even sides, each at its time (25 a second by default)."""
    times_s = [index / 25 for index in range(len(pictures))] if times_s is None else times_s
    height, width = pictures[0].shape[:2]
    with av.open(str(path), "w") as container:
        stream = container.add_stream("libx264", rate=25, options=dict(options or {}))
        stream.width, stream.height, stream.pix_fmt = width, height, "yuv420p"
        ticks = 25 if path.suffix == ".avi" else TICKS  # AVI knows pictures a second, not times
        stream.codec_context.time_base = Fraction(1, ticks)
        if aspect is not None:
            stream.codec_context.sample_aspect_ratio = aspect
        for pixels, time_s in zip(pictures, times_s, strict=True):
            frame = av.VideoFrame.from_ndarray(np.ascontiguousarray(pixels), format="bgr24")
            frame.pts, frame.time_base = round(time_s * ticks), Fraction(1, ticks)
            container.mux(stream.encode(frame.reformat(format="yuv420p")))
        container.mux(stream.encode(None))
    return path


def write_sound(path, seconds=0.5):
    """Encode a tone without any picture."""
    with av.open(str(path), "w") as container:
        stream = container.add_stream("aac", rate=44100, layout="mono")
        count = round(44100 * seconds)
        tone = (0.2 * np.sin(np.arange(count) / 20)).astype(np.float32)
        for start in range(0, count - 1024, 1024):
            part = tone[None, start : start + 1024]
            frame = av.AudioFrame.from_ndarray(part, format="fltp", layout="mono")
            frame.sample_rate, frame.pts = 44100, start
            container.mux(stream.encode(frame))
        container.mux(stream.encode(None))
    return path


def turn_metadata(path, degrees):
    """Let an MP4 ask its player to turn it clockwise, as a phone that was held upright does."""
    data = bytearray(path.read_bytes())
    header = data.index(b"tkhd") + 4
    matrix = header + 4 + (20 if data[header] == 0 else 32) + 16
    data[matrix : matrix + 36] = struct.pack(">9i", *MATRICES[degrees])
    path.write_bytes(data)
    return path
