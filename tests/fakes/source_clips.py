"""Knows how to make small coded clips for tests of sources. Does not know who plays them."""

from dataclasses import dataclass, field
from fractions import Fraction
from functools import cache
from pathlib import Path

import av
import numpy as np


@dataclass(frozen=True)
class ClipPlan:
    """What to encode: libx264, libx265, libvpx or mjpeg."""

    encoder: str = "libx264"
    width: int = 320
    height: int = 240
    pictures: int = 50
    rate: int = 25
    pixels: str = "yuv420p"
    options: tuple[tuple[str, str], ...] = field(
        default=(
            ("g", "10"),
            ("bf", "0"),
            ("preset", "ultrafast"),
            ("x265-params", "log-level=none"),
        )
    )


def pictures(plan: ClipPlan) -> list[av.VideoFrame]:
    """Moving noise: coarse, so that it codes small; never two alike."""
    noise = np.random.default_rng(7).integers(0, 255, (8, 8, 3), dtype=np.uint8)
    tile = np.kron(noise, np.ones((plan.height // 8 + 1, plan.width // 8 + 1, 1), np.uint8))
    tile = np.ascontiguousarray(tile[: plan.height, : plan.width])
    rolled = (np.roll(tile, 3 * index, axis=1) for index in range(plan.pictures))
    return [av.VideoFrame.from_ndarray(one, format="rgb24") for one in rolled]


def _options(plan: ClipPlan) -> dict[str, str]:
    wanted = dict(plan.options)
    if plan.encoder != "libx265":
        wanted.pop("x265-params", None)
    if plan.encoder in ("mjpeg", "libvpx"):
        wanted.pop("preset", None)
    return wanted


@cache
def access_units(plan: ClipPlan) -> tuple[bytes, ...]:
    """Encode without a container: Annex B with parameter sets in-band, or whole frames."""
    encoder = av.CodecContext.create(plan.encoder, "w")
    encoder.width, encoder.height, encoder.pix_fmt = plan.width, plan.height, plan.pixels
    encoder.time_base, encoder.framerate = Fraction(1, plan.rate), Fraction(plan.rate)
    encoder.options = _options(plan)
    out = []
    for number, picture in enumerate(pictures(plan)):
        converted = picture.reformat(format=plan.pixels)
        converted.pts = number
        out += [bytes(packet) for packet in encoder.encode(converted)]
    return tuple(out + [bytes(packet) for packet in encoder.encode(None)])


def write_clip(path: Path, plan: ClipPlan = ClipPlan()) -> Path:
    """Write a file and return its path."""
    with av.open(str(path), "w") as container:
        stream = container.add_stream(plan.encoder, rate=plan.rate)
        stream.width, stream.height, stream.pix_fmt = plan.width, plan.height, plan.pixels
        stream.options = _options(plan)
        for picture in pictures(plan):
            for packet in stream.encode(picture.reformat(format=plan.pixels)):
                container.mux(packet)
        for packet in stream.encode():
            container.mux(packet)
    return path


def decoded_pictures(codec: str, units: list[bytes]) -> list[av.VideoFrame]:
    """Decode access units from scratch; raises where they cannot be decoded."""
    decoder = av.CodecContext.create(codec, "r")
    decoder.thread_count = 1
    frames = []
    for data in units:
        frames += decoder.decode(av.Packet(data))
    return frames + decoder.decode(None)
