"""Knows how annotated pictures are kept: photographs as pictures, films as H.264.

A file comes under its name only when it is whole, and in a folder it takes nobody's place. Does not
know what is drawn.
"""

import os
from contextlib import suppress
from fractions import Fraction
from itertools import chain, count
from pathlib import Path
from typing import Final

import av
import cv2
import numpy as np
from av.container import OutputContainer
from av.video.stream import VideoStream

from ostiary.analysis.drawing import draw
from ostiary.analysis.results import Kind, Picture, Pixels
from ostiary.analysis.words import Language

PICTURES: Final = (".jpg", ".jpeg", ".png", ".webp", ".bmp", ".tif", ".tiff")
FILMS: Final = (".mp4", ".mov", ".mkv", ".m4v")
QUALITY: Final = {
    ".jpg": [cv2.IMWRITE_JPEG_QUALITY, 93],
    ".jpeg": [cv2.IMWRITE_JPEG_QUALITY, 93],
    ".webp": [cv2.IMWRITE_WEBP_QUALITY, 93],
}
TICKS: Final = 90_000  # a second
RATE_HZ: Final = 30  # for the encoder to reckon with; each picture has its own time
ENCODER: Final = {"preset": "veryfast", "crf": "20"}
BT709: Final = 1


class CannotSave(Exception):
    """Nothing can be written there; the message says why."""


class WrongSuffix(CannotSave):
    """What was asked for has another ending; the message says which there are."""


def place_for(out: Path, picture: Picture, alone: bool) -> Path:
    """Return where one source's annotated picture or film goes.

    alone: it is the only source, so that `out` may name a file, which is replaced. In a folder
    nothing is: where a name is taken the file gets a number. Raises CannotSave.
    """
    photograph, inside = picture.kind is Kind.PHOTOGRAPH, picture.inside
    suffixes = PICTURES if photograph else FILMS
    if alone and out.suffix and not out.is_dir():
        if out.suffix.lower() not in suffixes:
            what = "A photograph" if photograph else "A film"
            raise WrongSuffix(f"{what} is saved as {', '.join(suffixes)}, not as {out.suffix}")
        if out.resolve() == Path(picture.name).resolve():
            raise CannotSave(f"{out} would be overwritten: name another place by --save")
        return out
    if not photograph:
        return _free(out / inside.with_name(inside.stem + ".mp4"))
    if inside.suffix.lower() in PICTURES:
        return _free(out / inside)
    return _free(out / inside.with_suffix(".jpg"))


def _free(place: Path) -> Path:
    """Return a path at which nothing is: the place itself, or with the next number, from 2."""
    numbered = (place.with_stem(f"{place.stem}-{number}") for number in count(2))
    return next(one for one in chain([place], numbered) if not os.path.lexists(one))


def save_photograph(pixels: Pixels, place: Path) -> Path:
    """Write one picture (H, W, 3) BGR, as PNG where it is too large for its format; return where.

    Raises CannotSave.
    """
    done, data = _encoded(pixels, place.suffix.lower())
    if not done:
        place = _free(place.with_suffix(".png"))
        done, data = _encoded(pixels, ".png")
    part = _part_of(place)
    try:
        place.parent.mkdir(parents=True, exist_ok=True)
        part.write_bytes(data)
        part.replace(place)
    except OSError as error:
        with suppress(OSError):
            part.unlink()
        raise _refused(place, error) from error
    return place


def _encoded(pixels: Pixels, suffix: str) -> tuple[bool, bytes]:
    try:
        done, data = cv2.imencode(suffix, pixels, QUALITY.get(suffix, []))
    except cv2.error:
        return False, b""
    return done, data.tobytes()


class FilmWriter:
    """Writes one film, each picture at its own time; sound is left out."""

    def __init__(self, place: Path) -> None:
        self.place, self._part = place, _part_of(place)
        self._container: OutputContainer | None = None
        self._stream: VideoStream | None = None
        self._size_px = (0, 0)
        self._last = -1

    def add(self, pixels: Pixels, time_s: float) -> None:
        """Write a picture (H, W, 3) BGR; others than the first are brought to its size."""
        try:
            stream, container = self._begun(pixels)
            frame = av.VideoFrame.from_ndarray(_even(_at(pixels, self._size_px)), format="bgr24")
            frame = frame.reformat(format="yuv420p", dst_colorspace="ITU709")
            self._last = max(round(time_s * TICKS), self._last + 1)
            frame.pts, frame.time_base = self._last, Fraction(1, TICKS)
            container.mux(stream.encode(frame))
        except (OSError, av.error.FFmpegError) as error:
            self.abandon()
            raise _refused(self.place, error) from error

    def close(self) -> None:
        """Finish the file and give it its name. Raises CannotSave."""
        if self._container is None or self._stream is None:
            return
        try:
            self._container.mux(self._stream.encode(None))
            self._container.close()
            self._container = None
            self._part.replace(self.place)
        except (OSError, av.error.FFmpegError) as error:
            self.abandon()
            raise _refused(self.place, error) from error

    def abandon(self) -> None:
        """Leave nothing behind."""
        container, self._container = self._container, None
        with suppress(OSError, av.error.FFmpegError):
            if container is not None:
                container.close()
        with suppress(OSError):
            self._part.unlink()

    def _begun(self, pixels: Pixels) -> tuple[VideoStream, OutputContainer]:
        if self._container is None or self._stream is None:
            self.place.parent.mkdir(parents=True, exist_ok=True)
            height, width = pixels.shape[:2]
            self._size_px = (width, height)
            flags = {"movflags": "faststart"}
            form = "matroska" if self.place.suffix.lower() == ".mkv" else "mp4"
            self._container = av.open(str(self._part), "w", format=form, container_options=flags)
            stream = self._container.add_stream("libx264", rate=RATE_HZ, options=dict(ENCODER))
            stream.width, stream.height = width + width % 2, height + height % 2
            stream.pix_fmt = "yuv420p"
            context = stream.codec_context
            context.time_base = Fraction(1, TICKS)
            context.colorspace = context.color_primaries = context.color_trc = BT709
            self._stream = stream
        return self._stream, self._container


class Saver:
    """Keeps what an analysis yields, annotated; call close() at the end.

    out: a file for one source that is `alone`, else a folder. Raises CannotSave.
    """

    def __init__(self, out: Path, alone: bool, language: Language) -> None:
        self._out, self._alone, self._language = out, alone, language
        self._film: tuple[str, FilmWriter] | None = None

    def add(self, picture: Picture) -> Path:
        """Draw a picture's faces and keep it; return the file that it is in."""
        drawn = draw(picture, self._language)
        if self._film is not None and self._film[0] != picture.name:
            self.close()
        if self._film is None:
            place = place_for(self._out, picture, self._alone)
            if picture.time_s is None:
                return save_photograph(drawn, place)
            self._film = (picture.name, FilmWriter(place))
        writer = self._film[1]
        writer.add(drawn, picture.time_s or 0.0)
        return writer.place

    def close(self) -> None:
        """Finish the film in hand."""
        film, self._film = self._film, None
        if film is not None:
            film[1].close()

    def abandon(self) -> None:
        """Leave nothing of the film in hand."""
        film, self._film = self._film, None
        if film is not None:
            film[1].abandon()


def _even(pixels: Pixels) -> Pixels:
    """Return a picture with even sides, as H.264 needs: the last row or column is repeated."""
    height, width = pixels.shape[:2]
    if not height % 2 and not width % 2:
        return np.ascontiguousarray(pixels)
    return np.ascontiguousarray(np.pad(pixels, ((0, height % 2), (0, width % 2), (0, 0)), "edge"))


def _at(pixels: Pixels, size_px: tuple[int, int]) -> Pixels:
    height, width = pixels.shape[:2]
    if (width, height) == size_px:
        return pixels
    return np.asarray(cv2.resize(pixels, size_px, interpolation=cv2.INTER_AREA), np.uint8)


def _part_of(place: Path) -> Path:
    return place.with_name(f".{place.name}.part")


def _refused(place: Path, error: Exception) -> CannotSave:
    return CannotSave(f"{place} cannot be written: {getattr(error, 'strerror', None) or error}")
