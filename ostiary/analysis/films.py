"""Knows how films, animations and webcams become pictures with times. Knows nothing of faces.

Times are a film's own, of its pictures as they are shown; a webcam's are those of this machine.
"""

import contextlib
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Final

import av
import cv2
import numpy as np
from av.container import InputContainer
from av.video.frame import VideoFrame
from av.video.stream import VideoStream
from PIL import Image

from ostiary.analysis.photographs import to_bgr, unreadable
from ostiary.analysis.results import Kind, Pixels, Problem, Trouble, Unreadable

# What people keep films in, and sound, so that it can be called by its name. Play lists, which
# name other files and hosts, are not among them.
FORMATS: Final = (
    "mov,mp4,matroska,webm,avi,mpegts,mpeg,mpegvideo,flv,asf,ogg,m4v,h264,hevc,mjpeg,ivf,rm,"
    "wtv,mxf,nut,dv,wav,mp3,flac,aac,amr,aiff"
)
MOST_PX: Final = 64_000_000
STEP_S: Final = 0.001  # between two pictures of one time, so that none is before the other
GIF_S: Final = 0.1  # what browsers make of pictures of an animation that have no time
EARLY_S: Final = 1.0  # more than that, and a tenth, missing at its end: it was cut off
WARM_UPS: Final = 10  # reads that a webcam may need before its first picture


@dataclass(frozen=True, slots=True, eq=False)
class Frame:
    """One picture of a film and when it is shown, seconds since the first."""

    pixels: Pixels
    time_s: float


@dataclass(frozen=True, slots=True)
class Film:
    """Pictures in order, each once. duration_s: None where it is not known.

    frames raises Unreadable where the film breaks off, after the pictures before that.
    """

    kind: Kind
    rate_hz: float
    duration_s: float | None
    frames: Iterator[Frame]


def animation(image: Image.Image, name: str) -> Film:
    """Return an opened GIF, WebP or APNG as a film, played once."""
    count = getattr(image, "n_frames", 1)

    def frames() -> Iterator[Frame]:
        time_s = 0.0
        for index in range(count):
            try:
                image.seek(index)
                pixels = to_bgr(image)
            except (OSError, EOFError, ValueError, SyntaxError) as error:
                raise unreadable(name, _breaks_off(time_s)) from error
            yield Frame(pixels, time_s)
            time_s += (image.info.get("duration") or 0) / 1000 or GIF_S

    return Film(Kind.FILM, 1 / GIF_S, None, frames())


@contextmanager
def film(path: Path, name: str) -> Iterator[Film]:
    """Yield a film file. Raises Unreadable where there is no picture in it."""
    with contextlib.ExitStack() as stack:
        try:
            file = stack.enter_context(path.open("rb"))
            if not path.stat().st_size:
                raise unreadable(name, "the file is empty")
            only = {"format_whitelist": FORMATS, "protocol_whitelist": "file"}
            container = stack.enter_context(av.open(file, "r", container_options=only))
        except av.error.FFmpegError as error:
            raise unreadable(name, "it is neither a picture nor a film that can be read") from error
        except OSError as error:
            raise unreadable(name, f"it cannot be read: {error.strerror or error}") from error
        stream = _shown(container, name)
        duration_s = _duration_s(container, stream)
        frames = _timed(_decoded(container, stream, name), stream)
        yield Film(
            Kind.FILM,
            _rate_hz(stream),
            duration_s,
            _whole(frames, _least_s(container, duration_s), name),
        )


def _shown(container: InputContainer, name: str) -> VideoStream:
    """Return the stream of moving pictures: a song's cover is none."""
    for stream in container.streams.video:
        if not stream.disposition & stream.disposition.attached_pic:
            context = stream.codec_context
            context.options = {"max_pixels": str(MOST_PX)}
            if context.width * context.height > MOST_PX:
                raise unreadable(
                    name, f"the film is too large: at most {MOST_PX // 1_000_000} million pixels"
                )
            return stream
    if container.streams.audio:
        raise unreadable(name, "it holds sound but no picture")
    raise unreadable(name, "it holds no picture")


def _rate_hz(stream: VideoStream) -> float:
    rate = stream.average_rate or stream.base_rate
    return min(240.0, max(1.0, float(rate))) if rate else 25.0


def _duration_s(container: InputContainer, stream: VideoStream) -> float | None:
    if stream.duration and stream.time_base:
        return float(stream.duration * stream.time_base)
    return container.duration / av.time_base if container.duration else None


def _least_s(container: InputContainer, duration_s: float | None) -> float:
    """Return how long the film is at least, if it is whole: some count from its first picture."""
    before_s = max(0.0, (container.start_time or 0) / av.time_base)
    return 0.0 if duration_s is None else 0.9 * (duration_s - before_s) - EARLY_S


def _decoded(container: InputContainer, stream: VideoStream, name: str) -> Iterator[VideoFrame]:
    """Yield what can be decoded; a damaged packet costs its picture, not those after it."""
    count = damaged = 0
    try:
        for packet in container.demux(stream):
            try:
                frames = packet.decode()
            except av.error.FFmpegError:
                damaged += 1
                continue
            for frame in frames:
                count += 1
                yield frame
    except av.error.FFmpegError:
        damaged += 1
    if not count:
        raise unreadable(name, "it holds no picture that can be decoded")
    if damaged:
        raise unreadable(name, f"it is damaged: {damaged} parts were left out")


def _timed(frames: Iterator[VideoFrame], stream: VideoStream) -> Iterator[Frame]:
    """Yield pictures upright, with times that rise; one that has none comes as after the last."""
    interval_s, aspect = 1 / _rate_hz(stream), float(stream.sample_aspect_ratio or 1)
    first_s: float | None = None
    time_s: float | None = None
    for frame in frames:
        next_s = 0.0 if time_s is None else time_s + interval_s
        said_s = frame.time
        if said_s is not None and first_s is None:
            first_s = said_s - next_s
        wanted_s = next_s if said_s is None else said_s - (first_s or 0.0)
        if time_s is not None:
            wanted_s = max(wanted_s, time_s + STEP_S)
            interval_s = wanted_s - time_s
        time_s = max(0.0, wanted_s)
        yield Frame(upright(frame, aspect), time_s)


def _whole(frames: Iterator[Frame], least_s: float, name: str) -> Iterator[Frame]:
    """Yield all frames; raise Unreadable where the film ends long before it says."""
    last_s = 0.0
    for frame in frames:
        last_s = frame.time_s
        yield frame
    if last_s < least_s:
        raise unreadable(name, _breaks_off(last_s))


def _breaks_off(time_s: float) -> str:
    return f"it is truncated: it breaks off after {time_s:.1f} s"


def upright(frame: VideoFrame, aspect: float) -> Pixels:
    """Return a decoded frame as BGR with square pixels, turned as its metadata asks.

    aspect: a pixel's width over its height.
    """
    pixels = np.asarray(frame.to_ndarray(format="bgr24"), np.uint8)
    if aspect != 1 and 0.25 <= aspect <= 4:
        height, width = pixels.shape[:2]
        size = (max(1, round(width * aspect)), height)
        pixels = np.asarray(cv2.resize(pixels, size, interpolation=cv2.INTER_LINEAR), np.uint8)
    quarters = round(frame.rotation / 90)  # anticlockwise
    return np.ascontiguousarray(np.rot90(pixels, quarters)) if quarters else pixels


@contextmanager
def webcam(number: int | str, name: str) -> Iterator[Film]:
    """Yield a local camera as a film without end. number: of /dev/video*.

    A path stands for a camera as well; it ends where the pictures do.
    """
    if isinstance(number, int) and not Path(f"/dev/video{number}").exists():
        raise Unreadable(Problem(name, Trouble.MISSING, _no_webcam()))
    capture = cv2.VideoCapture(number)
    try:
        if not capture.isOpened():
            raise unreadable(name, "the webcam cannot be opened: is another program using it?")
        rate_hz = capture.get(cv2.CAP_PROP_FPS)
        rate_hz = rate_hz if 1 <= rate_hz <= 240 else 30.0
        yield Film(Kind.WEBCAM, rate_hz, None, _captured(capture, name))
    finally:
        capture.release()


def _no_webcam() -> str:
    there = sorted(place.name.removeprefix("video") for place in Path("/dev").glob("video[0-9]*"))
    if there:
        return f"there is no such webcam; there are {', '.join(f'webcam:{one}' for one in there)}"
    return "there is no such webcam: this machine has no /dev/video*"


def _captured(capture: cv2.VideoCapture, name: str) -> Iterator[Frame]:
    begun_s: float | None = None
    failed = 0
    while True:
        there, pixels = capture.read()
        if not there:
            failed += 1
            if begun_s is None and failed < WARM_UPS:
                continue
            raise unreadable(name, "the webcam gives no more pictures")
        now_s = time.monotonic()
        begun_s = now_s if begun_s is None else begun_s
        yield Frame(np.asarray(pixels, np.uint8), now_s - begun_s)
