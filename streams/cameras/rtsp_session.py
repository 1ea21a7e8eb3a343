"""Knows the order of an RTSP client's requests and what each answer means; bytes in, events out.

Does not know sockets, time, or pictures.

Theory: OPTIONS, DESCRIBE, SETUP, PLAY, each sent when the one before was answered; then packets
flow on the same connection until TEARDOWN. A 401 is answered once with credentials and the same
request; asked again with a fresh challenge only when the camera says that the nonce is stale.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from enum import StrEnum
from typing import Final

from engine.source import Reason
from streams.cameras.errors import ProtocolError, SourceError
from streams.cameras.rtsp_auth import Authenticator, Credentials, strongest
from streams.cameras.rtsp_wire import Interleaved, Question, Response, RtspWire, request
from streams.cameras.sdp import VideoTrack, choose_video

USER_AGENT: Final = "ostiary"
DEFAULT_SESSION_S: Final = 60.0


class Stage(StrEnum):
    """Which answer the client waits for."""

    OPTIONS = "OPTIONS"
    DESCRIBE = "DESCRIBE"
    SETUP = "SETUP"
    PLAY = "PLAY"
    PLAYING = "playing"


NEXT: Final[Mapping[Stage, Stage]] = {
    Stage.OPTIONS: Stage.DESCRIBE,
    Stage.DESCRIBE: Stage.SETUP,
    Stage.SETUP: Stage.PLAY,
    Stage.PLAY: Stage.PLAYING,
}

_REASONS: Final[Mapping[int, Reason]] = {
    403: Reason.NOT_ALLOWED,
    404: Reason.NO_SUCH_STREAM,
    410: Reason.NO_SUCH_STREAM,
    453: Reason.BUSY,
    454: Reason.PROTOCOL,
    461: Reason.UNSUPPORTED_TRANSPORT,
    503: Reason.BUSY,
}


@dataclass(frozen=True, slots=True)
class Described:
    """The camera said what it sends."""

    track: VideoTrack


@dataclass(frozen=True, slots=True)
class Playing:
    """The camera agreed to send; say something at least every keepalive_s."""

    keepalive_s: float


@dataclass(frozen=True, slots=True)
class RtpData:
    """One RTP packet of the video."""

    payload: bytes


@dataclass(frozen=True, slots=True)
class RtcpData:
    """One RTCP packet that belongs to the video."""

    payload: bytes


Event = Described | Playing | RtpData | RtcpData


class RtspSession:
    """One client session; `outgoing()` must be sent after every call."""

    def __init__(self, url: str, credentials: Credentials | None) -> None:
        self._url = self._base = url
        self._has_credentials = credentials is not None
        self._auth = Authenticator(credentials or Credentials("", ""))
        self._wire = RtspWire()
        self.stage = Stage.OPTIONS
        self._track: VideoTrack | None = None
        self._session = ""
        self._keepalive_method = "OPTIONS"
        self._rtp_channel = 0
        self._cseq = 0
        self._answered_challenge = False
        self._out = bytearray()
        self._ask_for_stage()

    def outgoing(self) -> bytes:
        """Return what must be sent now, once."""
        data, self._out = bytes(self._out), bytearray()
        return data

    def receive(self, data: bytes) -> list[Event]:
        """Take bytes from the camera; return what happened. Raises SourceError."""
        events: list[Event] = []
        for message in self._wire.receive(data):
            match message:
                case Interleaved(channel, payload):
                    if channel == self._rtp_channel:
                        events.append(RtpData(payload))
                    elif channel == self._rtp_channel + 1:
                        events.append(RtcpData(payload))
                case Response():
                    events += self._answered(message)
                case Question(method, headers):
                    self._decline(method, dict(headers).get("cseq", "0"))
        return events

    def keepalive(self) -> None:
        """Ask for something harmless, so that the camera keeps the session."""
        self._ask(self._keepalive_method, self._url)

    def report(self, rtcp: bytes) -> None:
        """Send an RTCP packet; nothing answers it."""
        self._out += bytes((0x24, self._rtp_channel + 1)) + len(rtcp).to_bytes(2, "big") + rtcp

    def teardown(self) -> None:
        """Say good-bye; nobody waits for the answer."""
        if self._session:
            self._ask("TEARDOWN", self._base)

    def _ask_for_stage(self) -> None:
        match self.stage:
            case Stage.OPTIONS:
                self._ask("OPTIONS", self._url)
            case Stage.DESCRIBE:
                self._ask("DESCRIBE", self._url, ("Accept", "application/sdp"))
            case Stage.SETUP:
                assert self._track is not None
                transport = "RTP/AVP/TCP;unicast;interleaved=0-1"
                self._ask("SETUP", self._track.control, ("Transport", transport))
            case Stage.PLAY:
                self._ask("PLAY", self._base, ("Range", "npt=0.000-"))
            case Stage.PLAYING:
                pass

    def _ask(self, method: str, url: str, *extra: tuple[str, str]) -> None:
        self._cseq += 1
        headers = [("CSeq", str(self._cseq)), ("User-Agent", USER_AGENT), *extra]
        if self._session:
            headers.append(("Session", self._session))
        authorization = self._auth.header(method, url)
        if authorization:
            headers.append(("Authorization", authorization))
        self._out += request(method, url, headers)

    def _decline(self, method: str, cseq: str) -> None:
        number = cseq if cseq.isascii() and cseq.isdigit() else "0"
        status = "200 OK" if method == "OPTIONS" else "501 Not Implemented"
        self._out += f"RTSP/1.0 {status}\r\nCSeq: {number}\r\n\r\n".encode()

    def _answered(self, response: Response) -> list[Event]:
        if response.status < 200:
            return []
        if self.stage is Stage.PLAYING:
            return self._kept_alive(response)
        if response.status == 401:
            self._meet_challenge(response)
            self._ask_for_stage()
            return []
        self._answered_challenge = False
        if response.status >= 300 and self.stage is not Stage.OPTIONS:
            raise self._refusal(response)
        events = self._advance(response)
        self.stage = NEXT[self.stage]
        self._ask_for_stage()
        return events

    def _advance(self, response: Response) -> list[Event]:
        match self.stage:
            case Stage.OPTIONS:
                if "GET_PARAMETER" in (response.header("public") or ""):
                    self._keepalive_method = "GET_PARAMETER"
            case Stage.DESCRIBE:
                return [self._described(response)]
            case Stage.SETUP:
                self._set_up(response)
            case Stage.PLAY:
                return [Playing(self._keepalive_s)]
            case Stage.PLAYING:
                pass
        return []

    def _described(self, response: Response) -> Described:
        given = response.header("content-base") or response.header("content-location")
        if given and given.lower().startswith(("rtsp://", "rtsps://")):
            self._base = given
        self._track = choose_video(response.body.decode("utf-8", "replace"), self._base)
        self._base = self._track.aggregate
        return Described(self._track)

    def _set_up(self, response: Response) -> None:
        name, _, parameters = (response.header("session") or "").partition(";")
        self._session = name.strip()[:256]
        if not self._session:
            raise ProtocolError("SETUP was answered without a session")
        self._keepalive_s = _timeout_s(parameters) / 2
        for part in (response.header("transport") or "").split(";"):
            key, _, value = part.strip().partition("=")
            first = value.partition("-")[0]
            if key == "interleaved" and first.isascii() and first.isdigit():
                self._rtp_channel = min(int(first[:3]), 254)

    def _kept_alive(self, response: Response) -> list[Event]:
        if response.status == 401:
            challenge = strongest(response.all("www-authenticate"))
            if challenge is not None:
                self._auth.accept(challenge)  # the next keepalive will use it
        elif response.status == 454:
            raise SourceError(Reason.CLOSED, "the camera ended the session")
        return []

    def _meet_challenge(self, response: Response) -> None:
        if not self._has_credentials:
            raise SourceError(Reason.PASSWORD_NEEDED)
        challenge = strongest(response.all("www-authenticate"))
        if challenge is None:
            raise SourceError(Reason.NOT_ALLOWED, "no kind of log-in that we know")
        if self._answered_challenge and not challenge.stale:
            raise SourceError(Reason.WRONG_PASSWORD)
        self._answered_challenge = not challenge.stale
        self._auth.accept(challenge)

    def _refusal(self, response: Response) -> SourceError:
        if response.status in (301, 302, 303, 307, 308):
            return SourceError(Reason.NO_SUCH_STREAM, "the camera sends elsewhere: enter that URL")
        reason = _REASONS.get(response.status, Reason.PROTOCOL)
        phrase = "".join(letter for letter in response.phrase if letter.isprintable())[:60]
        return SourceError(reason, f"{self.stage} answered {response.status} {phrase}".strip())


def _timeout_s(parameters: str) -> float:
    key, _, value = parameters.strip().partition("=")
    if key.strip().lower() == "timeout" and value.isascii() and value.isdigit():
        return min(max(float(value[:6]), 2.0), 600.0)
    return DEFAULT_SESSION_S
