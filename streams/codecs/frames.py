"""Knows how one stream's access units become frames. Does not know what becomes of them."""

from collections import OrderedDict
from typing import Final, NamedTuple

import av
from av.video.codeccontext import VideoCodecContext
from av.video.frame import VideoFrame

from engine.packets import Codec
from streams.codecs.messages import ALONE, CONVERT, Message

_REMEMBERED: Final = 64  # more than any decoder reorders


class Damaged(Exception):
    """A unit cannot be decoded."""


class Decoded(NamedTuple):
    """A frame, the seq of the unit that it came from, and whether somebody wants it."""

    seq: int
    frame: VideoFrame
    wanted: bool


class Frames:
    """One stream's decoder, made anew with its parameters; it remembers what is wanted of it.

    analysis: leave out the loop filter, which costs a quarter of the time and no face.
    """

    def __init__(self, max_px: int, analysis: bool) -> None:
        self._max_px = max_px
        self._analysis = analysis
        self._generation = -1
        self._context: VideoCodecContext | None = None
        self._wanted: OrderedDict[int, None] = OrderedDict()

    def of(self, message: Message) -> list[Decoded]:
        """Decode one unit. Raises Damaged, and can decode the next all the same."""
        if self._context is None or message.context != self._generation:
            self._context = self._decoder(message.codec)
            self._generation = message.context
            self._wanted.clear()
        if message.flags & CONVERT:
            self._wanted[message.seq] = None
            if len(self._wanted) > _REMEMBERED:
                self._wanted.popitem(last=False)
        if not message.body:
            raise Damaged("an empty unit")  # FFmpeg would take it for the stream's end
        try:
            return [self._decoded(frame) for frame in _decode(self._context, message)]
        except av.error.FFmpegError as error:
            raise Damaged(str(error)) from error

    def _decoder(self, codec: Codec) -> VideoCodecContext:
        """Return a decoder with one thread that refuses pictures above max_px pixels."""
        context = av.CodecContext.create(codec.value, "r")
        context.thread_count = 1
        context.options = {"max_pixels": str(self._max_px)}
        if self._analysis:
            context.options |= {"skip_loop_filter": "all"}
        return context

    def _decoded(self, frame: VideoFrame) -> Decoded:
        seq = frame.pts if frame.pts is not None else -1
        wanted = seq in self._wanted
        self._wanted.pop(seq, None)
        return Decoded(seq, frame, wanted)


def _decode(context: VideoCodecContext, message: Message) -> list[VideoFrame]:
    """Decode one unit; each frame's pts is the seq of the unit that it came from."""
    packet = av.Packet(bytes(message.body))
    packet.pts = message.seq
    frames = list(context.decode(packet))
    if message.flags & ALONE:
        frames += context.decode(None)
        context.flush_buffers()
    return frames
