"""Knows which video an RTSP session description offers, and how it is coded (RFC 4566, 6184).

Does not know how to fetch it.
"""

import base64
import binascii
from dataclasses import dataclass, field
from typing import Final

from engine.bitstream import ParameterSets
from engine.packets import PTS_HZ, Codec
from engine.source import Reason
from streams.cameras.errors import SourceError

MAX_LINES: Final = 2000
_CODECS: Final = {"H264": Codec.H264, "H265": Codec.H265, "HEVC": Codec.H265, "JPEG": Codec.MJPEG}
_STATIC_JPEG: Final = 26
_PARAMETER_KEYS: Final = ("sprop-vps", "sprop-sps", "sprop-pps", "sprop-parameter-sets")


@dataclass(frozen=True, slots=True)
class VideoTrack:
    """The video that ingest takes: its codec, RTP payload type and address."""

    codec: Codec
    payload_type: int
    control: str
    aggregate: str  # the address of the whole session
    clock_hz: int = PTS_HZ
    parameters: ParameterSets = field(default_factory=lambda: ParameterSets(Codec.H264))


@dataclass(slots=True)
class _Media:
    kind: str
    formats: list[int]
    control: str = ""
    rtpmap: dict[int, str] = field(default_factory=dict)
    fmtp: dict[int, str] = field(default_factory=dict)


def choose_video(text: str, base_url: str) -> VideoTrack:
    """Return the first video that we can carry, its control address made absolute.

    Raises SourceError: no video at all, or only codecs that nobody here reads.
    """
    session_control, media = _parse(text)
    videos = [item for item in media if item.kind == "video"]
    if not videos:
        raise SourceError(Reason.NO_SUCH_STREAM, "the camera offers no video there")
    base = _join(base_url, session_control)
    seen: list[str] = []
    for video in videos:
        for payload_type in video.formats:
            name, clock_hz = _coding(video, payload_type)
            if name in _CODECS and clock_hz > 0:
                codec = _CODECS[name]
                parameters = _parameters(codec, video.fmtp.get(payload_type, ""))
                control = _join(base, video.control)
                return VideoTrack(codec, payload_type, control, base, clock_hz, parameters)
            seen.append(name or str(payload_type))
    raise SourceError(Reason.UNSUPPORTED_CODEC, ", ".join(seen)[:80])


def _parse(text: str) -> tuple[str, list[_Media]]:
    control, media = "", list[_Media]()
    for line in text.splitlines()[:MAX_LINES]:
        key, _, value = line.strip().partition("=")
        if key == "m":
            words = value.split()
            formats = [int(word) for word in words[3:] if word.isascii() and word.isdigit()]
            media.append(_Media(words[0] if words else "", formats))
        elif key == "a":
            name, _, rest = value.partition(":")
            if name == "control" and not media:
                control = rest.strip()
            elif media:
                _attribute(media[-1], name, rest.strip())
    return control, media


def _attribute(media: _Media, name: str, value: str) -> None:
    if name == "control":
        media.control = value
    elif name in ("rtpmap", "fmtp"):
        number, _, rest = value.partition(" ")
        if number.isascii() and number.isdigit():
            (media.rtpmap if name == "rtpmap" else media.fmtp)[int(number)] = rest.strip()


def _coding(media: _Media, payload_type: int) -> tuple[str, int]:
    if payload_type == _STATIC_JPEG and payload_type not in media.rtpmap:
        return "JPEG", PTS_HZ
    name, _, rest = media.rtpmap.get(payload_type, "").partition("/")
    clock = rest.partition("/")[0]
    return name.upper(), int(clock) if clock.isascii() and clock.isdigit() else 0


def _parameters(codec: Codec, fmtp: str) -> ParameterSets:
    pairs = (item.strip().partition("=") for item in fmtp.split(";"))
    values = {name.strip().lower(): value.strip() for name, _, value in pairs}
    nals: list[bytes] = []
    for key in _PARAMETER_KEYS:
        for item in filter(None, values.get(key, "").split(",")):
            try:
                nals.append(base64.b64decode(item + "=" * (-len(item) % 4)))
            except (binascii.Error, ValueError):
                continue  # in-band parameter sets will do
    if codec not in (Codec.H264, Codec.H265):
        return ParameterSets(codec)
    return ParameterSets(codec).updated(nals)


def _join(base: str, control: str) -> str:
    """Return a control address made absolute as cameras mean it (RFC 2326 C.1.1): appended."""
    if not control or control == "*":
        return base
    if control.lower().startswith(("rtsp://", "rtsps://")):
        return control
    return base + ("" if base.endswith("/") else "/") + control
