"""Knows how one camera's access units become pictures in a ring. Does not know who wants them."""

import time
from collections import OrderedDict
from collections.abc import Callable
from typing import Any, Final, cast

import av
import numpy as np
from av.video.codeccontext import VideoCodecContext
from av.video.frame import VideoFrame
from av.video.reformatter import VideoReformatter
from numpy.typing import NDArray

from engine.packets import Codec
from streams.codecs.messages import ALONE, CONVERT, Kind, Message, Status
from streams.codecs.rings import RingWriter

SLOTS: Final = 4  # one being written, one waiting, one with the reader, one on its way back
_REMEMBERED: Final = 64  # more than any decoder reorders
Send = Callable[[Message, int | None], None]


def decoder(codec: Codec, max_px: int, analysis: bool = True) -> VideoCodecContext:
    """Return a decoder with one thread that refuses pictures above max_px pixels.

    analysis: leave out the loop filter, which costs a quarter of the time and no face.
    """
    context = av.CodecContext.create(codec.value, "r")
    context.thread_count = 1
    context.options = {"max_pixels": str(max_px)}
    if analysis:
        context.options |= {"skip_loop_filter": "all"}
    return context


def decode(context: VideoCodecContext, message: Message) -> list[VideoFrame]:
    """Decode one unit; each frame's pts is the seq of the unit that it came from."""
    packet = av.Packet(bytes(message.body))
    packet.pts = message.seq
    frames = list(context.decode(packet))
    if message.flags & ALONE:
        frames += context.decode(None)
        context.flush_buffers()
    return frames


class StreamDecoder:
    """One stream's decoder and ring; the ring is made anew when the picture's size changes."""

    def __init__(self, number: int, max_px: int) -> None:
        self._number = number
        self._max_px = max_px
        self._generation = -1
        self._context: VideoCodecContext | None = None
        self._wanted: OrderedDict[int, None] = OrderedDict()
        self._rings: dict[int, RingWriter] = {}
        self._ring_number = 0
        self._reformatter = VideoReformatter()

    def unit(self, message: Message, send: Send) -> None:
        """Decode one unit, send its pictures that are wanted, then how it ended."""
        started = time.thread_time()
        if self._context is None or message.context != self._generation:
            self._context = decoder(message.codec, self._max_px)
            self._generation = message.context
            self._wanted.clear()
        if message.flags & CONVERT:
            self._wanted[message.seq] = None
            if len(self._wanted) > _REMEMBERED:
                self._wanted.popitem(last=False)
        status = self._decode(self._context, message, send)
        micros = int((time.thread_time() - started) * 1e6)
        send(Message(Kind.DONE, status=status, stream=self._number, seq=message.seq,
                     micros=micros), None)  # fmt: skip

    def _decode(self, context: VideoCodecContext, message: Message, send: Send) -> Status:
        try:
            frames = decode(context, message)
        except av.error.FFmpegError:
            return Status.INVALID
        status = Status.OK
        for frame in frames:
            seq = frame.pts if frame.pts is not None else -1
            if frame.is_corrupt:
                status = Status.INVALID
            elif seq in self._wanted:
                status = self._picture(frame, seq, send)
            self._wanted.pop(seq, None)
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
        """Free the decoder and the ring."""
        for ring in self._rings.values():
            ring.close()
        self._rings.clear()
        self._context = None
