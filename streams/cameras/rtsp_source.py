"""Knows how to pull one camera over RTSP on a TCP or TLS connection.

Does not know the bus, and never tries again by itself.
"""

import asyncio
import secrets
import socket
import ssl
from collections.abc import Callable
from dataclasses import dataclass
from typing import Final, NoReturn, cast
from urllib.parse import urlsplit

from config.cameras import parse_address
from engine.clock import SenderReport
from engine.packets import Codec
from engine.source import Reason
from streams.cameras.depacketise import Depacketiser, NalDepacketiser
from streams.cameras.depacketise_jpeg import JpegDepacketiser
from streams.cameras.errors import SourceError
from streams.cameras.rtp import Bye, parse_rtcp, parse_rtp, receiver_report
from streams.cameras.rtsp_auth import Credentials
from streams.cameras.rtsp_session import Described, Event, Playing, RtcpData, RtpData, RtspSession
from streams.cameras.sdp import VideoTrack
from streams.cameras.source import Deliver
from streams.cameras.units import Framing

CONNECT_WITHIN_S: Final = 5.0
TLS_WITHIN_S: Final = 3.0  # of those
ANSWER_WITHIN_S: Final = 5.0
REPORT_EVERY_S: Final = 5.0
KEEPALIVE_AT_MOST_S: Final = 25.0
_PORTS: Final = {"rtsp": 554, "rtsps": 322}
NS: Final = 1_000_000_000


@dataclass(frozen=True, slots=True)
class RtspTarget:
    """Where to pull from; the URL holds no credentials."""

    url: str
    credentials: Credentials | None = None


class RtspSource:
    """One RTSP stream; now_ns is UTC."""

    def __init__(self, target: RtspTarget, now_ns: Callable[[], int]) -> None:
        self._target = target
        self._now_ns = now_ns

    async def ready(self) -> None:
        """A try always makes sense: the camera may be back."""

    async def run(self, deliver: Deliver, previous_epoch_ms: int) -> NoReturn:
        """Connect, play and deliver until the connection ends; raises SourceError."""
        try:
            parse_address(self._target.url)
        except ValueError as error:
            raise SourceError(Reason.FORBIDDEN_ADDRESS, str(error)) from None
        session = RtspSession(self._target.url, self._target.credentials)
        receiver = _Receiver(session, _Unpacker(deliver, previous_epoch_ms), self._now_ns)
        await _connect(self._target.url, receiver)
        try:
            await self._handshake(receiver, session)
            raise await asyncio.shield(receiver.ended)
        finally:
            receiver.close()

    async def retire(self) -> None:
        """Nothing outlives run()."""

    async def _handshake(self, receiver: "_Receiver", session: RtspSession) -> None:
        """Wait until the camera plays or the connection ends."""
        try:
            async with asyncio.timeout(ANSWER_WITHIN_S):
                await receiver.settled.wait()
        except TimeoutError:
            raise SourceError(Reason.NO_ANSWER, f"{session.stage} was not answered") from None


async def _connect(url: str, receiver: "_Receiver") -> None:
    parts = urlsplit(url)
    host, port = parts.hostname or "", parts.port or _PORTS[parts.scheme]
    tls = _tls() if parts.scheme == "rtsps" else None
    loop = asyncio.get_running_loop()
    try:
        async with asyncio.timeout(CONNECT_WITHIN_S):
            patience_s = TLS_WITHIN_S if tls else None
            await loop.create_connection(
                lambda: receiver, host, port, ssl=tls, ssl_handshake_timeout=patience_s
            )
    except TimeoutError:
        raise SourceError(Reason.UNREACHABLE, f"{host}:{port}") from None
    except socket.gaierror:
        raise SourceError(Reason.NAME_UNKNOWN, host) from None
    except ConnectionRefusedError:
        raise SourceError(Reason.REFUSED, f"nothing listens on {host}:{port}") from None
    except ConnectionAbortedError:  # as asyncio calls a handshake that takes too long
        raise SourceError(Reason.TLS, f"{host}:{port} does not speak it") from None
    except ConnectionError:
        raise SourceError(Reason.RESET, f"{host}:{port}") from None
    except ssl.SSLError as error:
        raise SourceError(Reason.TLS, error.reason or "") from None
    except OSError as error:
        raise SourceError(Reason.UNREACHABLE, error.strerror or f"{host}:{port}") from None


def _tls() -> ssl.SSLContext:
    """Return a context that encrypts but checks no certificate: cameras sign their own."""
    context = ssl.create_default_context()
    context.check_hostname = False
    context.verify_mode = ssl.CERT_NONE
    return context


class _Unpacker:
    """Turns RTP and RTCP payloads into delivered packets."""

    def __init__(self, deliver: Deliver, previous_epoch_ms: int) -> None:
        self._deliver = deliver
        self._previous_epoch_ms = previous_epoch_ms
        self._track: VideoTrack | None = None
        self._ssrc: int | None = None

    def described(self, track: VideoTrack) -> None:
        self._track = track
        self._framing = Framing(track.codec, self._previous_epoch_ms, track.parameters)
        self._restart(track)

    def _restart(self, track: VideoTrack) -> None:
        self._depacketiser: Depacketiser = (
            JpegDepacketiser() if track.codec is Codec.MJPEG else NalDepacketiser(track.codec)
        )

    def rtp(self, data: bytes, arrival_ns: int) -> None:
        packet = parse_rtp(data)
        if packet is None or self._track is None:
            return
        if packet.payload_type != self._track.payload_type:
            return
        if self._ssrc not in (None, packet.ssrc):
            self._restart(self._track)  # another sender: its time line has nothing to do with it
            self._framing.interrupted()
        self._ssrc = packet.ssrc
        for unit in self._depacketiser.add(packet):
            self._deliver(self._framing.add(unit, arrival_ns), self._framing.facts())

    def rtcp(self, data: bytes) -> None:
        for part in parse_rtcp(data) if self._track is not None else ():
            match part:
                case SenderReport():
                    self._framing.reported(part)
                case Bye(ssrc) if ssrc == self._ssrc:
                    raise SourceError(Reason.CLOSED, "the camera said good-bye")
                case Bye():
                    pass


class _Receiver(asyncio.Protocol):
    """The connection: stamps arrival first, then unpacks; keeps the session alive as it goes.

    No timer is needed for that: while packets come they drive it, and when none come the
    supervisor ends the connection long before the camera would.
    """

    def __init__(
        self, session: RtspSession, unpacker: _Unpacker, now_ns: Callable[[], int]
    ) -> None:
        self._session = session
        self._unpacker = unpacker
        self._now_ns = now_ns
        self._transport: asyncio.Transport | None = None
        self._keepalive_every_ns = self._next_keepalive_ns = self._next_report_ns = 0
        self._our_ssrc = secrets.randbits(32)
        loop = asyncio.get_running_loop()
        self.settled = asyncio.Event()  # playing, or ended
        self.ended: asyncio.Future[SourceError] = loop.create_future()

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        # uvloop's transports are no asyncio.Transport by type: isinstance would refuse them
        self._transport = cast(asyncio.Transport, transport)
        self._transport.write(self._session.outgoing())

    def data_received(self, data: bytes) -> None:
        arrival_ns = self._now_ns()
        if self.ended.done():
            return
        try:
            for event in self._session.receive(data):
                self._happened(event, arrival_ns)
            self._keep_alive(arrival_ns)
        except SourceError as error:
            self._end(error)
        except Exception as error:  # what a hostile camera provokes ends its source, no other
            self._end(SourceError(Reason.PROTOCOL, f"unreadable: {type(error).__name__}"))

    def connection_lost(self, exc: Exception | None) -> None:
        reason = Reason.CLOSED if exc is None else Reason.RESET
        self._end(SourceError(reason))

    def close(self) -> None:
        """Say good-bye and close; what comes afterwards is ignored."""
        self._end(SourceError(Reason.CLOSED))

    def _happened(self, event: Event, arrival_ns: int) -> None:
        match event:
            case RtpData(payload):
                self._unpacker.rtp(payload, arrival_ns)
            case RtcpData(payload):
                self._unpacker.rtcp(payload)
            case Described(track):
                self._unpacker.described(track)
            case Playing(keepalive_s):
                self._keepalive_every_ns = round(min(keepalive_s, KEEPALIVE_AT_MOST_S) * NS)
                self._next_keepalive_ns = arrival_ns + self._keepalive_every_ns
                self.settled.set()

    def _keep_alive(self, now_ns: int) -> None:
        if self._keepalive_every_ns and now_ns >= self._next_keepalive_ns:
            self._next_keepalive_ns = now_ns + self._keepalive_every_ns
            self._session.keepalive()
        if self._keepalive_every_ns and now_ns >= self._next_report_ns:
            self._next_report_ns = now_ns + round(REPORT_EVERY_S * NS)
            self._session.report(receiver_report(self._our_ssrc))
        outgoing = self._session.outgoing()
        if outgoing and self._transport is not None:
            self._transport.write(outgoing)

    def _end(self, error: SourceError) -> None:
        if self.ended.done():
            return
        self.ended.set_result(error)
        self.settled.set()
        if self._transport is not None and not self._transport.is_closing():
            self._session.teardown()
            self._transport.write(self._session.outgoing())
            self._transport.close()
