"""Knows what must be changed in WebRTC session descriptions. Does not know sessions."""

from typing import Final

MIN_KBIT_S: Final = 1500
START_KBIT_S: Final = 2500
MAX_KBIT_S: Final = 4000
_BITRATES: Final = (
    f"x-google-min-bitrate={MIN_KBIT_S};x-google-start-bitrate={START_KBIT_S};"
    f"x-google-max-bitrate={MAX_KBIT_S}"
)


def without_mdns(sdp: str) -> str:
    """Leave out candidates named `.local`: looking them up takes a second and mostly fails.

    The browser's packets reach us all the same, as peer-reflexive candidates (RFC 8445 7.3.1.3).
    """
    kept = [
        line
        for line in sdp.splitlines()
        if not (line.startswith("a=candidate:") and ".local " in line)
    ]
    return "\r\n".join(kept) + "\r\n"


def with_bitrates(sdp: str) -> str:
    """Ask Chromium for a bit rate that faces can be seen at.

    Measured: without these lines the receiver's estimate keeps it at 180p to 360p.
    """
    lines = sdp.splitlines()
    video_types = _coded_types(lines)
    out: list[str] = []
    for line in lines:
        payload_type = _number_after(line, "a=fmtp:")
        if payload_type in video_types:
            out.append(f"{line};{_BITRATES}")
            continue
        out.append(line)
        payload_type = _number_after(line, "a=rtpmap:")
        has_own = any(_number_after(other, "a=fmtp:") == payload_type for other in lines)
        if payload_type in video_types and not has_own:
            out.append(f"a=fmtp:{payload_type} {_BITRATES}")
    return "\r\n".join(out) + "\r\n"


def _coded_types(lines: list[str]) -> frozenset[str]:
    """Return the payload types of pictures, retransmission left out."""
    return frozenset(
        _number_after(line, "a=rtpmap:")
        for line in lines
        if line.startswith("a=rtpmap:") and ("VP8/" in line or "H264/" in line)
    )


def _number_after(line: str, prefix: str) -> str:
    return line.removeprefix(prefix).partition(" ")[0] if line.startswith(prefix) else ""
