"""Cameras over HTTP: add, change, remove, try, watch and lend."""

import asyncio

import pytest

from config.cameras import Camera
from engine.packets import Codec, Role
from streams.bus.packets import StreamKey
from streams.bus.sources import SourceStatus, write_status
from tests.fakes.live_gateway import OFFER, gateway_settings, running_gateway

pytestmark = [pytest.mark.integration, pytest.mark.slow]

SDP = {"content": OFFER, "headers": {"content-type": "application/sdp"}}


@pytest.fixture
def settings(tmp_path, bus_server, ledger_server):
    return gateway_settings(tmp_path, bus_server, ledger_server)


def test_a_camera_is_added_changed_and_removed(settings):
    async def main():
        async with running_gateway(settings) as gateway:
            await gateway.camera(url="rtsp://user:pw@127.0.0.1:8554/lobby")
            twice = await gateway.admin.post("/api/v1/cameras", json={"id": "lobby", "url": "x"})
            assert twice.status_code in (409, 422)
            change = {"alert_unknown": True, "mask_required": False}
            changed = await gateway.admin.patch("/api/v1/cameras/lobby", json=change)
            assert changed.status_code == 200, changed.text
            assert changed.json()["alert_unknown"] is True
            kept = await gateway.parts.ledger.cameras.get("lobby")
            assert (kept.url, kept.mask_required) == ("rtsp://127.0.0.1:8554/lobby", False)
            assert kept.password.get_secret_value() == "pw"
            assert (await gateway.admin.delete("/api/v1/cameras/lobby")).status_code == 204
            assert (await gateway.admin.get("/api/v1/cameras/lobby")).status_code == 404

    asyncio.run(main())


@pytest.mark.parametrize(
    ("body", "word"),
    [
        ({"url": "http://127.0.0.1/x"}, "scheme"),
        ({"url": "file:///etc/passwd"}, "scheme"),
        ({"url": "rtsp://"}, "host"),
        ({"url": "rtsp://h/x", "purpose": "expression"}, "because"),
        ({"url": "rtsp://h/x", "alert_unknown": True}, "people"),
        ({"url": "rtsp://h/x", "sub_url": "gopher://h/y"}, "scheme"),
        ({"url": "rtsp://h/x", "colour": "red"}, "not permitted"),
        ({"id": "Front Door", "url": "rtsp://h/x"}, "pattern"),
    ],
)
def test_what_cannot_be_a_camera_is_refused_with_the_reason(settings, body, word):
    async def main():
        async with running_gateway(settings) as gateway:
            answer = await gateway.admin.post("/api/v1/cameras", json={"id": "door", **body})
            assert answer.status_code == 422
            assert word in answer.text
            assert (await gateway.admin.get("/api/v1/cameras")).json()["cameras"] == []

    asyncio.run(main())


def test_a_camera_of_the_file_is_left_to_the_file(settings):
    async def main():
        async with running_gateway(settings) as gateway:
            camera = Camera(id="gate", url="rtsp://127.0.0.1/x", managed_by="file")
            await gateway.parts.ledger.cameras.put(camera)
            await gateway.parts.directory.refresh("camera")
            for method in ("PATCH", "DELETE"):
                answer = await gateway.admin.request(method, "/api/v1/cameras/gate", json={})
                assert answer.status_code == 409
                assert "ostiary.yaml" in answer.json()["error"]

    asyncio.run(main())


def test_the_live_state_is_what_ingest_says(settings):
    async def main():
        async with running_gateway(settings) as gateway:
            await gateway.camera(sub_url="rtsp://127.0.0.1:8554/sub")
            status = (await gateway.admin.get("/api/v1/cameras/lobby")).json()["status"]
            assert status["state"] == "connecting"
            stream = StreamKey("lobby", Role.MAIN)
            live = SourceStatus("live", codec=Codec.H264, width=1280, height=720, rate_hz=25.0)
            await write_status(gateway.parts.bus, stream, live)
            wrong = SourceStatus("waiting", "wrong password", next_try_ns=4_000_000_000 * 10**9)
            await write_status(gateway.parts.bus, StreamKey("lobby", Role.SUB), wrong)
            status = (await gateway.admin.get("/api/v1/status")).json()["cameras"][0]
            assert (status["state"], status["width"], status["codec"]) == ("live", 1280, "h264")
            assert status["sub"]["reason"] == "wrong password"
            assert status["sub"]["next_try_s"] > 0
            assert status["analysis"] == "no worker owns this camera"

    asyncio.run(main())


def test_a_camera_is_tried_by_address_or_by_name(settings):
    seen = []

    async def ingest(fields):
        seen.append({name: value.decode() for name, value in fields.items()})
        return {"ok": True, "error": None, "codec": "h264", "width": 640, "height": 360}

    async def main():
        async with running_gateway(settings) as gateway:
            gateway.serving("camera-test", ingest)
            await gateway.camera(url="rtsp://user:pw@127.0.0.1:8554/lobby")
            by_name = await gateway.admin.post("/api/v1/cameras/test", json={"camera": "lobby"})
            assert by_name.json()["ok"] is True
            body = {"url": "rtsp://a:b@127.0.0.1/x"}
            await gateway.admin.post("/api/v1/cameras/test", json=body)
            assert seen == [
                {"url": "rtsp://127.0.0.1:8554/lobby", "username": "user", "password": "pw"},
                {"url": "rtsp://127.0.0.1/x", "username": "a", "password": "b"},
            ]

    asyncio.run(main())


def test_a_lent_camera_takes_its_own_token_and_no_other(settings):
    asked = []

    async def ingest(fields):
        asked.append(fields["action"].decode())
        if asked[-1] == "delete":
            return {"status": 200}
        if asked.count("offer") > 1:
            return {"status": 409, "error": "taken"}
        return {"status": 201, "sdp": "v=0\r\nanswer", "session": "w-1"}

    async def main():
        async with running_gateway(settings) as gateway:
            gateway.serving("whip", ingest)
            mine = await gateway.camera(id="webcam", kind="whip", url="")
            other = await gateway.camera(id="tablet", kind="whip", url="")
            assert mine["lend"] == f"/lend?camera=webcam#token={mine['token']}"
            async with gateway.with_key(other["token"]) as stranger:
                assert (await stranger.post("/api/v1/whip/webcam", **SDP)).status_code == 404
            async with gateway.with_key(mine["token"]) as lender:
                for path in ("cameras", "alerts", "people/names", "status"):
                    assert (await lender.get(f"/api/v1/{path}")).status_code == 403
                answer = await lender.post("/api/v1/whip/webcam", **SDP)
                assert answer.status_code == 201
                assert answer.text == "v=0\r\nanswer"
                assert answer.headers["location"] == "/api/v1/whip/webcam/w-1"
                assert (await lender.post("/api/v1/whip/webcam", **SDP)).status_code == 409
                assert (await lender.delete(answer.headers["location"])).status_code == 204
                await gateway.admin.delete("/api/v1/cameras/webcam")
                assert (await lender.post("/api/v1/whip/webcam", **SDP)).status_code == 401
            assert asked == ["offer", "offer", "delete"]

    asyncio.run(main())


def test_watching_takes_an_offer_and_ends_only_by_its_own_key(settings):
    async def main():
        async with running_gateway(settings) as gateway:
            await gateway.camera()
            answer = await gateway.admin.post("/api/v1/cameras/lobby/whep", **SDP)
            assert answer.status_code == 201
            assert answer.headers["content-type"] == "application/sdp"
            place = answer.headers["location"]
            async with await gateway.client("viewer") as viewer:
                assert (await viewer.delete(place)).status_code == 404
            assert gateway.hub.open
            assert (await gateway.admin.delete(place)).status_code == 204
            assert not gateway.hub.open
            json_body = await gateway.admin.post("/api/v1/cameras/lobby/whep", json={})
            assert json_body.status_code == 415
            gateway.hub.refuse = True
            refused = await gateway.admin.post("/api/v1/cameras/lobby/whep", **SDP)
            assert refused.status_code == 409
            assert "no picture" in refused.json()["error"]

    asyncio.run(main())
