"""Offers that are spoilt, or offer too much, are answered or refused, and never do harm."""

import asyncio
import time

import pytest
from aiortc import AudioStreamTrack, RTCConfiguration, RTCPeerConnection, VideoStreamTrack

from engine.source import Reason
from streams.cameras import whip
from streams.cameras.errors import SourceError
from streams.cameras.whip import WhipHub

pytestmark = [pytest.mark.integration, pytest.mark.slow]


async def offer_of(*tracks):
    """Return the session description that a browser with these tracks would send."""
    peer = RTCPeerConnection(RTCConfiguration(iceServers=[]))
    for track in tracks:
        peer.addTransceiver(track, direction="sendonly")
    await peer.setLocalDescription(await peer.createOffer())
    sdp = peer.localDescription.sdp
    await peer.close()
    return sdp


async def answers(offers):
    """Return the answer to each offer, given one after another."""
    hub, out = WhipHub(("127.0.0.1",), time.time_ns), []
    for sdp in offers:
        source = hub.source("lent")
        out.append(await hub.answer({"action": b"offer", "camera": b"lent", "sdp": sdp.encode()}))
        await source.retire()
    return out


def test_any_line_may_be_missing_or_cut():
    async def main():
        sdp = await offer_of(VideoStreamTrack())
        lines = sdp.splitlines()
        spoilt = []
        for index, line in enumerate(lines):
            spoilt.append("\r\n".join([*lines[:index], *lines[index + 1 :], ""]))
            spoilt.append(
                "\r\n".join([*lines[:index], line[: len(line) // 2], *lines[index + 1 :], ""])
            )
        return await answers(spoilt)

    statuses = [answer["status"] for answer in asyncio.run(main())]
    assert set(statuses) == {201, 400}


def test_sound_and_further_pictures_are_declined():
    async def main():
        sdp = await offer_of(AudioStreamTrack(), VideoStreamTrack(), VideoStreamTrack())
        return await answers([sdp])

    (answer,) = asyncio.run(main())
    assert answer["status"] == 201
    parts = answer["sdp"].split("\r\nm=")[1:]
    ways = [
        (part.split(" ")[0], next(way for way in ("recvonly", "inactive") if f"a={way}" in part))
        for part in parts
    ]
    assert ways == [("audio", "inactive"), ("video", "recvonly"), ("video", "inactive")]


def test_an_offer_without_pictures_is_refused():
    async def main():
        return await answers([await offer_of(AudioStreamTrack())])

    (answer,) = asyncio.run(main())
    assert answer["status"] == 400


def test_a_publisher_that_never_connects_makes_room(monkeypatch):
    monkeypatch.setattr(whip, "CONNECT_WITHIN_S", 0.3)

    async def main():
        hub = WhipHub(("127.0.0.1",), time.time_ns)
        source = hub.source("lent")
        request = {"action": b"offer", "camera": b"lent"}
        request["sdp"] = (await offer_of(VideoStreamTrack())).encode()
        statuses = [(await hub.answer(request))["status"] for _ in range(2)]
        with pytest.raises(SourceError) as caught:
            await source.run(lambda packet, facts: None, 0)
        statuses.append((await hub.answer(request))["status"])
        await source.retire()
        return statuses, caught.value.reason

    statuses, reason = asyncio.run(main())
    assert statuses == [201, 409, 201] and reason is Reason.NO_PUBLISHER
