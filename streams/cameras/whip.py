"""Knows who lends which camera over WebRTC (RFC 9725): one publisher a camera, as its source.

Does not know HTTP or tokens, which the gateway checks, nor the bus.
"""

import asyncio
import secrets
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Final, NoReturn

import structlog

from engine.bitstream import split_annex_b
from engine.packets import Codec
from engine.source import Reason
from streams.cameras.depacketise import MAX_UNIT_BYTES, RawUnit
from streams.cameras.errors import SourceError
from streams.cameras.source import Deliver
from streams.cameras.units import Framing, UnitCounters
from streams.cameras.webrtc_receiver import (
    BadOffer,
    EncodedUnit,
    VideoReceiver,
    give_back,
    take_over,
)
from streams.cameras.webrtc_sdp import with_bitrates, without_mdns

MAX_SDP_BYTES: Final = 64 * 1024
ANSWER_WITHIN_S: Final = 5.0
# Both below engine.source's own limits: so a publisher that fails makes room for the next at once.
CONNECT_WITHIN_S: Final = 8.0
SILENT_AT_MOST_S: Final = 10.0
log = structlog.get_logger()


@dataclass(slots=True)
class _Session:
    """One publisher."""

    id: str
    receiver: VideoReceiver


@dataclass(slots=True)
class _Place:
    """A camera that may be lent; `arrived` is set while a publisher is there."""

    session: _Session | None = None
    reserved: bool = False  # an offer is being answered
    arrived: asyncio.Event = field(default_factory=asyncio.Event)

    def leave(self, session: _Session) -> None:
        if self.session is session:
            self.session = None
            self.arrived.clear()


class WhipHub:
    """All lent cameras of one ingest; answers the gateway's requests."""

    def __init__(self, addresses: Sequence[str], now_ns: Callable[[], int]) -> None:
        take_over(addresses)
        self._now_ns = now_ns
        self._places: dict[str, _Place] = {}

    def source(self, camera_id: str) -> "WhipSource":
        """Return the source of a lent camera; from now on it may be published."""
        place = self._places[camera_id] = _Place()
        return WhipSource(place, self._now_ns, lambda: self._forget(camera_id, place))

    def _forget(self, camera_id: str, place: _Place) -> None:
        if self._places.get(camera_id) is place:
            del self._places[camera_id]

    async def answer(self, fields: Mapping[str, bytes]) -> dict[str, Any]:
        """Answer a "whip" request: action, camera, sdp, session in; status, sdp, session out."""
        given = {name: value.decode("utf-8", "replace") for name, value in fields.items()}
        place = self._places.get(given.get("camera", ""))
        if place is None:
            return {"status": 404, "error": "no such camera is lent here"}
        match given.get("action"):
            case "offer":
                return await self._offer(place, given.get("sdp", ""))
            case "delete":
                return await self._delete(place, given.get("session", ""))
            case _:
                return {"status": 400, "error": "the action is neither offer nor delete"}

    async def _offer(self, place: _Place, sdp: str) -> dict[str, Any]:
        if place.session is not None or place.reserved:
            return {"status": 409, "error": "somebody lends this camera already"}
        if len(sdp) > MAX_SDP_BYTES:
            return {"status": 413, "error": "the offer is too long"}
        place.reserved = True
        receiver = VideoReceiver()
        try:
            async with asyncio.timeout(ANSWER_WITHIN_S):
                answer = await receiver.answer(without_mdns(sdp))
        except (BadOffer, TimeoutError) as error:
            await receiver.close()
            return {"status": 400, "error": str(error) or "the offer took too long to answer"}
        except BaseException:
            await receiver.close()
            raise
        finally:
            place.reserved = False
        place.session = _Session(secrets.token_hex(16), receiver)
        place.arrived.set()
        return {"status": 201, "sdp": with_bitrates(answer), "session": place.session.id}

    async def _delete(self, place: _Place, session_id: str) -> dict[str, Any]:
        session = place.session
        if session is None or not secrets.compare_digest(session.id.encode(), session_id.encode()):
            return {"status": 404, "error": "no such session"}
        place.leave(session)
        await session.receiver.close()
        return {"status": 200}

    async def close(self) -> None:
        """Close every connection."""
        sessions = [place.session for place in self._places.values() if place.session]
        await asyncio.gather(*(session.receiver.close() for session in sessions))
        give_back()


class WhipSource:
    """A lent camera as a source: ready when somebody publishes."""

    def __init__(
        self, place: _Place, now_ns: Callable[[], int], forget: Callable[[], None]
    ) -> None:
        self._place = place
        self._now_ns = now_ns
        self._forget = forget

    async def ready(self) -> None:
        """Return when a publisher is there."""
        await self._place.arrived.wait()

    async def run(self, deliver: Deliver, previous_epoch_ms: int) -> NoReturn:
        """Deliver what the publisher sends; raises SourceError when nobody does any longer."""
        session = self._place.session
        if session is None:
            raise SourceError(Reason.NO_PUBLISHER)
        taker = _Taker(deliver, previous_epoch_ms, self._now_ns)
        loop = asyncio.get_running_loop()
        try:
            async with asyncio.timeout(CONNECT_WITHIN_S) as bound:

                def take(unit: EncodedUnit) -> None:
                    bound.reschedule(loop.time() + SILENT_AT_MOST_S)
                    taker.take(unit)

                await session.receiver.run(take)
        except TimeoutError:
            raise SourceError(Reason.NO_PUBLISHER, "no picture came from it") from None
        finally:
            self._place.leave(session)
            await session.receiver.close()
        raise SourceError(Reason.NO_PUBLISHER)

    async def retire(self) -> None:
        """Refuse publishers from now on: the camera is not kept here any longer."""
        self._forget()
        session = self._place.session
        if session is not None:
            self._place.leave(session)
            await session.receiver.close()


class _Taker:
    """Turns one publisher's encoded pictures into packets."""

    def __init__(self, deliver: Deliver, previous_epoch_ms: int, now_ns: Callable[[], int]) -> None:
        self._deliver = deliver
        self._now_ns = now_ns
        self._previous_epoch_ms = previous_epoch_ms
        self._framing: Framing | None = None

    def take(self, unit: EncodedUnit) -> None:
        framing = self._framing
        if framing is None or framing.codec is not unit.codec:
            counters = UnitCounters() if framing is None else framing.counters
            framing = Framing(unit.codec, self._previous_epoch_ms, counters=counters)
            self._framing = framing
        packet = framing.add(_raw(unit), self._now_ns())
        if packet is not None:
            self._previous_epoch_ms = packet.epoch_ms
        self._deliver(packet, framing.facts())


def _raw(unit: EncodedUnit) -> RawUnit:
    """Return a picture as its NAL units; one that is too large is damaged."""
    if len(unit.data) > MAX_UNIT_BYTES:
        return RawUnit(unit.rtp_time, (), True)
    nals = split_annex_b(unit.data) if unit.codec is Codec.H264 else [unit.data]
    return RawUnit(unit.rtp_time, tuple(nals), False)
