"""Bus, ledger and ingest itself die: what was connected stays connected, and all comes back."""

import asyncio
import os
import signal
import subprocess
import sys

import pytest
from pydantic import SecretStr

from config.cameras import Camera
from ostiary.demo.rtsp_server import RtspServer, ServerOptions
from streams.bus import keys
from tests.fakes.source_clips import ClipPlan, write_clip
from tests.fakes.source_home import Home, running_ingest, settings_for

pytestmark = [pytest.mark.fault, pytest.mark.slow]

PASSWORD = "pass word of the camera"
RUN = """
import asyncio, sys
from pathlib import Path
from config.schema import Settings
from ostiary.cli.processes import run_process
from streams.ingest.app import run
run_process(run, Settings.model_validate_json(sys.stdin.read()))
"""


@pytest.fixture(scope="module")
def clip(tmp_path_factory):
    return write_clip(tmp_path_factory.mktemp("clips") / "clip.mp4", ClipPlan(pictures=100))


@pytest.fixture
def settings(tmp_path, bus_server, ledger_server):
    return settings_for(tmp_path, bus_server, ledger_server)


def serving(clip):
    return RtspServer({"clip": clip}, ServerOptions(user="user", password=PASSWORD))


def camera(server, name="door"):
    url = f"rtsp://127.0.0.1:{server.port}/clip"
    return Camera(id=name, url=url, username="user", password=SecretStr(PASSWORD))


def test_the_bus_dies_and_comes_back_empty(settings, clip, bus_server):
    async def main():
        async with serving(clip) as server, running_ingest(settings) as home:
            await home.put(camera(server))
            before = await home.live("door")
            await asyncio.to_thread(bus_server.kill)
            await asyncio.sleep(1.0)  # away for a while
            still = server.clients("clip")
            await asyncio.to_thread(bus_server.start)
            after = await home.live("door")
            group = await home.group("door", 3)
            holder = await home.bus.get(keys.lease_source("door"))
            return before, after, still, group, holder

    before, after, still, group, holder = asyncio.run(main())
    assert still == 1 and after.epoch_ms == before.epoch_ms  # the same connection
    assert group[0].packet.keyframe and holder is not None


def test_the_ledger_dies_and_cameras_go_on(settings, clip, ledger_server):
    async def main():
        async with serving(clip) as server, running_ingest(settings) as home:
            await home.put(camera(server))
            before = await home.live("door")
            await asyncio.to_thread(ledger_server.kill)
            newest = (await home.group("door"))[-1].entry_id
            async with asyncio.timeout(10):
                while (await home.group("door"))[-1].entry_id == newest:
                    await asyncio.sleep(0.02)
            await asyncio.to_thread(ledger_server.start)
            await home.put(camera(server, "gate"))
            await home.live("gate")
            return before, await home.status("door")

    before, after = asyncio.run(main())
    assert after.state == "live" and after.epoch_ms == before.epoch_ms


def test_the_rtsp_server_dies_and_comes_back(settings, clip):
    async def main():
        async with running_ingest(settings) as home:
            async with serving(clip) as server:
                port = server.port
                await home.put(camera(server))
                before = await home.live("door")
            gone = await home.until("door", lambda one: one.state == "waiting")
            options = ServerOptions(port=port, user="user", password=PASSWORD)
            async with RtspServer({"clip": clip}, options):
                return gone, before, await home.live("door", above_epoch=before.epoch_ms)

    gone, before, after = asyncio.run(main())
    assert gone.reason and after.epoch_ms > before.epoch_ms


def process(settings):
    """Start ingest as a process of its own."""
    child = subprocess.Popen([sys.executable, "-c", RUN], stdin=subprocess.PIPE)
    child.stdin.write(_with_secrets(settings).encode())
    child.stdin.close()
    return child


def _with_secrets(settings):
    raw = settings.model_dump_json()
    for secret in (settings.bus.url, settings.ledger.url):
        raw = raw.replace("**********", secret.get_secret_value(), 1)
    return raw


@pytest.mark.parametrize(
    ("number", "gives_back"), [(signal.SIGKILL, False), (signal.SIGTERM, True)]
)
def test_another_ingest_takes_over(settings, clip, number, gives_back):
    async def main():
        async with serving(clip) as server:
            home = Home(settings)
            first = await asyncio.to_thread(process, settings)
            second = None
            try:
                await home.put(camera(server))
                before = await home.live("door")
                held = await home.bus.get(keys.lease_source("door"))
                os.kill(first.pid, number)
                await asyncio.to_thread(first.wait)
                left = await home.bus.get(keys.lease_source("door"))
                second = await asyncio.to_thread(process, settings)
                after = await home.live("door", above_epoch=before.epoch_ms)
                return held, left, server.clients("clip"), after.epoch_ms > before.epoch_ms
            finally:
                for child in filter(None, (first, second)):
                    child.kill()
                    await asyncio.to_thread(child.wait)
                await home.bus.aclose()

    held, left, clients, higher = asyncio.run(main())
    assert held is not None and clients == 1 and higher
    if gives_back:
        assert left is None


def test_two_ingests_never_pull_the_same_camera(settings, clip):
    async def main():
        async with serving(clip) as server, running_ingest(settings) as home:
            await home.put(camera(server))
            await home.live("door")
            async with running_ingest(settings):
                most = 0
                for _ in range(60):
                    await asyncio.sleep(0.05)  # nothing happens: that is what is looked at
                    most = max(most, server.clients("clip"))
                return most

    assert asyncio.run(main()) == 1
