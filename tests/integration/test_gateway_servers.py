"""The gateway while its servers come and go, and at its own end."""

import asyncio
import os
import signal
import time

import pytest

from streams.gateway import app
from tests.fakes.live_gateway import CountingHub, gateway_settings, running_gateway, until

pytestmark = [pytest.mark.integration, pytest.mark.slow]


@pytest.fixture
def settings(tmp_path, bus_server, ledger_server):
    return gateway_settings(tmp_path, bus_server, ledger_server)


@pytest.mark.parametrize("which", ["bus", "ledger"])
def test_it_outlives_a_server_and_says_so(settings, bus_server, ledger_server, which):
    server = bus_server if which == "bus" else ledger_server

    async def main():
        async with running_gateway(settings) as gateway:
            await gateway.camera()

            async def ready(expected):
                answer = await gateway.admin.get("/readyz")
                return (answer.status_code == 200) is expected

            await asyncio.to_thread(server.kill)
            await until(lambda: ready(False))
            checks = (await gateway.admin.get("/readyz")).json()["checks"]
            assert checks[which] is False
            assert (await gateway.admin.get("/healthz")).status_code == 200
            # What the gateway knows by itself goes on: keys and cameras, so that viewers stay.
            listed = await gateway.admin.get("/api/v1/cameras")
            assert listed.status_code == 200
            assert [one["id"] for one in listed.json()["cameras"]] == ["lobby"]
            if which == "ledger":
                away = await gateway.admin.get("/api/v1/alerts")
                assert away.status_code == 503
                assert away.headers["retry-after"]
            await asyncio.to_thread(server.start)
            await until(lambda: ready(True))
            await gateway.camera(id="yard")
            assert (await gateway.admin.get("/api/v1/alerts")).status_code == 200

    asyncio.run(main())


@pytest.mark.parametrize("which", ["bus", "ledger"])
def test_a_frozen_server_is_an_answer_too(settings, bus_server, ledger_server, which):
    server = bus_server if which == "bus" else ledger_server

    async def main():
        async with running_gateway(settings) as gateway:
            await gateway.camera()
            os.kill(server.running.pid, signal.SIGSTOP)
            try:
                ready = await gateway.admin.get("/readyz")
                assert ready.json()["checks"][which] is False
                path = "/api/v1/alerts" if which == "ledger" else "/api/v1/status"
                assert (await gateway.admin.get(path)).status_code == 503
                assert (await gateway.admin.get("/api/v1/cameras")).status_code == 200
            finally:
                os.kill(server.running.pid, signal.SIGCONT)

            async def ready_again():
                return (await gateway.admin.get("/readyz")).status_code == 200

            await until(ready_again)
            assert (await gateway.admin.get(path)).status_code == 200

    asyncio.run(main())


def test_it_starts_without_its_servers_and_is_ready_once_they_come(settings, ledger_server):
    async def main():
        async with running_gateway(settings) as gateway:
            await gateway.camera()
        await asyncio.to_thread(ledger_server.kill)
        parts = app.open_parts(settings, CountingHub())
        async with asyncio.TaskGroup() as group:
            serving = group.create_task(app.serve(parts))
            await asyncio.to_thread(ledger_server.start)

            async def loaded():
                return parts.directory.loaded and "lobby" in parts.directory.cameras

            await until(loaded)
            serving.cancel()

    asyncio.run(main())


def test_it_ends_within_a_second_while_streams_are_open(settings):
    async def main():
        async with running_gateway(settings) as gateway:
            opened = asyncio.Event()

            async def listen():
                path = "/api/v1/alerts/stream"
                async with gateway.admin.stream("GET", path) as answer:
                    async for _ in answer.aiter_lines():
                        opened.set()

            listening = asyncio.ensure_future(listen())
            await asyncio.wait_for(opened.wait(), 10)
            began_s = time.monotonic()
        took_s = time.monotonic() - began_s
        await asyncio.gather(listening, return_exceptions=True)
        assert took_s < 3

    asyncio.run(main())
