"""Knows how one camera's access units become H.264 that any browser plays. Knows no viewer."""

from fractions import Fraction
from typing import Final

import av
from av.video.codeccontext import VideoCodecContext
from av.video.frame import PictureType, VideoFrame
from av.video.reformatter import ColorRange

from streams.codecs.decoding import Send
from streams.codecs.frames import Damaged, Frames
from streams.codecs.messages import FORCE, IS_KEYFRAME, Kind, Message, Status

LARGEST_PX: Final = 1280 * 720  # level 3.1, which is what the answer's SDP can say
_GROUP: Final = 50


def fitted(width: int, height: int) -> tuple[int, int]:
    """Return a size with even sides, its proportions kept, of at most LARGEST_PX pixels."""
    scale = min(1.0, (LARGEST_PX / (width * height)) ** 0.5)
    return max(2, int(width * scale) // 2 * 2), max(2, int(height * scale) // 2 * 2)


def encoder(width: int, height: int) -> VideoCodecContext:
    """Return an encoder that gives each picture at once: constrained baseline, no B-frames."""
    context = av.CodecContext.create("libx264", "w")
    context.width, context.height = width, height
    context.pix_fmt = "yuv420p"
    context.time_base, context.framerate = Fraction(1, 25), Fraction(25)
    context.thread_count = 1
    context.options = {
        "preset": "ultrafast", "tune": "zerolatency", "profile": "baseline", "crf": "24",
        "maxrate": "4M", "bufsize": "2M", "g": str(_GROUP), "forced-idr": "1",
    }  # fmt: skip
    return context


class StreamTranscoder:
    """One stream's decoder and encoder; the encoder is made anew when the size changes."""

    def __init__(self, number: int, max_px: int) -> None:
        self._number = number
        self._max_px = max_px
        self._frames = Frames(max_px, analysis=False)
        self._encoder: VideoCodecContext | None = None
        self._pictures = 0
        self._force = True

    def unit(self, message: Message, send: Send) -> Status:
        """Transcode one unit: send what comes out, return how it ended."""
        self._force = self._force or bool(message.flags & FORCE)
        try:
            frames = self._frames.of(message)
        except Damaged:
            return Status.INVALID
        status = Status.OK
        for seq, frame, wanted in frames:
            if frame.width * frame.height > self._max_px:
                status = Status.TOO_LARGE
            elif wanted:
                self._encode(frame, seq, send)
        return status

    def _encode(self, frame: VideoFrame, seq: int, send: Send) -> None:
        width, height = fitted(frame.width, frame.height)
        if self._encoder is None or (self._encoder.width, self._encoder.height) != (width, height):
            self._encoder = encoder(width, height)
            self._force = True
        ready = frame.reformat(
            width, height, "yuv420p", dst_color_range=ColorRange.MPEG, threads=1
        )  # JPEGs have the full range, which browsers do not expect
        ready.pts, ready.time_base = self._pictures, Fraction(1, 25)
        ready.pict_type = PictureType.I if self._force else PictureType.NONE
        self._pictures += 1
        self._force = False
        for packet in self._encoder.encode(ready):
            flags = IS_KEYFRAME if packet.is_keyframe else 0
            send(Message(Kind.ENCODED, flags, stream=self._number, seq=seq, width=width,
                         height=height, body=bytes(packet)), None)  # fmt: skip
