"""Knows RTSP's text: requests, answers, digest authentication, transports, session descriptions.

Does not know sockets. RFC 2326 (RTSP 1.0), RFC 7616 (digest, MD5), RFC 8866 (SDP).
"""

import base64
import hashlib
import hmac
import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Final
from urllib.parse import unquote, urlsplit

from ostiary.demo.rtp import PAYLOAD_TYPE

REALM: Final = "ostiary demo"
MAX_BODY: Final = 65_536  # bytes
REASONS: Final = {
    200: "OK",
    400: "Bad Request",
    401: "Unauthorized",
    404: "Not Found",
    405: "Method Not Allowed",
    454: "Session Not Found",
    455: "Method Not Valid in This State",
    461: "Unsupported Transport",
    503: "Service Unavailable",
}
_PAIR = re.compile(r'(\w+)=(?:"([^"]*)"|([^\s,]*))')


class BadRequest(ValueError):
    """The peer's bytes are no RTSP request."""


@dataclass(frozen=True, slots=True)
class Request:
    """One request; header names are lower case."""

    method: str
    url: str
    headers: Mapping[str, str]

    @property
    def path(self) -> str:
        """Return the path of the request's address."""
        return unquote(urlsplit(self.url).path)


@dataclass(frozen=True, slots=True)
class Answer:
    """What is sent back; CSeq and Session are added when it is written."""

    status: int
    headers: Mapping[str, str] = field(default_factory=dict)
    body: bytes = b""

    def to_bytes(self, cseq: str) -> bytes:
        """Return the answer as it goes over the wire."""
        lines = [f"RTSP/1.0 {self.status} {REASONS[self.status]}", f"CSeq: {cseq}"]
        lines += [f"{name}: {value}" for name, value in self.headers.items()]
        if self.body:
            lines.append(f"Content-Length: {len(self.body)}")
        return "\r\n".join([*lines, "", ""]).encode() + self.body


def parse_request(head: bytes) -> Request:
    """Read a request's head, up to and with the empty line; raises BadRequest."""
    try:
        first, *rest = head.decode("utf-8").rstrip("\r\n").split("\r\n")
        method, url, version = first.split(" ")
    except ValueError as error:
        raise BadRequest("no request line") from error
    if not version.startswith("RTSP/1."):
        raise BadRequest(f"unknown protocol {version[:20]}")
    pairs = (line.partition(":") for line in rest)
    return Request(method, url, {name.strip().lower(): value.strip() for name, _, value in pairs})


@dataclass(frozen=True, slots=True)
class Login:
    """Who may watch."""

    user: str
    password: str = field(repr=False)


def challenge(nonce: str) -> str:
    """Return the value of WWW-Authenticate."""
    return f'Digest realm="{REALM}", nonce="{nonce}", algorithm=MD5, qop="auth"'


def _md5(*parts: str) -> str:
    return hashlib.md5(":".join(parts).encode(), usedforsecurity=False).hexdigest()


def digest_response(request: Request, login: Login, fields: Mapping[str, str]) -> str:
    """Return the response that a client with this login must give (RFC 7616, 3.4.1)."""
    secret = _md5(login.user, REALM, login.password)
    asked = _md5(request.method, fields.get("uri", ""))
    nonce = fields.get("nonce", "")
    if fields.get("qop"):
        count, client = fields.get("nc", ""), fields.get("cnonce", "")
        return _md5(secret, nonce, count, client, fields["qop"], asked)
    return _md5(secret, nonce, asked)


def is_authorized(request: Request, login: Login, nonce: str) -> bool:
    """Tell whether a request carries the right digest for this connection's nonce."""
    scheme, _, rest = request.headers.get("authorization", "").partition(" ")
    if scheme.lower() != "digest":
        return False
    fields = {name.lower(): quoted or bare for name, quoted, bare in _PAIR.findall(rest)}
    expected = digest_response(request, login, fields)
    return (
        fields.get("username") == login.user
        and hmac.compare_digest(fields.get("nonce", ""), nonce)
        and hmac.compare_digest(fields.get("response", ""), expected)
    )


@dataclass(frozen=True, slots=True)
class Transport:
    """Where media goes: two channels of the connection, or two UDP ports of the client."""

    tcp: bool
    media: int
    control: int


def parse_transport(header: str) -> Transport | None:
    """Return the first transport on offer that the server speaks (RFC 2326, 12.39)."""
    for offer in header.split(","):
        name, *parameters = offer.strip().split(";")
        values = dict(part.partition("=")[::2] for part in parameters)
        if name.upper() == "RTP/AVP/TCP":
            channels = values.get("interleaved", "0-1").split("-")
        elif name.upper() in ("RTP/AVP", "RTP/AVP/UDP") and "multicast" not in values:
            channels = values.get("client_port", "").split("-")
        else:
            continue
        limit = 255 if name.upper() == "RTP/AVP/TCP" else 65_535
        numbers = [int(text) for text in channels if text.isdecimal() and int(text) <= limit]
        if len(numbers) == 2:
            return Transport(name.upper() == "RTP/AVP/TCP", *numbers)
    return None


@dataclass(frozen=True, slots=True)
class Description:
    """What a session description says of the one video track."""

    host: str
    parameter_sets: tuple[bytes, ...]  # empty: none are announced
    profile: str  # profile-level-id, six hexadecimal digits
    rate_hz: float


def session_description(track: Description) -> bytes:
    """Return the SDP of one H.264 track (RFC 8866; RFC 6184, 8.2.1)."""
    sets = ",".join(base64.b64encode(nal).decode() for nal in track.parameter_sets)
    sprop = f";sprop-parameter-sets={sets}" if sets else ""
    lines = [
        "v=0",
        f"o=- 1 1 IN IP4 {track.host}",
        "s=Ostiary demo",
        "c=IN IP4 0.0.0.0",
        "t=0 0",
        "a=control:*",
        "a=range:npt=now-",
        f"m=video 0 RTP/AVP {PAYLOAD_TYPE}",
        f"a=rtpmap:{PAYLOAD_TYPE} H264/90000",
        f"a=fmtp:{PAYLOAD_TYPE} packetization-mode=1;profile-level-id={track.profile}{sprop}",
        f"a=framerate:{track.rate_hz:g}",
        "a=control:trackID=0",
    ]
    return "\r\n".join([*lines, ""]).encode()
