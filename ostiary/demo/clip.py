"""Knows how a video file becomes the access units of an endless loop. Does not know RTP or time."""

import itertools
import statistics
from collections.abc import Iterator
from dataclasses import dataclass
from fractions import Fraction
from pathlib import Path
from typing import Final

import av
from av.bitstream import BitStreamFilterContext
from av.container import InputContainer
from av.video.stream import VideoStream

from ostiary.demo.rtp import NAL_AUD, NAL_IDR, NAL_PPS, NAL_SPS, join_nals, nal_type, split_nals

TICKS_HZ: Final = 90_000
MAX_BYTES: Final = 256 * 2**20
GROUP_S: Final = 2
LONGEST_GROUP_S: Final = 5
_TIME_BASE = Fraction(1, TICKS_HZ)


class BadClip(ValueError):
    """The file cannot be played; the text says why."""


@dataclass(frozen=True, slots=True)
class Picture:
    """One access unit in decoding order, times in 90 kHz ticks from the loop's start."""

    nals: tuple[bytes, ...]
    pts: int
    dts: int
    keyframe: bool  # an IDR picture, with its parameter sets before it


@dataclass(frozen=True, slots=True)
class Clip:
    """A file, ready to be played for ever."""

    pictures: tuple[Picture, ...]
    length_ticks: int
    period_ticks: int
    width_px: int
    height_px: int

    @property
    def parameter_sets(self) -> tuple[bytes, ...]:
        """Return the first keyframe's SPS and PPS."""
        first = self.pictures[0].nals
        return tuple(nal for nal in first if nal_type(nal) in (NAL_SPS, NAL_PPS))

    @property
    def profile(self) -> str:
        """Return profile-level-id, six hexadecimal digits."""
        return self.parameter_sets[0][1:4].hex()

    @property
    def rate_hz(self) -> float:
        """Return pictures per second."""
        return TICKS_HZ / self.period_ticks


@dataclass(frozen=True, slots=True)
class _Unit:
    data: bytes  # Annex B
    pts: int
    dts: int


def load_clip(path: Path, raw: bool = False) -> Clip:
    """Read a file into memory, coded anew where it is no H.264, has B-frames or rare keyframes.

    A client starts at a keyframe: with LONGEST_GROUP_S between them it would wait too long.
    raw: keep H.264 as it is, for tests of whoever must cope with it. Raises BadClip.
    """
    try:
        with av.open(str(path)) as container:
            if not container.streams.video:
                raise BadClip(f"{path}: holds no video")
            stream = container.streams.video[0]
            size = (stream.codec_context.width, stream.codec_context.height)
            units = list(_copied(container, stream)) if stream.codec_context.name == "h264" else []
    except (av.FFmpegError, OSError) as error:
        raise BadClip(f"{path}: cannot be read: {error}") from error
    if not units or not _starts_with_idr(units[0]):
        return transcode(path, size)
    clip = _clip(units, size)
    reordered = any(picture.pts != picture.dts for picture in clip.pictures)
    if not raw and (reordered or _longest_group_s(clip) > LONGEST_GROUP_S):
        return transcode(path, size)
    return clip


def transcode(path: Path, size: tuple[int, int], limit: int | None = None) -> Clip:
    """Code a file's first `limit` pictures (None: all) as H.264 of that size, without B-frames."""
    size = (size[0] - size[0] % 2, size[1] - size[1] % 2)
    try:
        with av.open(str(path)) as container:
            units = list(_coded(container, size, limit))
    except (av.FFmpegError, OSError) as error:
        raise BadClip(f"{path}: cannot be decoded: {error}") from error
    if not units:
        raise BadClip(f"{path}: holds no pictures")
    return _clip(units, size)


def _longest_group_s(clip: Clip) -> float:
    starts = [picture.dts for picture in clip.pictures if picture.keyframe]
    gaps = (after - before for before, after in itertools.pairwise([*starts, clip.length_ticks]))
    return max(gaps) / TICKS_HZ


def _starts_with_idr(unit: _Unit) -> bool:
    return any(nal_type(nal) == NAL_IDR for nal in split_nals(unit.data))


def _ticks(value: int, base: Fraction) -> int:
    return round(value * base * TICKS_HZ)


def _copied(container: InputContainer, stream: VideoStream) -> Iterator[_Unit]:
    """Yield the stream's own access units; those without a time stamp are left out."""
    to_annexb = BitStreamFilterContext("h264_mp4toannexb", stream)
    total = 0
    for source in container.demux(stream):
        for packet in to_annexb.filter(source if source.size else None):
            if packet.pts is None or packet.dts is None or packet.time_base is None:
                continue
            data = bytes(packet)
            total += len(data)
            if total > MAX_BYTES:
                raise BadClip(f"{container.name}: above {MAX_BYTES >> 20} MiB")
            base = packet.time_base
            yield _Unit(data, _ticks(packet.pts, base), _ticks(packet.dts, base))


def _coded(container: InputContainer, size: tuple[int, int], limit: int | None) -> Iterator[_Unit]:
    stream = container.streams.video[0]
    rate = stream.average_rate or Fraction(25)
    encoder = av.CodecContext.create("libx264", "w")
    encoder.width, encoder.height, encoder.pix_fmt = *size, "yuv420p"
    encoder.time_base = _TIME_BASE
    encoder.framerate = rate
    encoder.bit_rate = 1_000_000 + size[0] * size[1]
    group = str(max(1, round(rate * GROUP_S)))
    encoder.options = {"preset": "superfast", "tune": "zerolatency", "bf": "0", "g": group}
    encoder.options |= {"keyint_min": group, "sc_threshold": "0", "threads": "1"}
    total = 0
    for number, picture in enumerate(container.decode(stream)):
        if number == limit:
            break
        pts = round(number * TICKS_HZ / rate)
        if picture.pts is not None and picture.time_base is not None:
            pts = _ticks(picture.pts, picture.time_base)
        scaled = picture.reformat(*size, format="yuv420p")
        scaled.pts, scaled.time_base, scaled.pict_type = pts, _TIME_BASE, 0
        for packet in encoder.encode(scaled):
            data = bytes(packet)
            total += len(data)
            if total > MAX_BYTES:
                raise BadClip(f"above {MAX_BYTES >> 20} MiB of coded pictures")
            if packet.pts is not None:
                yield _Unit(data, packet.pts, packet.pts)


def _clip(units: list[_Unit], size: tuple[int, int]) -> Clip:
    first_pts, first_dts = min(unit.pts for unit in units), units[0].dts
    sets: tuple[bytes, ...] = ()
    pictures = []
    for unit in units:
        nals = [nal for nal in split_nals(unit.data) if nal_type(nal) != NAL_AUD]
        found = tuple(nal for nal in nals if nal_type(nal) in (NAL_SPS, NAL_PPS))
        sets = found or sets
        rest = [nal for nal in nals if nal_type(nal) not in (NAL_SPS, NAL_PPS)]
        keyframe = any(nal_type(nal) == NAL_IDR for nal in rest)
        whole = (*(sets if keyframe else ()), *rest)
        pictures.append(Picture(whole, unit.pts - first_pts, unit.dts - first_dts, keyframe))
    if not sets:
        raise BadClip("the stream has no parameter sets")
    steps = [b.dts - a.dts for a, b in itertools.pairwise(pictures)]
    period = max(1, round(statistics.median(steps))) if steps else TICKS_HZ // 25
    length = pictures[-1].dts + period
    return Clip(tuple(pictures), length, period, *size)


def annexb(picture: Picture) -> bytes:
    """Return a picture as one Annex B access unit."""
    return join_nals(picture.nals)
