"""Knows a clip of a white square that stands for a face, and what a worker would say of it."""

import asyncio
from fractions import Fraction

import av
import numpy as np

from engine.boxes import Box
from engine.observations import (
    Knowledge,
    MaskState,
    MaskView,
    Observation,
    TrackState,
    TrackView,
    Who,
)
from engine.packets import Packet
from streams.bus.observations import publish
from tests.fakes.codec_clips import TICKS
from tests.fakes.live_camera import LiveCamera, now_ms

SIZE = (640, 360)
SIDE = 72  # pixels of the square
LAP = 100  # pictures
LATE_S = 0.2  # how long after its picture an observation comes


def left_of(picture: int) -> int:
    """Where the square stands in a picture: to and fro, 8 pixels a picture."""
    place = picture % LAP
    return 60 + 8 * min(place, LAP - place)


def box_of(picture: int) -> Box:
    """The square's box, 0..1."""
    left, top = left_of(picture), (SIZE[1] - SIDE) // 2
    return Box(
        left / SIZE[0], top / SIZE[1], (left + SIDE) / SIZE[0], (top + SIDE) / SIZE[1]
    )  # fmt: skip


def moving_square():
    """Encode one lap of the square."""
    context = av.CodecContext.create("libx264", "w")
    context.width, context.height = SIZE
    context.pix_fmt, context.time_base, context.framerate = "yuv420p", Fraction(1, 25), 25
    context.options = {"preset": "ultrafast", "tune": "zerolatency", "g": "25", "qp": "18"}
    packets = []
    for index in range(LAP):
        picture = np.full((SIZE[1], SIZE[0], 3), 24, np.uint8)
        top = (SIZE[1] - SIDE) // 2
        picture[top : top + SIDE, left_of(index) : left_of(index) + SIDE] = 235
        frame = av.VideoFrame.from_ndarray(picture, format="bgr24")
        frame.pts = index
        packets += context.encode(frame)
    packets += context.encode(None)
    return [
        Packet(1, int(one.pts) * TICKS, int(one.pts) * 40_000_000, one.is_keyframe, bytes(one))
        for one in packets
    ]


async def observe(camera: LiveCamera, shift: int = 0) -> None:
    """Tell where the square is in every third picture, a little late, as a worker would."""
    told = 0
    while True:
        await asyncio.sleep(0.01)
        ready = len(camera.sent) - round(LATE_S * 25)
        if ready <= told:
            continue
        told = ready - ready % 3
        if told < 1 or ready - told:
            continue
        packet = camera.sent[told - 1]
        picture = packet.pts // TICKS
        who = Who(Knowledge.KNOWN, "p-1", 0.8)
        mask = MaskView(MaskState.MISSING, 0.95)
        track = TrackView(
            "1-1", box_of(picture + shift), TrackState.CONFIRMED, who, mask, None, 0.9, None
        )
        seen = Observation(
            camera.camera, camera.role, packet.epoch_ms, packet.pts, packet.captured_ns, 1, (track,)
        )
        await publish(camera.redis, seen, now_ms())
