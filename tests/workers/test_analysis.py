"""Turns over desks with real networks and a real bus: what is refused, kept and published."""

import asyncio
from dataclasses import replace

import numpy as np
import pytest
from fakes.analysis_bench import BUDGET_MS, EVERY_NS, bench
from fakes.worker_scenes import (
    BEGIN_NS,
    SECOND_NS,
    background,
    scene,
)

from engine.packets import Role
from engine.rules import RuleKind
from streams.bus import keys
from streams.bus.packets import StreamKey
from streams.clock import now_ns

pytestmark = [pytest.mark.integration, pytest.mark.slow]

DOOR = StreamKey("door", Role.MAIN)


def somebody(step):
    return scene(("obama", 60 + 6 * step, 60, 90))


def far(step):
    return scene(("hopper", 500 + 12 * step, 300, 26), size=(1280, 720))


def test_a_picture_becomes_an_observation_with_its_place_in_the_stream(models, bus_server):
    async def body(bench):
        await bench.show(somebody(0))
        await bench.show(somebody(1), 1)
        first, second = await bench.published()
        assert (first.camera, first.epoch_ms, first.captured_ns) == ("door", 1, BEGIN_NS)
        assert (first.token, first.role) == (7, Role.MAIN)
        assert second.captured_ns == BEGIN_NS + EVERY_NS
        assert second.tracks[0].track_id == first.tracks[0].track_id == "7-1"
        assert bench.desk.figures.record(now_ns())["latency_ms"]["p50"] < 5000
        assert bench.pool.released == 2

    bench(models, bus_server, body)


def test_repeated_and_stale_pictures_are_refused_counted_and_given_back(models, bus_server):
    async def body(bench):
        await bench.show(background(), 5)
        await bench.show(background(), 5)
        await bench.show(background(), 4)
        await bench.show(background(), 6, behind_ms=BUDGET_MS + 100)
        await bench.show(background(), 7, camera="elsewhere")
        await bench.show(background(), 8)
        captured = [one.captured_ns for one in await bench.published()]
        assert captured == [BEGIN_NS + step * EVERY_NS for step in (5, 8)]
        assert bench.drops == {"repeated": 2, "stale": 1}
        assert bench.pool.released == 6

    bench(models, bus_server, body)


def test_while_the_bus_is_away_alerts_are_found_all_the_same(models, bus_server):
    async def body(bench):
        await bus_server.running.kill()
        for step in range(12):
            await bench.show(somebody(step), step)
        assert bench.drops == {"bus_away": 12}
        assert bench.desk.outbox.take().kind is RuleKind.UNMASKED
        assert bench.desk.visits.take(False) is not None
        assert bench.analysis.written.is_set()
        await bus_server.running.start()
        await bench.show(somebody(12), 12)
        assert len(await bench.published()) == 1

    bench(models, bus_server, body)


def test_a_full_bus_does_not_end_the_analysis(models, bus_server):
    async def body(bench):
        await bench.bus.config_set("maxmemory", 1)
        await bench.show(somebody(0))
        await bench.bus.config_set("maxmemory", 0)
        await bench.show(somebody(1), 1)
        assert bench.drops == {"bus_away": 1}
        assert len(await bench.published()) == 1

    bench(models, bus_server, body)


def test_when_pictures_stop_the_visit_and_its_alerts_are_closed(models, bus_server):
    async def body(bench):
        for step in range(10):
            await bench.show(somebody(step), step)
        desk = bench.desk
        opened, visit = desk.outbox.take(), desk.visits.take(False)
        desk.outbox.confirm(opened)
        desk.visits.confirm(visit)
        bench.analysis.written.clear()
        for second in range(1, 60):
            desk.last_seen_ns = now_ns() - second * SECOND_NS
            await bench.analysis.step()
        closing, ended = desk.outbox.take(), desk.visits.take(False)
        assert (closing.id, closing.active) == (opened.id, False)
        assert (ended.id, ended.ended) == (visit.id, True)
        assert bench.analysis.written.is_set()

    bench(models, bus_server, body)


def test_the_picture_that_an_alert_wants_waits_to_be_sent(models, bus_server):
    async def body(bench):
        for step in range(10):
            await bench.show(somebody(step), step)
        alert = bench.desk.outbox.take()
        await bench.analysis.tools.snapshots.send(bench.bus, now_ns())
        sent = [fields[b"id"].decode() for _, fields in await bench.bus.xrange(keys.EVIDENCE)]
        assert alert.evidence.snapshot in sent

    bench(models, bus_server, body)


def test_a_busy_worker_asks_for_no_more_pictures_than_it_can_take(models, bus_server):
    async def body(bench):
        await bench.show(somebody(0))
        bench.analysis.rate_hz = 2.5
        await bench.show(somebody(1), 1)
        full_hz = bench.analysis.tools.sampling.full_hz
        assert bench.analysis.tools.intake.asked == [(DOOR, full_hz), (DOOR, 2.5)]

    bench(models, bus_server, body)


@pytest.mark.parametrize("busy_spare", [0.0, 1.01])
def test_closer_looks_are_for_when_time_is_left(models, bus_server, busy_spare):
    async def body(bench):
        tools = bench.analysis.tools
        sampling = replace(tools.sampling, busy_spare=busy_spare)
        bench.analysis.tools = replace(tools, sampling=sampling)
        await bench.show(far(0))
        await asyncio.sleep(1.1)  # how busy the turns are is asked once a second
        for step in range(1, 12):
            await bench.show(far(step), step)
        seen = (await bench.published())[-1]
        assert len(seen.tracks) == (1 if busy_spare else 0)

    bench(models, bus_server, body)


def test_a_still_camera_comes_to_rest_and_wakes_when_somebody_comes(models, bus_server):
    async def body(bench):
        for step in range(25):  # 5 s
            await bench.show(background(), step)
        await bench.show(somebody(0), 25)
        asked = [rate_hz for _, rate_hz in bench.analysis.tools.intake.asked]
        settings = bench.analysis.tools.sampling
        assert asked[:11] == [settings.full_hz] * 11  # 0 to 2 s
        assert asked[11:25] == [settings.idle_hz] * 14
        assert asked[25] == settings.full_hz

    bench(models, bus_server, body)


def test_a_turn_that_fails_is_counted_and_the_next_goes_on(models, bus_server):
    async def body(bench):
        await bench.show(np.zeros((0, 0, 3), np.uint8))
        assert bench.drops == {"defect": 1}
        await bench.show(somebody(1), 1)
        assert len(await bench.published()) == 1
        assert bench.pool.released == 2

    bench(models, bus_server, body)
