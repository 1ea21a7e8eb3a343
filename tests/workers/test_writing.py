"""From a desk to a real ledger: nothing is lost while it is away, full or owned by another."""

import asyncio
from dataclasses import replace

import pytest
from fakes.ledger_fake import FakeLedger
from fakes.ledger_real import owned, with_ledger
from fakes.ledger_records import a_visit, an_alert
from fakes.worker_scenes import camera_of, desk_of

from engine.alerts import AlertReason, AlertState
from engine.visits import KeptAlert
from streams.bus import keys
from workers.writing import flush

pytestmark = [pytest.mark.integration, pytest.mark.slow]

ENDING = {"state": AlertState.CLOSED, "active": False}


def desk_with(token, alerts=(), visits=()):
    desk = desk_of(camera_of("lobby"), token=token)
    desk.outbox.put(alerts)
    desk.visits.put(visits)
    return desk


async def stored(ledger):
    entries = await ledger.alerts.read("0", 100)
    return [(one.alert.id[-1], one.alert.revision, one.alert.state) for one in entries]


def test_visits_and_alerts_are_written_once_each_and_in_order(ledger_server):
    async def work(ledger):
        token = await owned(ledger)
        desk = desk_with(token, [an_alert(1), an_alert(2)], [a_visit(1), a_visit(2)])
        assert await flush(ledger, desk)
        assert await flush(ledger, desk)
        assert await stored(ledger) == [("1", 1, AlertState.OPENED), ("2", 1, AlertState.OPENED)]
        assert {one.id[-1] for one in await ledger.visits.open("lobby")} == {"1", "2"}

    with_ledger(ledger_server, work)


def test_while_the_ledger_is_away_everything_stays_and_is_written_afterwards(ledger_server):
    async def work(ledger):
        desk = desk_with(await owned(ledger), [an_alert(1)], [a_visit(1)])
        await ledger_server.running.kill()
        for _ in range(3):
            assert not await flush(ledger, desk)
        desk.outbox.put([an_alert(2), an_alert(2, 2, **ENDING)])
        desk.visits.put([a_visit(1, seen_ns=a_visit().seen_ns + 5_000_000)])
        assert (len(desk.outbox), len(desk.visits)) == (2, 1)
        await ledger_server.running.start()
        assert await flush(ledger, desk)
        assert await stored(ledger) == [("1", 1, AlertState.OPENED), ("2", 2, AlertState.CLOSED)]
        (visit,) = await ledger.visits.open("lobby")
        assert visit.seen_ns == a_visit().seen_ns + 5_000_000

    with_ledger(ledger_server, work)


def test_a_ledger_that_takes_no_writes_loses_nothing(ledger_server):
    async def work(ledger):
        desk = desk_with(await owned(ledger), [an_alert(1)], [a_visit(1)])
        await ledger.redis.config_set("maxmemory", 1)
        assert not await flush(ledger, desk)
        assert (len(desk.outbox), len(desk.visits)) == (1, 1)
        await ledger.redis.config_set("maxmemory", 0)
        assert await flush(ledger, desk)
        assert await stored(ledger) == [("1", 1, AlertState.OPENED)]

    with_ledger(ledger_server, work)


def test_who_was_fenced_out_hands_openings_in_as_closed_and_nothing_else(ledger_server):
    async def work(ledger):
        token = await owned(ledger)
        desk = desk_with(token, [an_alert(1)])
        assert await flush(ledger, desk)
        heir = await owned(ledger)
        desk.outbox.put([an_alert(1, 2), an_alert(2), an_alert(2, 2), an_alert(3, 2, **ENDING)])
        desk.visits.put([a_visit(1)])
        assert await flush(ledger, desk)
        assert await stored(ledger) == [("1", 1, AlertState.OPENED), ("2", 1, AlertState.CLOSED)]
        handed = (await ledger.alerts.get(an_alert(2).id)).alert
        assert handed.reason is AlertReason.HANDED_OVER
        assert not handed.active
        assert await ledger.visits.open("lobby") == []
        # The heir opens the same alert with revision 2: it counts as newer.
        opened = replace(an_alert(2, 2), state=AlertState.OPENED)
        assert (await ledger.alerts.write(opened, heir)).written

    with_ledger(ledger_server, work)


def test_one_that_is_refused_blocks_no_others(ledger_server):
    async def work(ledger):
        token = await owned(ledger)
        for kind in ("alert", "visit"):
            await ledger.redis.set(keys.record(kind, an_alert(1).id), "no record")
        desk = desk_with(token, [an_alert(1), an_alert(2)], [a_visit(1), a_visit(2)])
        assert await flush(ledger, desk)
        assert [name for name, *_ in await stored(ledger)] == ["2"]
        assert [one.id[-1] for one in await ledger.visits.open("lobby")] == ["2"]
        assert desk.figures.lost == {"alerts_refused": 1, "visits_refused": 1}

    with_ledger(ledger_server, work)


def test_an_opening_that_cannot_be_handed_in_is_counted(ledger_server):
    async def work(ledger):
        desk = desk_with(await owned(ledger), [an_alert(1)], [a_visit(1)])
        await owned(ledger)  # the heir
        await ledger.redis.set(keys.record("alert", an_alert(1).id), "no record")
        assert await flush(ledger, desk)
        assert desk.figures.lost == {"alerts_at_hand_over": 1}
        assert len(desk.visits) == 0

    with_ledger(ledger_server, work)


class Witness(FakeLedger):
    """A ledger in memory that goes away after so many writes."""

    writes_left = 0

    def demand(self, camera, token):
        self.writes_left -= 1
        if self.writes_left < 0:
            raise ConnectionError("the ledger went away")
        super().demand(camera, token)


@pytest.mark.parametrize("writes", range(5))
def test_whenever_the_ledger_goes_visits_were_written_before_alerts(writes):
    async def work():
        ledger = Witness()
        ledger.writes_left = writes
        desk = desk_with(1, [an_alert(1), an_alert(2)], [a_visit(1), a_visit(2)])
        done = await flush(ledger, desk)
        assert done == (writes == 4)
        assert len(ledger.states) == min(writes, 2)
        assert len(ledger.entries) == max(0, writes - 2)
        assert len(desk.visits) == 2 - len(ledger.states)
        assert len(desk.outbox) == 2 - len(ledger.entries)

    asyncio.run(work())


class Cut:
    """A ledger whose connection breaks before its n-th write of an alert."""

    def __init__(self, ledger, nth=1):
        self.visits, self.alerts, self._alerts, self.left = ledger.visits, self, ledger.alerts, nth

    async def write(self, revision, token):
        self.left -= 1
        if not self.left:
            raise ConnectionError("cut")
        return await self._alerts.write(revision, token)


def test_who_dies_before_the_closing_alert_leaves_it_to_the_next_owner(ledger_server):
    async def work(ledger):
        token = await owned(ledger)
        closing = an_alert(1, 2, **ENDING)
        desk = desk_with(token, [an_alert(1)], [a_visit(1)])
        assert await flush(ledger, desk)
        kept = (KeptAlert("mask", closing),)
        desk.visits.put([a_visit(1, ended=True, alerts=kept)])
        desk.outbox.put([closing])
        assert not await flush(Cut(ledger), desk)
        (found,) = await ledger.visits.open("lobby")  # as the next owner finds it
        assert [one.revision.state for one in found.alerts] == [AlertState.CLOSED]
        assert await flush(ledger, desk)
        assert await ledger.visits.open("lobby") == []
        assert (await stored(ledger))[-1] == ("1", 2, AlertState.CLOSED)

    with_ledger(ledger_server, work)


def test_openings_wait_where_the_ledger_goes_away_at_the_hand_over(ledger_server):
    async def work(ledger):
        desk = desk_with(await owned(ledger), [an_alert(1), an_alert(2)])
        await owned(ledger)  # the heir
        assert not await flush(Cut(ledger, 3), desk)  # fenced, handed in, cut
        assert len(desk.outbox) == 1
        assert await flush(ledger, desk)
        assert await stored(ledger) == [("1", 1, AlertState.CLOSED), ("2", 1, AlertState.CLOSED)]

    with_ledger(ledger_server, work)
