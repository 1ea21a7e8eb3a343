"""Knows how one camera's access units become pictures in a ring. Does not know who wants them."""

from collections.abc import Callable
from typing import Any, Final, cast

import numpy as np
from av.video.frame import VideoFrame
from av.video.reformatter import VideoReformatter
from numpy.typing import NDArray

from streams.codecs.frames import Damaged, Frames
from streams.codecs.messages import Kind, Message, Status
from streams.codecs.rings import RingWriter

SLOTS: Final = 4  # one being written, one waiting, one with the reader, one on its way back
Send = Callable[[Message, int | None], None]


class StreamDecoder:
    """One stream's decoder and ring; the ring is made anew when the picture's size changes."""

    def __init__(self, number: int, max_px: int) -> None:
        self._number = number
        self._max_px = max_px
        self._frames = Frames(max_px, analysis=True)
        self._rings: dict[int, RingWriter] = {}
        self._ring_number = 0
        self._reformatter = VideoReformatter()

    def unit(self, message: Message, send: Send) -> Status:
        """Decode one unit, send its pictures that are wanted, return how it ended."""
        try:
            frames = self._frames.of(message)
        except Damaged:
            return Status.INVALID
        status = Status.OK
        for seq, frame, wanted in frames:
            if frame.is_corrupt:
                status = Status.INVALID
            elif wanted:
                status = self._picture(frame, seq, send)
        return status

    def _picture(self, frame: VideoFrame, seq: int, send: Send) -> Status:
        if frame.width * frame.height > self._max_px:
            return Status.TOO_LARGE
        ring = self._ring(frame.width * frame.height * 3, send)
        slot = ring.take()
        if slot is None:
            return Status.NO_SLOT
        ring.write(slot, self._bgr(frame))
        send(Message(Kind.PICTURE, stream=self._number, context=self._ring_number, slot=slot,
                     seq=seq, width=frame.width, height=frame.height), None)  # fmt: skip
        return Status.OK

    def _bgr(self, frame: VideoFrame) -> NDArray[np.uint8]:
        """Return (H, W, 3) uint8 BGR; swscale, as cv2 does not know full from limited range."""
        plane = self._reformatter.reformat(frame, format="bgr24", threads=1).planes[0]
        flat: NDArray[np.uint8] = np.frombuffer(cast(Any, plane), np.uint8)
        rows = flat.reshape(-1, plane.line_size)
        return rows[: frame.height, : frame.width * 3].reshape(frame.height, frame.width, 3)

    def _ring(self, slot_bytes: int, send: Send) -> RingWriter:
        ring = self._rings.get(self._ring_number)
        if ring is not None and ring.slot_bytes == slot_bytes:
            return ring
        if ring is not None:
            ring.close()
        self._rings.clear()
        self._ring_number += 1
        ring = self._rings[self._ring_number] = RingWriter(SLOTS, slot_bytes)
        send(Message(Kind.RING, stream=self._number, context=self._ring_number, width=SLOTS,
                     height=slot_bytes), ring.descriptor)  # fmt: skip
        return ring

    def release(self, ring_number: int, slot: int) -> None:
        """Take a slot back; one of an older ring is gone already."""
        ring = self._rings.get(ring_number)
        if ring is not None:
            ring.give_back(slot)

    def close(self) -> None:
        """Free the rings."""
        for ring in self._rings.values():
            ring.close()
        self._rings.clear()
