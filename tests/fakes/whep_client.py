"""Knows how a WHEP viewer behaves, without a browser. Does not know what it should see."""

import asyncio
import json
import time
from dataclasses import dataclass, field
from typing import Any

from aiortc import RTCConfiguration, RTCPeerConnection, RTCSessionDescription

from streams.viewer.hub import ViewerHub


@dataclass(frozen=True, slots=True)
class Camera:
    id: str


@dataclass
class WhepClient:
    """An aiortc peer that offers as the page does and keeps what comes."""

    peer: RTCPeerConnection = field(
        default_factory=lambda: RTCPeerConnection(RTCConfiguration(iceServers=[]))
    )
    pictures: list[Any] = field(default_factory=list)  # decoded frames
    rtp_times: list[int] = field(default_factory=list)  # as they came, once a picture
    messages: list[dict[str, Any]] = field(default_factory=list)  # boxes
    waits: list[dict[str, Any]] = field(default_factory=list)  # what it was told to wait for
    session_id: str = ""
    answer: str = ""
    asked_s: float = 0.0
    first_picture_s: float | None = None
    _reading: asyncio.Task[None] | None = None

    async def watch(self, hub: ViewerHub, camera: str = "door") -> None:
        transceiver = self.peer.addTransceiver("video", direction="recvonly")
        channel = self.peer.createDataChannel("boxes", ordered=False, maxRetransmits=0)
        channel.on("message", self._heard)
        self._tap(transceiver.receiver)
        await self.peer.setLocalDescription(await self.peer.createOffer())
        self.asked_s = time.monotonic()
        answer = await hub.offer(Camera(camera), self.peer.localDescription.sdp)
        self.session_id, self.answer = answer.session_id, answer.sdp
        await self.peer.setRemoteDescription(RTCSessionDescription(answer.sdp, "answer"))
        self._reading = asyncio.ensure_future(self._read(transceiver.receiver.track))

    def _heard(self, text: str) -> None:
        message = json.loads(text)
        if "wait" in message:
            self.waits.append(message["wait"])
        else:
            self.messages.append(message)

    def _tap(self, receiver: Any) -> None:
        """Note RTP times before aiortc makes them relative."""
        handle = receiver._handle_rtp_packet

        async def noting(packet: Any, arrival_time_ms: int) -> None:
            if not self.rtp_times or self.rtp_times[-1] != packet.timestamp:
                self.rtp_times.append(packet.timestamp)
            await handle(packet, arrival_time_ms)

        receiver._handle_rtp_packet = noting

    async def _read(self, track: Any) -> None:
        while True:
            frame = await track.recv()
            if self.first_picture_s is None:
                self.first_picture_s = time.monotonic() - self.asked_s
            self.pictures.append(frame)

    async def leave(self) -> None:
        if self._reading is not None:
            self._reading.cancel()
            await asyncio.gather(self._reading, return_exceptions=True)
        await self.peer.close()
