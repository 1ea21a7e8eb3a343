"""Knows all viewers of all cameras, and reads the bus once for them. Does not know who may see."""

import asyncio
import secrets
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, Final, Protocol

import structlog
from redis.asyncio import Redis

from engine.packets import Role
from streams.bus import keys
from streams.bus.clock import MEASURE_EVERY_S, BusClock
from streams.bus.connection import AWAY
from streams.bus.observations import SeenObservation, decode
from streams.bus.packets import StreamKey, parse
from streams.bus.run import bus_run
from streams.bus.sources import read_status
from streams.clock import monotonic_ns, now_ns
from streams.codecs.encoder import SharedEncoder
from streams.viewer.feed import Feed, FeedLimits
from streams.viewer.figures import Losses, ViewerFigures
from streams.viewer.negotiation import OfferRefused, cleaned
from streams.viewer.opening import BUS_S, kept_of
from streams.viewer.session import Session, offer_addresses

_BLOCK_MS: Final = 100  # a camera that is newly watched waits at most this long
_COUNT: Final = 32
_AWAY_S: Final = 0.5
_CONNECT_S: Final = 20.0
_NO_ENTRY: Final = (KeyError, ValueError, TypeError)

log = structlog.get_logger(__name__)


@dataclass(frozen=True, slots=True)
class ViewerSettings:
    """addresses: what WebRTC offers; loopback unless somebody says otherwise."""

    addresses: tuple[str, ...] = ("127.0.0.1",)
    max_viewers: int = 32
    feed: FeedLimits = field(default_factory=FeedLimits)


@dataclass(frozen=True, slots=True)
class Answer:
    """What an offer gets."""

    session_id: str
    sdp: str


class Watched(Protocol):
    """What a hub needs of a camera."""

    @property
    def id(self) -> str:
        """The camera's id."""


class ViewerHub:
    """Fans packets and boxes out to viewers. One for each gateway; works while run() runs."""

    def __init__(self, bus: Redis, settings: ViewerSettings) -> None:
        self._bus = bus
        self._settings = settings
        self._clock = BusClock()
        self._run_id = ""
        self._feeds: dict[str, Feed] = {}
        self._sessions: dict[str, Session] = {}
        self._encoders: dict[str, asyncio.Task[None]] = {}
        self._group: asyncio.TaskGroup | None = None
        self._watched = asyncio.Event()
        self._opening = asyncio.Lock()
        self._pending = 0
        self._lost = Losses()  # of feeds that ended
        offer_addresses(settings.addresses)

    @property
    def sessions(self) -> Mapping[str, str]:
        """Session id → camera, of all viewers now."""
        return {one.session_id: one.camera for one in self._sessions.values()}

    def figures(self) -> ViewerFigures:
        """Return the hub's counters."""
        lost = Losses()
        for part in (self._lost, *(feed.losses() for feed in self._feeds.values())):
            lost.add(part)
        return ViewerFigures(len(self._sessions), len(self._encoders), lost)

    async def run(self) -> None:
        """Read the bus for all watched cameras until cancelled."""
        async with asyncio.TaskGroup() as group:
            self._group = group
            group.create_task(self._keep_clock())
            try:
                while True:
                    await self._watched.wait()
                    if self._feeds:  # the last viewer may have left since
                        await self._read()
            finally:
                self._group = None
                await self.close_all()

    async def offer(self, camera: Watched, offer_sdp: str) -> Answer:
        """Answer a viewer's offer; raises OfferRefused, whose status is HTTP's."""
        offer = cleaned(offer_sdp)
        if len(self._sessions) + self._pending >= self._settings.max_viewers:
            raise OfferRefused(503, f"there are {self._settings.max_viewers} viewers already")
        if self._group is None:
            raise OfferRefused(503, "the gateway is starting or ending")
        self._pending += 1
        try:
            return await self._open(camera.id, offer, self._group)
        finally:
            self._pending -= 1

    async def _open(self, camera: str, offer: str, group: asyncio.TaskGroup) -> Answer:
        feed = await self._feed(camera)
        session = Session(secrets.token_urlsafe(16), camera, feed.shown_codec)
        feed.add(session)
        self._sessions[session.session_id] = session
        try:
            sdp = await session.answer(offer)
        except BaseException:
            await self.close(session.session_id)
            raise
        session.lost = lambda: self._lose(session.session_id)
        group.create_task(self._expect(session))
        log.info("viewer_opened", camera=camera, session=session.session_id)
        return Answer(session.session_id, sdp)

    async def close(self, session_id: str) -> None:
        """End a viewer's session; an unknown one is over already."""
        session = self._sessions.pop(session_id, None)
        if session is None:
            return
        feed = self._feeds[session.camera]
        feed.remove(session)
        if not feed.sessions:
            self._drop(feed)
        await session.close()
        log.info("viewer_closed", camera=session.camera, session=session_id,
                 dropped=session.outbound.dropped.total())  # fmt: skip

    async def close_all(self) -> None:
        """End every session."""
        await asyncio.gather(*(self.close(one) for one in list(self._sessions)))

    async def _feed(self, camera: str) -> Feed:
        """Return the camera's feed, opened from what the bus keeps; raises OfferRefused."""
        async with self._opening:
            feed = self._feeds.get(camera)
            if feed is not None:
                return feed
            stream, limits = StreamKey(camera, Role.MAIN), self._settings.feed
            kept = await kept_of(self._bus, stream, limits, self._now_ms())
            feed = Feed(camera, kept.codec, self._start_encoder, self._now_ms, limits)
            feed.begin(kept.packets)
            self._feeds[camera] = feed
            self._watched.set()
            return feed

    def _drop(self, feed: Feed) -> None:
        if self._feeds.pop(feed.stream.camera, None) is not None:
            self._lost.add(feed.losses())
        encoder = self._encoders.pop(feed.stream.camera, None)
        if encoder is not None:
            encoder.cancel()
        if not self._feeds:
            self._watched.clear()

    def _start_encoder(self, encoder: SharedEncoder) -> None:
        if self._group is not None:
            camera = encoder.stream.camera
            self._encoders[camera] = self._group.create_task(encoder.run())

    def _lose(self, session_id: str) -> None:
        if self._group is not None:
            self._group.create_task(self.close(session_id))

    async def _expect(self, session: Session) -> None:
        """End a session whose connection never stands."""
        try:
            async with asyncio.timeout(_CONNECT_S):
                await session.connected.wait()
        except TimeoutError:
            log.info("viewer_never_came", session=session.session_id)
            await self.close(session.session_id)

    async def _read(self) -> None:
        packets: dict[str, Feed] = {}
        observations: dict[str, Feed] = {}
        for camera, feed in self._feeds.items():
            packets[keys.packets(camera, Role.MAIN)] = feed
            observations[keys.observations(camera)] = feed
        cursors: dict[Any, Any] = {name: feed.cursor for name, feed in packets.items()}
        cursors |= {name: feed.observations_cursor for name, feed in observations.items()}
        try:
            async with asyncio.timeout(BUS_S):
                answer = await self._bus.xread(cursors, count=_COUNT, block=_BLOCK_MS)
                for raw, entries in answer or []:
                    name = raw.decode()
                    if name in packets:
                        await self._packets(packets[name], entries)
                    else:
                        self._observations(observations[name], entries)
        except (*AWAY, TimeoutError) as error:
            log.warning("bus_away", error=str(error))
            await asyncio.sleep(_AWAY_S)
            await self._after_absence()

    async def _packets(self, feed: Feed, entries: list[Any]) -> None:
        for entry_id, fields in entries:
            feed.cursor = entry_id.decode()
            try:
                seen = parse(feed.stream, entry_id, fields)
            except _NO_ENTRY as error:
                log.warning("bad_packet", camera=feed.stream.camera, error=repr(error))
                continue
            before_ms = feed.gate.epoch_ms
            if not feed.gate.admits(seen.packet, monotonic_ns()):
                continue
            if seen.packet.epoch_ms != before_ms and not await self._same_codec(feed):
                return
            feed.packet(seen)

    async def _same_codec(self, feed: Feed) -> bool:
        """Whether a new epoch is coded as before; else its viewers must negotiate anew."""
        status = await read_status(self._bus, feed.stream)
        if status is None or status.codec in (None, feed.codec):
            return True
        for session_id in list(feed.sessions):
            await self.close(session_id)
        return False

    def _observations(self, feed: Feed, entries: list[Any]) -> None:
        for entry_id, fields in entries:
            feed.observations_cursor = entry_id.decode()
            try:
                observation = decode(fields[b"o"])
            except _NO_ENTRY as error:
                log.warning("bad_observation", camera=feed.stream.camera, error=repr(error))
                continue
            feed.observation(SeenObservation(feed.observations_cursor, observation))

    async def _keep_clock(self) -> None:
        while True:
            try:
                async with asyncio.timeout(BUS_S):
                    await self._clock.measure(self._bus)
                    self._run_id = self._run_id or await bus_run(self._bus)
            except (*AWAY, TimeoutError) as error:
                log.warning("bus_away", error=str(error))
            await asyncio.sleep(MEASURE_EVERY_S)

    async def _after_absence(self) -> None:
        """Begin anew where the bus lost everything meanwhile."""
        try:
            async with asyncio.timeout(BUS_S):
                run_id = await bus_run(self._bus)
        except (*AWAY, TimeoutError):
            return
        if run_id != self._run_id:
            self._run_id = run_id
            for feed in self._feeds.values():
                feed.begin_anew()

    def _now_ms(self) -> float:
        return self._clock.now_ms(now_ns())
