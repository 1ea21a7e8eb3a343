"""What closed desks leave is written once, whichever server goes away, and whenever it does."""

import asyncio

import pytest
from fakes.codec_clips import clip
from fakes.keeping_bench import GUARDED, MASKED, PLAIN, has_ended, on_bench, outage
from fakes.live_camera import LiveCamera

from engine.packets import Role
from streams.bus import heartbeats, keys
from streams.clock import now_ns

pytestmark = [pytest.mark.integration, pytest.mark.slow]

BUS_AWAY = ConnectionError("the bus went away")


@pytest.mark.parametrize(
    ("before", "after"), [(GUARDED, PLAIN), (MASKED, GUARDED)], ids=["people-none", "none-people"]
)
@pytest.mark.parametrize("how", ["away", "full"])
def test_what_a_desk_leaves_while_the_ledger_is_away_is_written_before_the_camera_is_taken_anew(
    models, bus_server, ledger_server, how, before, after
):
    async def body(bench):
        visit, alerts = await bench.with_alert(before)
        token = bench.holding().token
        await bench.register(after)
        async with outage(bench, ledger_server, how):
            await bench.look(2)
            await bench.keeping.flush()
            assert bench.desk() is None
            assert len(bench.keeping.leaving) == 1
            assert await bench.bus.get(keys.lease("lobby")) == f"w-1/{token}".encode()
        await bench.look(3)  # the first to reach the ledger must not be who claims the camera
        await bench.keeping.flush()
        await bench.look(2)
        await has_ended(bench, visit, alerts)
        assert (bench.desk().token, bench.desk().camera) == (token + 1, after)
        assert bench.desk().watch.open_visits() == ()
        assert bench.keeping.leaving == []

    on_bench(models, bus_server, ledger_server, body)


def test_a_lease_lost_while_the_ledger_was_away_is_not_taken_again_before_all_is_written(
    models, bus_server, ledger_server
):
    async def body(bench):
        visit, alerts = await bench.with_alert(MASKED)
        await bench.register(GUARDED)
        async with outage(bench, ledger_server, "away"):
            await bench.look()
            await bench.bus.set(keys.lease("lobby"), "w-2/9")
            bench.holding().renewed_ns = 0
            await bench.look()
            assert bench.holding() is None
        await bench.bus.delete(keys.lease("lobby"))
        await bench.look(2)
        assert bench.holding() is None
        await bench.keeping.flush()
        await bench.look()
        await has_ended(bench, visit, alerts)
        assert (bench.desk().camera, bench.desk().watch.open_visits()) == (GUARDED, ())

    on_bench(models, bus_server, ledger_server, body)


def test_a_camera_removed_while_the_ledger_is_away_is_let_go_when_all_is_written(
    models, bus_server, ledger_server
):
    async def body(bench):
        visit, alerts = await bench.with_alert()
        await bench.register(removed=["lobby"])
        async with outage(bench, ledger_server, "away"):
            await bench.look(2)
            assert await bench.bus.exists(keys.lease("lobby"))
        await bench.keeping.flush()
        await bench.look()
        await has_ended(bench, visit, alerts)
        assert (bench.desk(), bench.holding()) == (None, None)
        assert not await bench.bus.exists(keys.lease("lobby"))

    on_bench(models, bus_server, ledger_server, body)


@pytest.mark.parametrize("trouble", ["ledger", "bus"])
def test_settings_that_come_back_before_the_camera_was_let_go_leave_it_with_a_desk(
    models, bus_server, ledger_server, monkeypatch, trouble
):
    async def away(bus):
        raise BUS_AWAY

    async def body(bench):
        visit, alerts = await bench.with_alert()
        await bench.register(PLAIN)
        if trouble == "bus":
            with monkeypatch.context() as patch:
                patch.setattr(heartbeats, "live_workers", away)
                await bench.look()
        else:
            async with outage(bench, ledger_server, "away"):
                await bench.look()
        assert bench.desk() is None
        await bench.register(GUARDED)
        await bench.look()
        await bench.keeping.flush()
        await bench.look(2)
        await has_ended(bench, visit, alerts)
        assert bench.desk().camera == GUARDED
        assert bench.desk().watch.open_visits() == ()

    on_bench(models, bus_server, ledger_server, body)


def test_a_worker_stopped_in_the_midst_of_writing_writes_what_is_left(
    models, bus_server, ledger_server
):
    async def body(bench):
        visit, alerts = await bench.with_alert()
        await bench.register(PLAIN)
        await bench.ledger.redis.client_pause(60_000, all=False)
        step = asyncio.create_task(bench.keeping.step())
        while bench.desk() is not None:
            await asyncio.sleep(0)
        step.cancel()
        with pytest.raises(asyncio.CancelledError):
            await step
        await bench.ledger.redis.client_unpause()
        await bench.leave()
        await has_ended(bench, visit, alerts)

    on_bench(models, bus_server, ledger_server, body)


def test_a_bus_that_was_restarted_finds_the_desk_with_its_visit(models, bus_server, ledger_server):
    async def body(bench):
        ahead = f"{now_ns() // 1_000_000 + 3_600_000}-0"  # by the clock of the bus that was
        await bench.bus.hset(keys.source("lobby", Role.MAIN), "newest_keyframe", ahead)
        visit, _ = await bench.with_alert()
        desk, token = bench.desk(), bench.holding().token
        bench.holding().renewed_ns = now_ns() + 3_600 * 10**9  # not due for long
        await bus_server.running.kill()
        await bench.look()
        await bus_server.running.start()
        await bench.look()
        assert await bench.bus.get(keys.lease("lobby")) == f"w-1/{token}".encode()
        await LiveCamera(bench.bus, clip(1), camera="lobby").write(1)
        assert await bench.tools.intake.step() == 1
        assert bench.desk() is desk
        assert [one.id for one in desk.watch.open_visits()] == [visit.id]

    on_bench(models, bus_server, ledger_server, body)
