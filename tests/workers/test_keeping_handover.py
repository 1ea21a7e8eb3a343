"""Cameras change hands: with their visits, to somebody who can take them, and without names."""

import pytest
from fakes.keeping_bench import (
    ENROLLED,
    GUARDED,
    PLAIN,
    has_ended,
    is_one_story,
    on_bench,
    outage,
)
from fakes.ledger_real import owned
from fakes.ledger_records import a_visit, an_alert
from fakes.worker_scenes import camera_of

from engine.alerts import AlertReason
from engine.observations import Observation
from engine.packets import Role
from engine.purpose import Purpose
from engine.rules import RuleKind
from engine.visits import KeptAlert
from streams.bus import heartbeats, keys, observations
from streams.clock import now_ns
from workers.ownership import Ownership

pytestmark = [pytest.mark.integration, pytest.mark.slow]


FORMER = {
    "somebody": a_visit(1, "p-19"),
    "nobody now, an alert names somebody": a_visit(
        1,
        alerts=(
            KeptAlert("lobby.unmasked", an_alert(1, kind=RuleKind.UNMASKED, person_id="p-19")),
        ),
    ),
    "nobody now, an alert of the unknown": a_visit(1, alerts=(KeptAlert("r", an_alert(1)),)),
}


@pytest.mark.parametrize("purpose", [Purpose.NONE, Purpose.EXPRESSION])
@pytest.mark.parametrize("former", FORMER.values(), ids=FORMER.keys())
def test_a_purpose_that_changed_while_nobody_owned_the_camera_ends_visits_that_knew_somebody(
    models, bus_server, ledger_server, former, purpose
):
    async def body(bench):
        token = await owned(bench.ledger)
        await bench.ledger.visits.save(former, token)
        for kept in former.alerts:
            await bench.ledger.alerts.write(kept.revision, token)
        await bench.ledger.visits.save(a_visit(2), token)
        await bench.register(camera_of("lobby", purpose, mask_required=True))
        await bench.look(2)
        await bench.keeping.flush()
        assert (await bench.kept(former.id)).ended
        for kept in former.alerts:
            told = await bench.told()
            is_one_story(told)
            last = (told[-1].id, told[-1].reason)
            assert last == (kept.revision.id, AlertReason.CAMERA_CHANGED)
        (left,) = bench.desk().watch.open_visits()
        assert (left.id, left.person_id) == (a_visit(2).id, None)

    on_bench(models, bus_server, ledger_server, body)


def test_a_worker_that_leaves_hands_the_visit_and_its_alert_to_the_next(
    models, bus_server, ledger_server
):
    async def body(bench):
        visit, alerts = await bench.with_alert()
        await bench.leave()
        heir = bench.another()
        heir.pictures = bench.pictures + 50  # elsewhere in the picture: known by the face alone
        await heir.register()
        await heir.look()
        (handed,) = heir.desk().watch.open_visits()
        assert (handed.id, handed.person_id) == (visit.id, ENROLLED)
        await heir.show(pictures=6)
        await heir.register(removed=["lobby"])
        await heir.look()
        told = await heir.told()
        is_one_story(told)
        assert told[0].id == alerts[RuleKind.UNMASKED].id

    on_bench(models, bus_server, ledger_server, body)


@pytest.mark.parametrize(
    ("role", "high_water"), [(Role.MAIN, (3, 900)), (Role.SUB, (0, -1))], ids=str
)
def test_a_new_desk_goes_on_after_the_last_picture_of_its_stream_that_was_analysed(
    models, bus_server, ledger_server, role, high_water
):
    async def body(bench):
        last = Observation("lobby", role, 3, 900, 0, 1, ())
        await observations.publish(bench.bus, last, now_ns() // 1_000_000)
        await bench.register(GUARDED)
        await bench.look()
        assert bench.desk().high_water == high_water

    on_bench(models, bus_server, ledger_server, body)


@pytest.mark.parametrize("how", ["away", "full"])
def test_no_camera_is_handed_over_while_nobody_could_take_it(
    models, bus_server, ledger_server, how
):
    async def body(bench):
        hall = camera_of("hall")
        await bench.register(hall)
        await bench.with_alert()
        assert set(bench.owner.holdings) == {"hall", "lobby"}
        for holding in bench.owner.holdings.values():
            holding.since_ns = 0
        await bench.beat("w-2")
        async with outage(bench, ledger_server, how):
            await bench.look()
            assert set(bench.owner.holdings) == {"hall", "lobby"}
            assert bench.desk("hall") is not None
        await bench.look()
        assert set(bench.owner.holdings) == {"lobby"}
        assert (bench.desk("hall"), await bench.bus.exists(keys.lease("hall"))) == (None, 0)

    on_bench(models, bus_server, ledger_server, body)


def test_a_ledger_that_goes_away_while_a_camera_is_handed_over_gets_its_visit_afterwards(
    models, bus_server, ledger_server
):
    async def body(bench):
        await bench.register(camera_of("yard"))
        visit, _ = await bench.with_alert()
        check, token = bench.ledger.check, bench.holding().token
        last_seen_ns = bench.desk().watch.open_visits()[0].seen_ns
        assert last_seen_ns > visit.seen_ns  # not yet written

        async def check_and_go():
            await check()
            await ledger_server.running.kill()

        bench.owner.holdings["lobby"].since_ns = 0
        await bench.beat("w-2")
        bench.ledger.check = check_and_go
        await bench.look()
        assert (bench.desk(), bench.holding().token) == (None, token)
        bench.ledger.check = check
        await ledger_server.running.start()
        heir = bench.another()
        await heir.register()
        await heartbeats.end_heartbeat(bench.bus, "w-1")  # no worker is better than the heir
        await heir.look()
        assert heir.owner.holdings == {}
        await bench.look()
        assert bench.holding().token == token
        await bench.keeping.flush()
        await bench.look()
        assert (bench.desk(), bench.holding()) == (None, None)
        await heartbeats.end_heartbeat(bench.bus, "w-1")
        await heir.look()
        (handed,) = heir.desk().watch.open_visits()
        assert (handed.id, handed.seen_ns) == (visit.id, last_seen_ns)

    on_bench(models, bus_server, ledger_server, body)


def test_a_camera_whose_desk_is_closed_is_not_handed_over(
    models, bus_server, ledger_server, monkeypatch
):
    async def body(bench):
        await bench.register(camera_of("yard"))
        visit, alerts = await bench.with_alert()
        await bench.register(PLAIN)
        async with outage(bench, ledger_server, "away"):
            await bench.look()
        step = Ownership.step

        async def written_meanwhile(*arguments):
            await bench.keeping.flush()
            return await step(*arguments)

        bench.holding().since_ns = 0
        await bench.beat("w-2")
        with monkeypatch.context() as patch:
            patch.setattr(Ownership, "step", written_meanwhile)
            await bench.look()
        await bench.look()
        await has_ended(bench, visit, alerts)
        assert bench.desk().camera == PLAIN

    on_bench(models, bus_server, ledger_server, body)
