"""Knows RTSP's bytes: requests out, responses and interleaved packets in (RFC 2326 4, 10.12).

Does not know sockets, nor in what order the messages make sense.
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Final

from streams.cameras.errors import ProtocolError

MAX_HEAD_BYTES: Final = 16 * 1024
MAX_BODY_BYTES: Final = 256 * 1024
_DOLLAR: Final = 0x24


@dataclass(frozen=True, slots=True)
class Response:
    """A camera's answer; header names in lower case, repeated ones kept."""

    status: int
    phrase: str
    headers: tuple[tuple[str, str], ...]
    body: bytes = b""

    def header(self, name: str) -> str | None:
        """Return the first header of that name."""
        return next((value for key, value in self.headers if key == name), None)

    def all(self, name: str) -> tuple[str, ...]:
        """Return every header of that name."""
        return tuple(value for key, value in self.headers if key == name)


@dataclass(frozen=True, slots=True)
class Question:
    """A request that a server sends to its client; few do."""

    method: str
    headers: tuple[tuple[str, str], ...]


@dataclass(frozen=True, slots=True)
class Interleaved:
    """One RTP or RTCP packet on its channel."""

    channel: int
    payload: bytes


Message = Response | Question | Interleaved


def request(method: str, url: str, headers: Sequence[tuple[str, str]]) -> bytes:
    """Return a request's bytes; raises ValueError if a line break hides in it."""
    lines = [f"{method} {url} RTSP/1.0", *(f"{name}: {value}" for name, value in headers)]
    if any("\r" in line or "\n" in line for line in lines):
        raise ValueError("a line break inside a request")
    return ("\r\n".join(lines) + "\r\n\r\n").encode("utf-8")


class RtspWire:
    """Cuts a byte stream into messages; holds at most one unfinished message."""

    def __init__(self) -> None:
        self._buffer = bytearray()

    def receive(self, data: bytes) -> Iterator[Message]:
        """Yield what became complete; raises ProtocolError on anything else."""
        self._buffer += data
        while (message := self._next()) is not None:
            yield message

    def _next(self) -> Message | None:
        buffer = self._buffer
        while buffer and buffer[0] in b"\r\n":
            del buffer[:1]
        if not buffer:
            return None
        return self._interleaved() if buffer[0] == _DOLLAR else self._text()

    def _interleaved(self) -> Interleaved | None:
        buffer = self._buffer
        if len(buffer) < 4:
            return None
        end = 4 + (buffer[2] << 8 | buffer[3])
        if len(buffer) < end:
            return None
        packet = Interleaved(buffer[1], bytes(buffer[4:end]))
        del buffer[:end]
        return packet

    def _text(self) -> Response | Question | None:
        buffer = self._buffer
        if not 0x41 <= buffer[0] <= 0x5A:
            raise ProtocolError("neither a packet nor an RTSP message")
        end = buffer.find(b"\r\n\r\n", 0, MAX_HEAD_BYTES)
        if end < 0:
            if len(buffer) >= MAX_HEAD_BYTES:
                raise ProtocolError("the head of a message is too long")
            return None
        first, headers = _parse_head(bytes(buffer[:end]))
        length = _content_length(headers)
        if len(buffer) < end + 4 + length:
            return None
        body = bytes(buffer[end + 4 : end + 4 + length])
        del buffer[: end + 4 + length]
        return _message(first, headers, body)


def _parse_head(head: bytes) -> tuple[str, tuple[tuple[str, str], ...]]:
    first, *lines = head.decode("utf-8", "replace").split("\r\n")
    pairs = (line.partition(":") for line in lines if ":" in line)
    return first, tuple((name.strip().lower(), value.strip()) for name, _, value in pairs)


def _content_length(headers: Sequence[tuple[str, str]]) -> int:
    text = next((value for name, value in headers if name == "content-length"), "0")
    if not text.isascii() or not text.isdigit():
        raise ProtocolError("Content-Length is not a number")
    if len(text) > 9 or int(text) > MAX_BODY_BYTES:
        raise ProtocolError("the body of a message is too long")
    return int(text)


def _message(first: str, headers: tuple[tuple[str, str], ...], body: bytes) -> Response | Question:
    words = first.split(" ", 2)
    if not words[0].startswith("RTSP/"):
        if len(words) < 3 or not words[2].startswith("RTSP/"):
            raise ProtocolError("what answers there does not speak RTSP")
        return Question(words[0], headers)
    if len(words) < 2 or not (words[1].isascii() and words[1].isdigit()) or len(words[1]) != 3:
        raise ProtocolError("a response without a status")
    return Response(int(words[1]), words[2] if len(words) > 2 else "", headers, body)
