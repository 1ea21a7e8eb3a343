"""Knows one viewer's WebRTC connection. Does not know where its packets come from."""

import asyncio
import json
from collections import Counter, deque
from collections.abc import Callable
from fractions import Fraction
from typing import Any, Final

import aioice.ice
import av
import structlog
from aiortc import RTCConfiguration, RTCPeerConnection, RTCSessionDescription
from aiortc.exceptions import InvalidAccessError, InvalidStateError, OperationError
from aiortc.mediastreams import MediaStreamError, VideoStreamTrack

from engine.packets import PTS_HZ, Codec, Role
from streams.bus.observations import SeenObservation
from streams.viewer.figures import Losses
from streams.viewer.negotiation import OfferRefused, preferences
from streams.viewer.outbound import Ended, Outbound
from streams.viewer.overlay import message, ticks_of

_MOST_BUFFERED_BYTES: Final = 65_536
_MOST_EARLY: Final = 4
_CLOSE_S: Final = 1.0
_OVER: Final = frozenset({"failed", "closed"})
_TIME_BASE: Final = Fraction(1, PTS_HZ)

log = structlog.get_logger(__name__)


class PacketTrack(VideoStreamTrack):  # type: ignore[misc]  # aiortc has no types here
    """A track that hands packets, not pictures, to aiortc's sender, which packetises them."""

    def __init__(
        self, outbound: Outbound, on_recv: Callable[[], None], on_sent: Callable[[], None]
    ) -> None:
        super().__init__()
        self._outbound = outbound
        self._on_recv = on_recv
        self._on_sent = on_sent
        self.last_ticks = 0

    async def recv(self) -> Any:
        """Return the next av.Packet; its pts becomes the RTP time, from a random origin."""
        self._on_recv()
        try:
            outgoing = await self._outbound.get()
        except Ended as error:
            raise MediaStreamError from error
        packet = av.Packet(outgoing.data)
        packet.pts, packet.time_base = outgoing.ticks, _TIME_BASE
        self.last_ticks = outgoing.ticks
        self._on_sent()
        return packet


class Session:
    """One viewer: its connection, its queue, its channel for boxes.

    ready: called once, when the connection asks for its first packet.
    lost: called when the connection is over. keyframe: called when the browser asks for one.
    """

    def __init__(self, session_id: str, camera: str, codec: Codec) -> None:
        self.session_id = session_id
        self.camera = camera
        self.codec = codec
        self.outbound = Outbound()
        self.ready: Callable[[], None] = _ignore
        self.lost: Callable[[], None] = _ignore
        self.keyframe: Callable[[], None] = _ignore
        self.connected = asyncio.Event()
        self._boxes_dropped: Counter[str] = Counter({"early": 0, "slow": 0})
        self._early: deque[tuple[SeenObservation, str]] = deque(maxlen=_MOST_EARLY)
        self._origin: int | None = None
        self._channel: Any = None
        self._track = PacketTrack(self.outbound, self._on_recv, self._picture_sent)
        self._peer = RTCPeerConnection(RTCConfiguration(iceServers=[]))
        self._peer.on("connectionstatechange", self._on_state)
        self._peer.on("datachannel", self._on_channel)
        self._sender: Any = None

    async def answer(self, offer: str) -> str:
        """Return the answer to an offer that was checked; raises OfferRefused."""
        transceiver = self._peer.addTransceiver(self._track, direction="sendonly")
        # Before the remote description: otherwise H.264 goes out under VP8's payload type.
        transceiver.setCodecPreferences(preferences(self.codec))
        self._sender = transceiver.sender
        self._sender._send_keyframe = self._on_pli  # there is no public hook
        try:
            await self._peer.setRemoteDescription(RTCSessionDescription(offer, "offer"))
            await self._peer.setLocalDescription(await self._peer.createAnswer())
        except OperationError as error:
            raise OfferRefused(406, f"the browser does not take {self.codec.value}") from error
        except (InvalidAccessError, InvalidStateError, ValueError, KeyError) as error:
            raise OfferRefused(400, f"the offer cannot be answered: {error}") from error
        return str(self._peer.localDescription.sdp)

    def show_boxes(self, seen: SeenObservation, tail: str) -> None:
        """Send an observation's boxes with the RTP time of their picture.

        Where the picture was not sent yet, as with an encoder that is slower than the worker,
        the boxes wait for it; what waits too long is counted away.
        """
        ticks = ticks_of(seen.observation, Role.MAIN, self.outbound.timeline)
        if ticks is None:
            self._boxes_dropped["early"] += len(self._early) == self._early.maxlen
            self._early.append((seen, tail))
        elif self._origin is None:
            self._boxes_dropped["early"] += 1
        elif not self._channel_takes():
            self._boxes_dropped["slow"] += 1
        else:
            self._channel.send(message((self._origin + ticks) & 0xFFFFFFFF, tail))

    def _picture_sent(self) -> None:
        """Look whether the boxes that waited belong to what was sent now."""
        early = list(self._early)
        self._early.clear()
        for seen, tail in early:
            self.show_boxes(seen, tail)

    def tell_wait(self, since_ms: int | None, every_ms: int | None) -> None:
        """Say that the picture begins with the camera's next keyframe.

        since_ms: how long ago the last one came; every_ms: their distance; where it is known.
        """
        if self._channel_takes():
            wait = {"since_ms": since_ms, "every_ms": every_ms}
            self._channel.send(json.dumps({"wait": wait}))

    def losses(self) -> Losses:
        """Return what this viewer missed."""
        return Losses(packets=self.outbound.dropped, boxes=self._boxes_dropped)

    def _channel_takes(self) -> bool:
        channel = self._channel
        open_now = channel is not None and channel.readyState == "open"
        return open_now and channel.bufferedAmount <= _MOST_BUFFERED_BYTES

    async def close(self) -> None:
        """End the connection; harmless when it is over already."""
        self.lost = _ignore
        self.outbound.end()
        try:
            async with asyncio.timeout(_CLOSE_S):
                await self._peer.close()
        except Exception as error:  # a connection that ends badly must not end the others
            log.warning("viewer_not_closed", session=self.session_id, error=repr(error))

    def _on_recv(self) -> None:
        if not self.connected.is_set():
            self.connected.set()
            self.ready()
        if self._origin is None and self._sender is not None:
            self._origin = rtp_origin(self._sender, self._track.last_ticks)

    def _on_pli(self) -> None:
        self.keyframe()

    def _on_state(self) -> None:
        log.debug("viewer_state", session=self.session_id, state=self._peer.connectionState)
        if self._peer.connectionState in _OVER:
            self.lost()

    def _on_channel(self, channel: Any) -> None:
        if channel.label == "boxes" and self._channel is None:
            self._channel = channel
        else:
            channel.close()


def rtp_origin(sender: Any, last_ticks: int) -> int | None:
    """Return the random number that aiortc adds to every RTP time; None before the first packet.

    aiortc keeps it in a local variable; the last packet's RTP time is its nearest witness.
    """
    if not sender._RTCRtpSender__packet_count:
        return None
    return int(sender._RTCRtpSender__rtp_timestamp - last_ticks) & 0xFFFFFFFF


def _ignore() -> None:
    """Stand in for a listener that is not there yet, or no more."""


def offer_addresses(addresses: tuple[str, ...]) -> None:
    """Let every connection of this process offer exactly these addresses.

    aioice has no setting for it, and leaves out loopback, which is our default.
    """

    def chosen(use_ipv4: bool, use_ipv6: bool) -> list[str]:
        return [one for one in addresses if (use_ipv6 if ":" in one else use_ipv4)]

    aioice.ice.get_host_addresses = chosen
