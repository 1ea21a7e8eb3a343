"""Knows how to take encoded pictures out of aiortc, which would decode them.

Does not know cameras or WHIP. Everything here that touches aiortc's private names stands in this
file; measured with aiortc 1.16, whose version is pinned for that reason.
"""

import asyncio
import contextlib
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any, Final, NoReturn

import aioice.ice
import aiortc.rtcrtpreceiver
from aiortc import (
    MediaStreamTrack,
    RTCConfiguration,
    RTCPeerConnection,
    RTCRtpReceiver,
    RTCSessionDescription,
)
from aiortc.jitterbuffer import JitterBuffer, JitterFrame
from aiortc.mediastreams import MediaStreamError

from engine.packets import Codec

KEYFRAME_EVERY_S: Final = 2.0
FIRST_KEYFRAME_WITHIN_S: Final = 0.05
_CODECS: Final = {"H264": Codec.H264, "VP8": Codec.VP8}


@dataclass(frozen=True, slots=True)
class EncodedUnit:
    """One encoded picture: Annex B or a VP8 frame; rtp_time in 90 kHz from its first one."""

    codec: Codec
    rtp_time: int
    data: bytes


class _PassThrough:
    """Stands where aiortc expects a decoder, and decodes nothing."""

    def __init__(self, codec: Codec) -> None:
        self._codec = codec

    def decode(self, frame: JitterFrame) -> list[EncodedUnit]:
        return [EncodedUnit(self._codec, frame.timestamp & 0xFFFFFFFF, frame.data)]


class _PromptJitterBuffer(JitterBuffer):  # type: ignore[misc]
    """Gives a picture at its marker bit; aiortc's waits for the next picture's first packet."""

    def add(self, packet: Any) -> tuple[bool, JitterFrame | None]:
        asks_keyframe, frame = super().add(packet)
        if frame is None and packet.marker and self._is_video:
            frame = self._whole_until(packet)
        return asks_keyframe, frame

    def _whole_until(self, last: Any) -> JitterFrame | None:
        count = (last.sequence_number - self._origin & 0xFFFF) + 1
        if count > self._capacity:
            return None
        places = ((self._origin + step) % self._capacity for step in range(count))
        packets = [self._packets[place] for place in places]
        if any(one is None or one.timestamp != last.timestamp for one in packets):
            return None
        self.remove(count)
        return JitterFrame(b"".join(one._data for one in packets), last.timestamp)


def _decoder_for(codec: Any) -> Any:
    known = _CODECS.get(codec.name.upper())
    return _PassThrough(known) if known else _genuine_decoder(codec)


_genuine_decoder = aiortc.rtcrtpreceiver.get_decoder
_genuine_buffer = aiortc.rtcrtpreceiver.JitterBuffer


def take_over(addresses: Sequence[str]) -> None:
    """Make aiortc in this process hand out encoded video and offer only these addresses.

    aioice leaves loopback out by itself; the default here is loopback alone.
    """
    aiortc.rtcrtpreceiver.get_decoder = _decoder_for
    aiortc.rtcrtpreceiver.JitterBuffer = _PromptJitterBuffer
    offered = list(addresses)
    aioice.ice.get_host_addresses = lambda use_ipv4, use_ipv6: [
        address for address in offered if (use_ipv6 if ":" in address else use_ipv4)
    ]


def give_back() -> None:
    """Let aiortc decode again, for a process that goes on after lending has ended."""
    aiortc.rtcrtpreceiver.get_decoder = _genuine_decoder
    aiortc.rtcrtpreceiver.JitterBuffer = _genuine_buffer


class BadOffer(ValueError):
    """The browser's session description cannot be answered; the text says why."""


class VideoReceiver:
    """One peer connection that receives one video; nothing waits in it, pictures are given on."""

    def __init__(self) -> None:
        self._connection = RTCPeerConnection(RTCConfiguration(iceServers=[]))
        self._receiver: RTCRtpReceiver | None = None
        self.closed = asyncio.Event()
        self._connection.on("connectionstatechange", self._changed)

    def _changed(self) -> None:
        if self._connection.connectionState in ("failed", "closed"):
            self.closed.set()

    async def answer(self, offer_sdp: str) -> str:
        """Return the answer, its candidates gathered. Raises BadOffer."""
        try:
            transceiver = self._connection.addTransceiver("video", direction="recvonly")
            known = RTCRtpReceiver.getCapabilities("video").codecs
            preferred = [one for one in known if one.name.upper() in ("H264", "RTX")]
            others = [one for one in known if one not in preferred]
            transceiver.setCodecPreferences([*preferred, *others])
            await self._connection.setRemoteDescription(RTCSessionDescription(offer_sdp, "offer"))
            for other in self._connection.getTransceivers():
                if other is not transceiver:
                    other.direction = "inactive"  # nobody would empty its queue
            await self._connection.setLocalDescription(await self._connection.createAnswer())
        except Exception as error:  # aiortc raises whatever a broken description leads it to
            raise BadOffer(f"the offer cannot be read: {type(error).__name__}") from error
        self._receiver = transceiver.receiver
        if transceiver.currentDirection not in ("recvonly", "sendrecv"):
            raise BadOffer("the offer sends no video")
        return str(self._connection.localDescription.sdp)

    async def run(self, take: Callable[[EncodedUnit], None]) -> None:
        """Give each picture to take; returns when the sender ends."""
        assert self._receiver is not None
        async with asyncio.TaskGroup() as group:
            asking = group.create_task(_ask_for_keyframes(self._receiver))
            pulling = group.create_task(_pull(self._receiver.track, take))
            ending = group.create_task(self.closed.wait())
            await asyncio.wait([pulling, ending], return_when=asyncio.FIRST_COMPLETED)
            for task in (asking, pulling, ending):
                task.cancel()

    async def close(self) -> None:
        """Close the connection; harmless twice.

        Shielded: aiortc closes by itself when its peer goes, and a second close that is cancelled
        while it waits for the first would break the first.
        """
        self.closed.set()
        await asyncio.shield(self._connection.close())


async def _pull(track: MediaStreamTrack, take: Callable[[EncodedUnit], None]) -> None:
    with contextlib.suppress(MediaStreamError):  # the track ended
        while True:
            unit = await track.recv()
            if isinstance(unit, EncodedUnit):
                take(unit)


async def _ask_for_keyframes(receiver: RTCRtpReceiver) -> NoReturn:
    """Ask every 2 s, from the first packet on: browsers send no keyframe by themselves."""
    while True:
        senders = receiver.getSynchronizationSources()
        for sender in senders:
            await receiver._send_rtcp_pli(sender.source)
        await asyncio.sleep(KEYFRAME_EVERY_S if senders else FIRST_KEYFRAME_WITHIN_S)
