"""The ledger is killed while alerts are written: nothing confirmed is lost, no second id."""

import asyncio
from typing import Any

import pytest
from fakes.ledger_real import BOX, owned, with_ledger
from fakes.ledger_records import a_visit, an_alert

from engine.alerts import AlertRevision
from streams.bus.connection import AWAY
from streams.ledger.alerts import WriteResult
from streams.ledger.changes import Change
from streams.ledger.ledger import Ledger

pytestmark = [pytest.mark.fault, pytest.mark.slow]

ALERTS = 400
KILLS = 4
Confirmed = dict[str, WriteResult]


async def write_all(ledger: Ledger, token: int, confirmed: Confirmed) -> None:
    """Write alert after alert as a worker does: each one until it is confirmed."""
    for number in range(ALERTS):
        alert = an_alert(number)
        while alert.id not in confirmed:
            try:
                await ledger.visits.save(a_visit(number, ended=number % 2 == 0), token)
                confirmed[alert.id] = await ledger.alerts.write(alert, token)
            except AWAY:
                await asyncio.sleep(0.01)


async def kill_often(server: Any, confirmed: Confirmed) -> list[Confirmed]:
    """Kill the server whenever so many more were confirmed; return what was at each time."""
    before = []
    for kill in range(1, KILLS + 1):
        while len(confirmed) < kill * ALERTS // (KILLS + 1):
            await asyncio.sleep(0.001)
        await server.running.kill()
        before.append(dict(confirmed))
        await server.running.start()
    return before


def test_killed_while_writing_nothing_confirmed_is_lost(ledger_server: Any) -> None:
    confirmed: Confirmed = {}

    async def work(ledger: Ledger) -> list[Confirmed]:
        await ledger.subscribers.add("desk")
        token = await owned(ledger)
        async with asyncio.TaskGroup() as tasks:
            tasks.create_task(write_all(ledger, token, confirmed))
            killing = tasks.create_task(kill_often(ledger_server, confirmed))
        return killing.result()

    async def check(ledger: Ledger) -> None:
        entries = await ledger.alerts.read("0", 10 * ALERTS)
        inbox = await ledger.redis.xrange("ostiary:inbox:desk")
        # Each alert once, at the id that was confirmed, in the order of writing; in both streams.
        assert [one.alert for one in entries] == [an_alert(number) for number in range(ALERTS)]
        assert [one.cursor for one in entries] == [
            confirmed[one.alert.id].entry_id for one in entries
        ]
        assert [entry_id.decode() for entry_id, _ in inbox] == [one.cursor for one in entries]
        assert [AlertRevision.from_json(fields[b"alert"]) for _, fields in inbox] == [
            one.alert for one in entries
        ]
        open_visits = {one.id for one in await ledger.visits.open("lobby")}
        assert open_visits == {a_visit(number).id for number in range(1, ALERTS, 2)}
        assert await ledger.fences.issue("lobby") == 2

    before = with_ledger(ledger_server, work)
    assert [len(one) for one in before] == sorted(len(one) for one in before)
    assert 0 < len(before[0]) < len(before[-1]) < ALERTS
    with_ledger(ledger_server, check)


def test_a_retry_of_what_was_written_but_not_confirmed_changes_nothing(ledger_server: Any) -> None:
    async def write(ledger: Ledger) -> WriteResult:
        return await ledger.alerts.write(an_alert(), await owned(ledger))

    first = with_ledger(ledger_server, write)  # and then the reply was lost
    ledger_server.kill()
    ledger_server.start()
    again = with_ledger(ledger_server, write)
    assert (again.entry_id, again.written) == (first.entry_id, False)


def test_numbers_never_repeat_over_a_crash(ledger_server: Any) -> None:
    async def issue(ledger: Ledger) -> list[int]:
        return [await ledger.fences.issue("lobby") for _ in range(20)]

    issued = with_ledger(ledger_server, issue)
    ledger_server.kill()
    ledger_server.start()
    issued += with_ledger(ledger_server, issue)
    assert issued == list(range(1, 41))


def test_whoever_follows_changes_misses_none_while_the_ledger_is_away(ledger_server: Any) -> None:
    async def run() -> None:
        ledger = await Ledger.connect(ledger_server.url, ledger_server.password, BOX)
        following = ledger.changes.follow()
        assert await anext(following) == Change("all", "")
        await ledger.keys.revoke("k1")
        assert await anext(following) == Change("key", "k1")
        async with asyncio.timeout(30), asyncio.TaskGroup() as tasks:
            waiting = tasks.create_task(anext(following))  # type: ignore[arg-type]
            await ledger_server.running.kill()
            await ledger_server.running.start()
            await ledger.keys.revoke("k2")
        assert waiting.result() == Change("key", "k2")
        await following.aclose()
        await ledger.aclose()

    asyncio.run(run())


def test_a_write_while_the_ledger_is_away_says_so_quickly(ledger_server: Any) -> None:
    async def run() -> None:
        ledger = await Ledger.connect(ledger_server.url, ledger_server.password, BOX)
        token = await owned(ledger)
        await ledger_server.running.kill()
        async with asyncio.timeout(5):
            with pytest.raises(AWAY):
                await ledger.alerts.write(an_alert(), token)
            with pytest.raises(AWAY):
                await ledger.check()
        await ledger_server.running.start()
        assert (await ledger.alerts.write(an_alert(), token)).written
        await ledger.aclose()

    asyncio.run(run())
