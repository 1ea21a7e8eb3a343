"""Desks follow their cameras' settings: what goes on, what ends, and what the next desk knows."""

import pytest
from fakes.keeping_bench import (
    ENROLLED,
    GUARDED,
    MASKED,
    PLAIN,
    changed,
    has_ended,
    is_one_story,
    on_bench,
)
from fakes.worker_scenes import camera_of

from engine.alerts import AlertReason, AlertState
from engine.packets import Role
from engine.purpose import Purpose
from engine.rules import RuleKind
from streams.bus import heartbeats, keys

pytestmark = [pytest.mark.integration, pytest.mark.slow]


@pytest.mark.parametrize("purpose", [Purpose.NONE, Purpose.EXPRESSION])
def test_another_purpose_ends_the_visit_closes_its_alert_once_and_takes_no_name_along(
    models, bus_server, ledger_server, purpose
):
    async def body(bench):
        visit, alerts = await bench.with_alert()
        assert (visit.person_id, alerts[RuleKind.UNMASKED].person_id) == (ENROLLED, ENROLLED)
        before = bench.desk()
        await bench.register(camera_of("lobby", purpose, mask_required=True))
        await bench.look(3)
        await bench.keeping.flush()
        assert (await bench.kept(visit.id)).ended
        assert await bench.ledger.visits.open("lobby") == []
        told = await bench.told()
        is_one_story(told)
        assert (told[-1].id, told[-1].state) == (alerts[RuleKind.UNMASKED].id, AlertState.CLOSED)
        assert told[-1].reason is AlertReason.CAMERA_CHANGED
        after = bench.desk()
        assert (after.camera.purpose, after.token) == (purpose, before.token + 1)
        assert after.watch.open_visits() == ()
        thoughts = await bench.show()
        assert all(track.who is None for one in thoughts for track in one.result.tracks)
        (now,) = await bench.ledger.visits.open("lobby")
        assert now.id != visit.id
        assert ENROLLED not in now.to_json()
        anew = (await bench.told())[len(told) :]
        assert {(one.id != told[0].id, one.person_id) for one in anew} == {(True, None)}

    on_bench(models, bus_server, ledger_server, body)


def test_a_rule_switched_off_takes_its_alert_back_and_the_visit_goes_on(
    models, bus_server, ledger_server
):
    async def body(bench):
        both = changed(GUARDED, alert_unknown=True)
        visit, alerts = await bench.with_alert(both, "biden")
        assert set(alerts) == {RuleKind.UNMASKED, RuleKind.UNKNOWN}
        desk = bench.desk()
        await bench.register(changed(both, mask_required=False))
        await bench.look(3)
        await bench.keeping.flush()
        told = await bench.told(RuleKind.UNMASKED)
        is_one_story(told)
        assert told[-1].id == alerts[RuleKind.UNMASKED].id
        assert (told[-1].state, told[-1].reason) == (
            AlertState.WITHDRAWN,
            AlertReason.RULE_REMOVED,
        )
        (still,) = await bench.told(RuleKind.UNKNOWN)
        assert (still.id, still.active) == (alerts[RuleKind.UNKNOWN].id, True)
        await bench.show("biden", 3)
        assert bench.desk() is desk
        assert [one.id for one in await bench.ledger.visits.open("lobby")] == [visit.id]

    on_bench(models, bus_server, ledger_server, body)


def test_a_removed_camera_ends_its_visit_and_is_let_go(models, bus_server, ledger_server):
    async def body(bench):
        visit, alerts = await bench.with_alert()
        assert bench.read == {("lobby", Role.MAIN)}
        await bench.register(removed=["lobby"])
        await bench.look(3)
        await bench.keeping.flush()
        assert (await bench.kept(visit.id)).ended
        told = await bench.told()
        is_one_story(told)
        assert (told[-1].id, told[-1].reason) == (
            alerts[RuleKind.UNMASKED].id,
            AlertReason.CAMERA_CHANGED,
        )
        assert (bench.desk(), bench.holding(), bench.read) == (None, None, set())
        assert not await bench.bus.exists(keys.lease("lobby"))

    on_bench(models, bus_server, ledger_server, body)


def test_a_moved_main_stream_goes_on_with_its_visit(models, bus_server, ledger_server):
    async def body(bench):
        visit, alerts = await bench.with_alert()
        desk, token = bench.desk(), bench.holding().token
        elsewhere = changed(GUARDED, url="rtsp://192.0.2.9/door", password=None)
        await bench.register(elsewhere)
        await bench.look(3)
        await bench.show(pictures=3)
        assert bench.desk() is desk
        assert desk.camera == bench.holding().camera == elsewhere
        assert (bench.holding().token, bench.read) == (token, {("lobby", Role.MAIN)})
        (still,) = await bench.ledger.visits.open("lobby")
        assert still.id == visit.id
        assert {one.id for one in await bench.told()} == {alerts[RuleKind.UNMASKED].id}
        assert not [one for one in await bench.told() if one.over]

    on_bench(models, bus_server, ledger_server, body)


def test_another_stream_to_analyse_hands_the_visit_to_a_new_desk(models, bus_server, ledger_server):
    async def body(bench):
        visit, alerts = await bench.with_alert()
        desk = bench.desk()
        await bench.register(changed(GUARDED, sub_url="rtsp://192.0.2.1/small"))
        await bench.look(2)
        assert bench.desk().token == desk.token + 1
        assert bench.read == {("lobby", Role.SUB)}
        (handed,) = bench.desk().watch.open_visits()
        assert (handed.id, handed.person_id) == (visit.id, ENROLLED)
        await bench.show(pictures=3)
        told = await bench.told()
        assert {one.id for one in told} == {alerts[RuleKind.UNMASKED].id}
        assert not [one for one in told if one.over]
        await bench.register(removed=["lobby"])
        await bench.look()
        is_one_story(await bench.told())

    on_bench(models, bus_server, ledger_server, body)


def test_a_new_desk_takes_back_alerts_of_rules_that_went_meanwhile(
    models, bus_server, ledger_server
):
    async def body(bench):
        visit, _ = await bench.with_alert()
        sub = {"sub_url": "rtsp://192.0.2.1/small", "mask_required": False}
        await bench.register(changed(GUARDED, **sub))
        await bench.look(2)
        await bench.keeping.flush()
        told = await bench.told()
        is_one_story(told)
        assert told[-1].reason is AlertReason.RULE_REMOVED
        assert [one.id for one in await bench.ledger.visits.open("lobby")] == [visit.id]

    on_bench(models, bus_server, ledger_server, body)


@pytest.mark.parametrize(
    ("before", "after"),
    [(GUARDED, PLAIN), (MASKED, GUARDED), (GUARDED, None)],
    ids=["people-none", "none-people", "removed"],
)
def test_settings_that_change_in_the_midst_of_a_step_wait_for_the_next(
    models, bus_server, ledger_server, monkeypatch, before, after
):
    async def body(bench):
        live_workers = heartbeats.live_workers

        async def meanwhile(bus):
            if after is None:
                await bench.register(removed=["lobby"])
            else:
                await bench.register(after)
            return await live_workers(bus)

        visit, alerts = await bench.with_alert(before)
        with monkeypatch.context() as patch:
            patch.setattr(heartbeats, "live_workers", meanwhile)
            await bench.look()
        await bench.look(2)
        await bench.keeping.flush()
        await has_ended(bench, visit, alerts)

    on_bench(models, bus_server, ledger_server, body)


def test_settings_that_change_while_a_camera_was_lost_and_taken_again_reach_its_new_desk(
    models, bus_server, ledger_server
):
    async def body(bench):
        visit, _ = await bench.with_alert()
        desk, issue = bench.desk(), bench.ledger.fences.issue

        async def not_for_the_yard(camera):
            if camera == "yard":
                raise ConnectionError("the ledger went away")
            return await issue(camera)

        await bench.register(camera_of("yard"))
        bench.ledger.fences.issue = not_for_the_yard  # ends each step before it tells of changes
        await bench.bus.set(keys.lease("lobby"), "w-2/9")
        bench.holding().renewed_ns = 0
        await bench.look()
        await bench.bus.delete(keys.lease("lobby"))
        await bench.look()
        assert bench.desk() is desk
        assert bench.holding().token == desk.token + 1
        bench.ledger.fences.issue = issue
        plain = changed(GUARDED, mask_required=False)
        await bench.register(plain)
        await bench.look(3)
        await bench.keeping.flush()
        assert bench.desk().camera == bench.holding().camera == plain
        told = await bench.told()
        is_one_story(told)
        assert told[-1].reason is AlertReason.RULE_REMOVED
        assert [one.id for one in bench.desk().watch.open_visits()] == [visit.id]

    on_bench(models, bus_server, ledger_server, body)
