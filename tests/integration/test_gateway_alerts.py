"""Alerts over HTTP: the list, the live stream that loses none, the pictures that follow."""

import asyncio
import time
from itertools import pairwise

import pytest

from engine.alerts import AlertState
from streams.bus import evidence
from streams.bus.evidence import Snapshot
from streams.gateway.evidence_writer import EvidenceWriter, Retention
from streams.gateway.tail import SnapshotOf
from tests.fakes.live_gateway import events, gateway_settings, running_gateway, until

pytestmark = [pytest.mark.integration, pytest.mark.slow]


@pytest.fixture
def settings(tmp_path, bus_server, ledger_server):
    return gateway_settings(tmp_path, bus_server, ledger_server)


async def take(client, path, count, headers=None):
    """Return the first `count` events of a stream."""
    found = []
    async with asyncio.timeout(20), client.stream("GET", path, headers=headers or {}) as answer:
        assert answer.status_code == 200
        assert answer.headers["content-type"].startswith("text/event-stream")
        async for event in events(answer.aiter_lines()):
            found.append(event)
            if len(found) == count:
                return found
    return found


def test_a_stream_goes_on_after_any_cursor_without_loss_or_repeat(settings):
    async def main():
        async with running_gateway(settings) as gateway:
            await gateway.camera()
            path = "/api/v1/alerts/stream"
            for number in range(1, 6):
                await gateway.alert(number)
            first = await take(gateway.admin, f"{path}?since=0", 3)
            assert [int(one.data["id"], 16) for one in first] == [1, 2, 3]
            assert all(one.id == one.data["cursor"] for one in first)

            # By the browser's header, which stands above the address's cursor.
            resumed = asyncio.ensure_future(
                take(gateway.admin, f"{path}?since=0", 4, {"last-event-id": first[-1].id})
            )
            for number in (6, 7):
                await gateway.alert(number)
            rest = await resumed
            assert [int(one.data["id"], 16) for one in rest] == [4, 5, 6, 7]
            cursors = [one.id for one in first + rest]
            assert all(_order(a) < _order(b) for a, b in pairwise(cursors))

    asyncio.run(main())


def _order(cursor):
    return tuple(int(part) for part in cursor.split("-"))


def test_the_stream_tells_new_alerts_at_once_and_only_granted_ones(settings):
    async def main():
        async with running_gateway(settings) as gateway:
            await gateway.camera()
            await gateway.camera(id="vault")
            async with await gateway.client("viewer", ["lobby"]) as viewer:
                waiting = asyncio.ensure_future(take(viewer, "/api/v1/alerts/stream", 1))

                async def open_stream():
                    return gateway.parts.metrics.streams._value.get() == 1

                await until(open_stream)
                await gateway.alert(1, camera="vault")
                await gateway.alert(2, camera="lobby")
                began_s = time.monotonic()
                (event,) = await waiting
                assert event.data["camera"] == "lobby"
                assert time.monotonic() - began_s < 5

    asyncio.run(main())


def test_a_revoked_keys_stream_ends_at_once(settings):
    async def main():
        async with running_gateway(settings) as gateway:
            viewer = await gateway.client("viewer")
            async with viewer, asyncio.timeout(10):
                key_id = (await viewer.get("/api/v1/me")).json()["key_id"]
                async with viewer.stream("GET", "/api/v1/alerts/stream") as answer:
                    lines = answer.aiter_lines()
                    assert await anext(lines)
                    await gateway.admin.delete(f"/api/v1/keys/{key_id}")
                    async for _ in lines:
                        pass  # until the gateway ends it

    asyncio.run(main())


def test_the_list_shows_each_alert_once_newest_first_and_where_to_read_on(settings):
    async def main():
        async with running_gateway(settings) as gateway:
            await gateway.camera()
            await gateway.alert(1)
            await gateway.alert(2)
            await gateway.alert(1, revision=2, state=AlertState.CLOSED, active=False)
            answer = (await gateway.admin.get("/api/v1/alerts")).json()
            assert [(int(one["id"], 16), one["revision"]) for one in answer["alerts"]] == [
                (1, 2),
                (2, 1),
            ]
            assert answer["cursor"] == answer["alerts"][0]["cursor"]
            every = (await gateway.admin.get("/api/v1/alerts?since=0&limit=2")).json()
            assert [one["revision"] for one in every["alerts"]] == [1, 1]
            after = every["cursor"]
            rest = (await gateway.admin.get(f"/api/v1/alerts?since={after}")).json()
            assert [one["revision"] for one in rest["alerts"]] == [2]
            bad = await gateway.admin.get("/api/v1/alerts?since=yesterday")
            assert bad.status_code == 422

    asyncio.run(main())


async def known_to(gateway, evidence_id):
    return gateway.parts.tail.snapshot(evidence_id) is not None


def test_a_snapshot_is_pending_then_there_and_the_stream_says_so(settings):
    async def main():
        async with running_gateway(settings) as gateway:
            await gateway.camera()
            await gateway.alert(1, snapshot="e-77")
            await until(lambda: known_to(gateway, "e-77"))
            pending = await gateway.admin.get("/api/v1/evidence/e-77")
            assert (pending.status_code, pending.json()["error"]) == (404, "pending")
            path = "/api/v1/alerts/stream?since=0"
            sealed = gateway.parts.box.seal(b"\xff\xd8 a picture")
            async with asyncio.timeout(20), gateway.admin.stream("GET", path) as stream:
                told = events(stream.aiter_lines())
                assert (await anext(told)).data["snapshot_ready"] is False
                await evidence.put(gateway.parts.bus, Snapshot("e-77", "lobby", sealed))
                picture = await anext(told)
            assert (picture.kind, picture.data["snapshot"]) == ("snapshot", "e-77")
            answer = await gateway.admin.get("/api/v1/evidence/e-77")
            assert answer.content == b"\xff\xd8 a picture"
            files = [path for path in (settings.home / "evidence").rglob("*") if path.is_file()]
            assert [b"a picture" in path.read_bytes() for path in files] == [False]

            async def confirmed():
                return await evidence.written(gateway.parts.bus, ["e-77"]) == {"e-77"}

            await until(confirmed)

    asyncio.run(main())


def test_a_snapshot_that_never_came_is_lost_after_a_minute(settings):
    async def main():
        async with running_gateway(settings) as gateway:
            alert = await gateway.alert(1, snapshot="e-88")
            gateway_tail = gateway.parts.tail

            async def known():
                return gateway_tail.snapshot("e-88") is not None

            await until(known)
            long_ago_ms = time.time_ns() // 1_000_000 - 61_000
            gateway_tail._snapshots["e-88"] = SnapshotOf("lobby", alert.kind, long_ago_ms)
            answer = await gateway.admin.get("/api/v1/evidence/e-88")
            assert (answer.status_code, answer.json()["error"]) == (410, "lost")
            nothing = await gateway.admin.get("/api/v1/evidence/e-99")
            assert nothing.status_code == 404
            assert nothing.json()["error"] != "pending"

    asyncio.run(main())


def test_sweeping_takes_orphans_after_ten_minutes_and_the_old_after_their_time(settings):
    async def main():
        async with running_gateway(settings) as gateway:
            parts = gateway.parts
            await gateway.alert(1, snapshot="e-named")

            async def known():
                return parts.tail.snapshot("e-named") is not None

            await until(known)
            for name in ("e-named", "e-orphan"):
                await parts.store.put(name, b"sealed")
            writer = EvidenceWriter(
                parts.bus, parts.store, parts.tail, parts.metrics, Retention(keep_s=86_400)
            )
            now_ns = time.time_ns()
            await writer.sweep(now_ns + 500 * 10**9)
            assert await parts.store.has("e-orphan")
            await writer.sweep(now_ns + 601 * 10**9)
            assert not await parts.store.has("e-orphan")
            assert await parts.store.has("e-named")
            await writer.sweep(now_ns + 86_500 * 10**9)
            assert not await parts.store.has("e-named")

    asyncio.run(main())


def test_a_full_bus_delays_evidence_and_loses_none(settings, capsys):
    async def main():
        async with running_gateway(settings) as gateway:
            bus = gateway.parts.bus
            await gateway.alert(1, snapshot="e-full")
            await bus.config_set("maxmemory", "1mb")
            await bus.delete("ostiary:lease:evidence")  # as if it had expired meanwhile

            async def refused():
                return "evidence_waits" in capsys.readouterr().out

            await until(refused)
            await bus.config_set("maxmemory", str(256 * 2**20))
            sealed = gateway.parts.box.seal(b"a picture")
            await evidence.put(bus, Snapshot("e-full", "lobby", sealed))

            async def there():
                return (await gateway.admin.get("/api/v1/evidence/e-full")).status_code == 200

            await until(there)

    asyncio.run(main())
