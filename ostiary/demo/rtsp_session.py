"""Knows one RTSP connection: what it may ask and in which order. Does not know pictures."""

import asyncio
import secrets
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Final

from ostiary.demo.clip import Clip, transcode
from ostiary.demo.faults import Fault, FaultKind, Target, parse_path
from ostiary.demo.playout import Playout, TcpWire, UdpWire, Wire
from ostiary.demo.rtsp_messages import (
    MAX_BODY,
    Answer,
    BadRequest,
    Description,
    Login,
    Request,
    challenge,
    is_authorized,
    parse_request,
    parse_transport,
    session_description,
)
from ostiary.demo.station import Station

IDLE_S: Final = 90.0  # a client that plays over UDP must show itself; so must one not yet playing
METHODS: Final = "OPTIONS, DESCRIBE, SETUP, PLAY, TEARDOWN, GET_PARAMETER"


class Hangup(Exception):
    """The server ends this connection without an answer."""


@dataclass(frozen=True, slots=True)
class Stage:
    """What all connections of one server share."""

    stations: Mapping[str, Station]
    login: Login | None
    udp: tuple[asyncio.DatagramTransport, asyncio.DatagramTransport] | None
    faults: bool


class Session:
    """One connection, from the first request to its end."""

    def __init__(
        self, stage: Stage, reader: asyncio.StreamReader, writer: asyncio.StreamWriter
    ) -> None:
        self._stage = stage
        self._reader = reader
        self._writer = writer
        self._nonce = secrets.token_hex(16)
        self._id = secrets.token_hex(8)
        self._playout: Playout | None = None
        self._station: Station | None = None

    async def run(self) -> None:
        """Serve requests until the client leaves, misbehaves or is silent for too long."""
        try:
            while True:
                async with asyncio.timeout(self._patience_s()):
                    request = await self._next_request()
                if request is not None:
                    await self._serve(request)
        except BadRequest:
            self._writer.write(Answer(400).to_bytes("0"))
        except (Hangup, OSError, EOFError, TimeoutError, asyncio.LimitOverrunError):
            pass  # every way in which a peer may leave; the demo owes it nothing more
        finally:
            if self._station is not None and self._playout is not None:
                self._station.clients.discard(self._playout)
            self._writer.close()

    async def _serve(self, request: Request) -> None:
        answer = await self._answer(request)
        if answer is not None:
            self._write(request, answer)
            self._begin(request, answer)

    def _patience_s(self) -> float | None:
        playing = self._station is not None and self._playout in self._station.clients
        over_tcp = self._playout is not None and isinstance(self._playout.wire, TcpWire)
        return None if playing and over_tcp else IDLE_S

    async def _next_request(self) -> Request | None:
        first = await self._reader.readexactly(1)
        if first == b"$":  # an interleaved packet: receiver reports, which nobody reads
            size = int.from_bytes((await self._reader.readexactly(3))[1:])
            await self._reader.readexactly(size)
            return None
        request = parse_request(first + await self._reader.readuntil(b"\r\n\r\n"))
        length = request.headers.get("content-length", "0")
        if not length.isdecimal() or int(length) > MAX_BODY:
            raise BadRequest(f"a body of {length[:20]} bytes")
        await self._reader.readexactly(int(length))
        return request

    def _write(self, request: Request, answer: Answer) -> None:
        headers = dict(answer.headers)
        if self._playout is not None and request.method != "OPTIONS":
            headers["Session"] = f"{self._id};timeout=60"
        answer = Answer(answer.status, headers, answer.body)
        self._writer.write(answer.to_bytes(request.headers.get("cseq", "0")))

    def _begin(self, request: Request, answer: Answer) -> None:
        """Media starts, or ends, only after its answer was written."""
        if answer.status != 200 or self._station is None or self._playout is None:
            return
        if request.method == "PLAY":
            self._station.clients.add(self._playout)
        elif request.method == "TEARDOWN":
            self._playout.finish()
            raise Hangup

    async def _answer(self, request: Request) -> Answer | None:
        """Return the answer, or None where the fault is that there is none."""
        if request.method == "OPTIONS":
            return Answer(200, {"Public": METHODS})
        target = parse_path(request.path)
        refusal = self._refusal(request, target)
        if refusal is not None or target is None:
            return refusal or Answer(404)
        if target.fault is not None and target.fault.kind is FaultKind.MUTE:
            return None
        return await self._granted(request, target)

    async def _granted(self, request: Request, target: Target) -> Answer:
        match request.method:
            case "DESCRIBE":
                return self._describe(request, target)
            case "SETUP":
                return await self._setup(request, target)
            case "PLAY":
                return self._play(request)
            case "GET_PARAMETER":
                return Answer(200)
            case "TEARDOWN":
                return Answer(200 if self._playout is not None else 454)
        return Answer(405, {"Allow": METHODS})

    def _refusal(self, request: Request, target: Target | None) -> Answer | None:
        kind = target.fault.kind if target is not None and target.fault is not None else None
        if kind is not None and not self._stage.faults:
            return Answer(404)
        if kind is FaultKind.REFUSE:
            raise Hangup
        login = self._stage.login
        if kind is FaultKind.UNAUTHORIZED or (
            login is not None and not is_authorized(request, login, self._nonce)
        ):
            return Answer(401, {"WWW-Authenticate": challenge(self._nonce)})
        if target is None or target.stream not in self._stage.stations:
            return Answer(404)
        if kind in (FaultKind.NOT_FOUND, FaultKind.BUSY):
            return Answer(int(kind))
        return None

    def _describe(self, request: Request, target: Target) -> Answer:
        clip = self._stage.stations[target.stream].clip
        kind = target.fault.kind if target.fault is not None else None
        sets = () if kind is FaultKind.NO_SPROP else clip.parameter_sets
        host = self._writer.get_extra_info("sockname")[0]
        body = session_description(Description(host, sets, clip.profile, clip.rate_hz))
        base = request.url.rstrip("/") + "/"
        return Answer(200, {"Content-Base": base, "Content-Type": "application/sdp"}, body)

    async def _setup(self, request: Request, target: Target) -> Answer:
        if self._playout is not None:
            return Answer(455)
        transport = parse_transport(request.headers.get("transport", ""))
        if transport is None or (not transport.tcp and self._stage.udp is None):
            return Answer(461)
        ports = (transport.media, transport.control)
        wire: Wire
        if transport.tcp:
            wire = TcpWire(self._writer.transport, ports)
            where = f"RTP/AVP/TCP;unicast;interleaved={ports[0]}-{ports[1]}"
        else:
            assert self._stage.udp is not None
            wire = UdpWire(*self._stage.udp, self._writer.get_extra_info("peername")[0], ports)
            own = [each.get_extra_info("sockname")[1] for each in self._stage.udp]
            where = (
                f"RTP/AVP;unicast;client_port={ports[0]}-{ports[1]};server_port={own[0]}-{own[1]}"
            )
        station = self._stage.stations[target.stream]
        resized = await _resized(station, target.fault)
        self._station = station
        period = station.clip.period_ticks
        self._playout = Playout(wire, self._writer.transport, target.fault, resized, period)
        return Answer(200, {"Transport": f"{where};ssrc={self._playout.sender.ssrc:08X}"})

    def _play(self, request: Request) -> Answer:
        if self._playout is None:
            return Answer(454)
        track = request.url.rstrip("/") + "/trackID=0"
        info = f"url={track};seq={self._playout.sender.sequence}"
        return Answer(200, {"Range": "npt=now-", "RTP-Info": info})


async def _resized(station: Station, fault: Fault | None) -> Clip | None:
    """Return the stream's first pictures at half the size, where the fault wants them."""
    if fault is None or fault.kind is not FaultKind.RESIZE:
        return None
    half = (station.clip.width_px // 2, station.clip.height_px // 2)
    return await asyncio.to_thread(transcode, station.path, half, 50)
