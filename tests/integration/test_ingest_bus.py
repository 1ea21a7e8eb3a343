"""Cameras from the ledger to the bus: added, changed and removed while everything runs."""

import asyncio
import contextlib
import time

import pytest
from pydantic import SecretStr

from config.cameras import Camera
from engine.packets import Codec, Role
from ostiary.demo.rtsp_server import RtspServer, ServerOptions
from streams.bus import keys, requests
from streams.bus.requests import NobodyAnswered
from tests.fakes.source_clips import ClipPlan, decoded_pictures, write_clip
from tests.fakes.source_home import running_ingest, settings_for

pytestmark = [pytest.mark.integration, pytest.mark.slow]

PASSWORD = "pass word of the camera"


@pytest.fixture(scope="module")
def clips(tmp_path_factory):
    folder = tmp_path_factory.mktemp("clips")
    main = write_clip(folder / "main.mp4", ClipPlan(width=640, height=360, pictures=100))
    sub = write_clip(folder / "sub.mp4", ClipPlan(width=320, height=180, pictures=100))
    return {"main": main, "sub": sub}


@pytest.fixture
def settings(tmp_path, bus_server, ledger_server):
    return settings_for(tmp_path, bus_server, ledger_server)


@contextlib.asynccontextmanager
async def stage(settings, clips):
    """Ingest and an RTSP server; yields the home and a maker of cameras."""
    options = ServerOptions(user="user", password=PASSWORD)
    async with RtspServer(clips, options) as server, running_ingest(settings) as home:

        def camera(name, path="main", **more):
            url = f"rtsp://127.0.0.1:{server.port}/{path}"
            given = {"username": "user", "password": SecretStr(PASSWORD)} | more
            return Camera(id=name, url=url, **given)

        yield home, camera, server


def test_a_camera_reaches_the_bus(settings, clips):
    async def main():
        async with stage(settings, clips) as (home, camera, _):
            await home.put(camera("door"))
            status = await home.live("door")
            group = await home.group("door", 5)
            kept_ms = await home.bus.pttl(keys.packets("door", Role.MAIN))
            holder = await home.bus.get(keys.lease_source("door"))
            return status, [one.packet for one in group], kept_ms, holder

    status, packets, kept_ms, holder = asyncio.run(main())
    assert (status.codec, status.width, status.height) == (Codec.H264, 640, 360)
    assert packets[0].keyframe and {one.epoch_ms for one in packets} == {status.epoch_ms}
    assert len(decoded_pictures("h264", [one.data for one in packets])) == len(packets)
    assert 0 < kept_ms <= 60_000 and holder is not None


def test_the_sub_stream_is_pulled_beside_the_main_one(settings, clips):
    async def main():
        async with stage(settings, clips) as (home, camera, server):
            sub = f"rtsp://127.0.0.1:{server.port}/sub"
            await home.put(camera("door", sub_url=sub))
            return await home.live("door"), await home.live("door", Role.SUB)

    main_status, sub_status = asyncio.run(main())
    assert (main_status.width, sub_status.width) == (640, 320)


def test_the_rate_is_measured(settings, clips):
    async def main():
        async with stage(settings, clips) as (home, camera, _):
            await home.put(camera("door"))
            return await home.until("door", lambda one: one.rate_hz > 20)

    assert asyncio.run(main()).rate_hz == pytest.approx(25, rel=0.2)


def test_changes_touch_only_their_camera(settings, clips):
    async def main():
        async with stage(settings, clips) as (home, camera, _):
            await home.put(camera("door"), camera("gate"))
            door, gate = await home.live("door"), await home.live("gate")
            await home.put(camera("door", "sub"))
            changed = await home.live("door", above_epoch=door.epoch_ms)
            await home.put(camera("gate", mask_required=True))
            await home.put(camera("late"))
            await home.live("late")
            return gate, await home.status("gate"), changed

    gate, gate_now, changed = asyncio.run(main())
    assert changed.width == 320
    assert gate_now.epoch_ms == gate.epoch_ms and gate_now.since_ns == gate.since_ns


def test_a_removed_camera_is_let_go(settings, clips):
    async def main():
        async with stage(settings, clips) as (home, camera, server):
            await home.put(camera("door"))
            await home.live("door")
            await home.remove("door")
            async with asyncio.timeout(10):
                while server.clients("main"):
                    await asyncio.sleep(0.02)
                while await home.bus.exists(keys.lease_source("door")):
                    await asyncio.sleep(0.02)

    asyncio.run(main())


def test_wrong_settings_are_shown_and_disturb_nobody(settings, clips):
    async def main():
        async with stage(settings, clips) as (home, camera, _):
            dead = Camera(id="dead", url="rtsp://127.0.0.1:1/x")
            await home.put(
                camera("door"),
                camera("locked", password=SecretStr("not this one")),
                camera("lost", "nowhere"),
                dead,
            )
            await home.live("door")
            waiting = {}
            for name in ("locked", "lost", "dead"):
                waiting[name] = await home.until(name, lambda one: one.state == "waiting")
            return waiting, await home.status("door")

    waiting, door = asyncio.run(main())
    assert door.state == "live"
    assert waiting["locked"].reason == "wrong user name or password"
    assert waiting["lost"].reason.startswith("no such stream")
    assert waiting["dead"].reason.startswith("connection refused")
    assert all(one.next_try_ns > time.time_ns() - 10**9 for one in waiting.values())


async def ask(home, **fields):
    given = {name: value.encode() for name, value in fields.items()}
    return await requests.ask(home.bus, "camera-test", given, timeout_s=20)


def test_a_camera_can_be_tried(settings, clips):
    async def main():
        async with stage(settings, clips) as (home, _, server):
            url = f"rtsp://127.0.0.1:{server.port}/main"
            good = await ask(home, url=url, username="user", password=PASSWORD)
            inside = await ask(home, url=server.url("main"))
            wrong = await ask(home, url=url, username="user", password="guess")
            scheme = await ask(home, url="file:///etc/passwd")
            return good, inside, wrong, scheme

    good, inside, wrong, scheme = asyncio.run(main())
    assert good["ok"] and inside["ok"], (good, inside)
    assert (good["codec"], good["width"], good["height"]) == ("h264", 640, 360)
    assert good["rate_hz"] == pytest.approx(25, rel=0.1) and good["first_picture_ms"] > 0
    assert (wrong["ok"], wrong["error"]) == (False, "wrong user name or password")
    assert scheme["reason"] == "forbidden_address"
    assert "guess" not in str(wrong)


def test_leases_are_given_back_within_a_second(settings, clips):
    async def main():
        async with stage(settings, clips) as (home, camera, _):
            await home.put(camera("door"), camera("gate"))
            await home.live("door")
            await home.live("gate")
            bus = home.bus
            began = time.monotonic()
        passed_s = time.monotonic() - began
        left = await bus.keys(keys.lease_source("*"))
        with pytest.raises(NobodyAnswered):
            await requests.ask(bus, "camera-test", {"url": b"rtsp://x/"}, timeout_s=0.5)
        await bus.aclose()
        return passed_s, left

    passed_s, left = asyncio.run(main())
    assert left == [] and passed_s < 10  # a release by expiry would leave the keys for 3 s
