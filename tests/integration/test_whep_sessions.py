"""Knows which viewers are let in, how they share a feed, and how each is let go."""

import aioice.ice
import pytest

from streams.viewer.hub import ViewerSettings
from streams.viewer.negotiation import OfferRefused
from tests.conftest import Server
from tests.fakes.codec_clips import clip
from tests.fakes.whep_client import Camera, WhepClient
from tests.fakes.whep_world import GROUP, SIZE, World, until, watching

pytestmark = [pytest.mark.integration, pytest.mark.slow]


def test_several_viewers_share_one_feed_and_leave_one_by_one(bus_server: Server) -> None:
    async def body(world: World) -> None:
        viewers = [await world.viewer() for _ in range(3)]
        await until(lambda: all(len(v.pictures) > 20 for v in viewers))
        await viewers[0].leave()
        await until(lambda: len(world.hub.sessions) == 2)
        await world.hub.close(viewers[1].session_id)
        await world.hub.close(viewers[1].session_id)
        before = len(viewers[2].pictures)
        await until(lambda: len(viewers[2].pictures) > before + 20)
        assert list(world.hub.sessions) == [viewers[2].session_id]
        assert world.hub.figures().viewers == 1
        await world.hub.close_all()
        assert not world.hub._feeds

    watching(bus_server, clip(50, SIZE, **GROUP), body)


def test_more_viewers_than_allowed_are_refused(bus_server: Server) -> None:
    async def body(world: World) -> None:
        first = await world.viewer()
        with pytest.raises(OfferRefused, match="1 viewers already") as refused:
            await world.viewer()
        assert refused.value.status == 503
        await until(lambda: len(first.pictures) > 5)
        await world.hub.close(first.session_id)
        await world.viewer()

    watching(bus_server, clip(50, SIZE, **GROUP), body, settings=ViewerSettings(max_viewers=1))


def test_a_camera_that_sends_nothing_is_refused_with_its_reason(bus_server: Server) -> None:
    async def body(world: World) -> None:
        client = WhepClient()
        world.stack.push_async_callback(client.leave)
        with pytest.raises(OfferRefused, match="not connected") as refused:
            await client.watch(world.hub, "nowhere")
        assert refused.value.status == 409
        assert not world.hub.sessions

    watching(bus_server, clip(10, SIZE), body)


def test_a_browser_without_the_codec_is_told(bus_server: Server) -> None:
    async def body(world: World) -> None:
        client = WhepClient()
        world.stack.push_async_callback(client.leave)
        client.peer.addTransceiver("video", direction="recvonly")
        await client.peer.setLocalDescription(await client.peer.createOffer())
        sdp = client.peer.localDescription.sdp.replace("H264/90000", "AV1/90000")
        with pytest.raises(OfferRefused) as refused:
            await world.hub.offer(Camera("door"), sdp)
        assert refused.value.status == 406
        assert not world.hub.sessions

    watching(bus_server, clip(50, SIZE, **GROUP), body)


def test_a_viewer_that_vanishes_without_a_word_is_let_go(
    bus_server: Server, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(aioice.ice, "CONSENT_INTERVAL", 0.3)

    async def body(world: World) -> None:
        viewer = await world.viewer()
        stays = await world.viewer()
        await until(lambda: min(len(viewer.pictures), len(stays.pictures)) > 10)
        for transport in viewer.peer._RTCPeerConnection__iceTransports:
            for protocol in transport._connection._protocols:
                protocol.transport.abort()
        await until(lambda: list(world.hub.sessions) == [stays.session_id], 30)
        before = len(stays.pictures)
        await until(lambda: len(stays.pictures) > before + 20)

    watching(bus_server, clip(50, SIZE, **GROUP), body)


def test_a_viewer_that_never_connects_is_let_go(
    bus_server: Server, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("streams.viewer.hub._CONNECT_S", 0.5)

    async def body(world: World) -> None:
        client = WhepClient()
        world.stack.push_async_callback(client.leave)
        client.peer.addTransceiver("video", direction="recvonly")
        await client.peer.setLocalDescription(await client.peer.createOffer())
        await world.hub.offer(Camera("door"), client.peer.localDescription.sdp)
        assert len(world.hub.sessions) == 1
        await until(lambda: not world.hub.sessions)

    watching(bus_server, clip(50, SIZE, **GROUP), body)
