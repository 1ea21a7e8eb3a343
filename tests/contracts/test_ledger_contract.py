"""What a worker relies on, tried against the ledger in memory and the real one alike."""

import asyncio
from collections.abc import Awaitable, Callable
from dataclasses import dataclass, replace
from typing import Any

import pytest
from fakes.ledger_fake import FakeLedger
from fakes.ledger_real import with_ledger
from fakes.ledger_records import a_visit, an_alert
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from engine.alerts import AlertReason, AlertState
from engine.visits import KeptAlert
from streams.bus.connection import AWAY
from streams.ledger.alerts import without_person
from streams.ledger.functions import Fenced
from streams.ledger.ledger import Ledger
from streams.ledger.visits import without_visitor

pytestmark = [pytest.mark.contract, pytest.mark.slow]

AnyLedger = Ledger | FakeLedger
Work = Callable[[AnyLedger], Awaitable[None]]


@dataclass(slots=True)
class Subject:
    """One kind of ledger, and how this kind erases somebody or goes away."""

    run: Callable[[Work], None]
    erase: Callable[[AnyLedger, str], Awaitable[None]]
    leave: Callable[[AnyLedger], Awaitable[None]]


def in_memory() -> Subject:
    async def erase(ledger: Any, person_id: str) -> None:
        ledger.erased.add(person_id)

    async def leave(ledger: Any) -> None:
        ledger.away = True

    def run(work: Work) -> None:
        async def begin() -> None:
            await work(FakeLedger())

        asyncio.run(begin())

    return Subject(run, erase, leave)


def on_a_server(server: Any) -> Subject:
    async def erase(ledger: Any, person_id: str) -> None:
        async def nobody() -> list[str]:
            return []

        async def drop(snapshots: object) -> None:
            return None

        await ledger.people.erase(person_id, nobody, drop)

    async def leave(ledger: Any) -> None:
        await server.running.kill()

    return Subject(lambda work: with_ledger(server, work), erase, leave)


@pytest.fixture(params=["in memory", "real"])
def subject(request: pytest.FixtureRequest) -> Subject:
    if request.param == "in memory":
        return in_memory()
    return on_a_server(request.getfixturevalue("ledger_server"))


def test_numbers_grow_and_the_lower_one_is_fenced_out(subject: Subject) -> None:
    async def work(ledger: AnyLedger) -> None:
        one, two = await ledger.fences.issue("lobby"), await ledger.fences.issue("lobby")
        assert (one, two) == (1, 2)
        assert await ledger.fences.issue("gate") == 1
        await ledger.fences.claim("lobby", one)
        assert (await ledger.alerts.write(an_alert(1), one)).written
        await ledger.fences.claim("lobby", two)
        for attempt in (
            ledger.fences.claim("lobby", one),
            ledger.alerts.write(an_alert(1, 2), one),
            ledger.visits.save(a_visit(), one),
        ):
            with pytest.raises(Fenced):
                await attempt
        assert await ledger.fences.claim("lobby", two) == []
        assert await ledger.fences.claim("lobby", 7) == []
        assert await ledger.fences.issue("lobby") == 8

    subject.run(work)


def test_revisions_only_grow(subject: Subject) -> None:
    async def work(ledger: AnyLedger) -> None:
        first = await ledger.alerts.write(an_alert(1, 2), 1)
        for revision in (1, 2):
            again = await ledger.alerts.write(an_alert(1, revision), 1)
            assert (again.entry_id, again.written) == (first.entry_id, False)
        third = await ledger.alerts.write(an_alert(1, 3), 1)
        entries = await ledger.alerts.read("0")
        assert [one.alert.revision for one in entries] == [2, 3]
        assert [one.cursor for one in entries] == [first.entry_id, third.entry_id]
        assert await ledger.alerts.get(an_alert(1).id) == entries[-1]
        assert await ledger.alerts.read(first.entry_id) == entries[1:]
        assert await ledger.alerts.read(third.entry_id) == []
        assert await ledger.alerts.newest() == third.entry_id
        assert await ledger.alerts.get("unknown") is None

    subject.run(work)


def test_what_nobody_heard_of_may_be_handed_in_as_over(subject: Subject) -> None:
    async def work(ledger: AnyLedger) -> None:
        await ledger.alerts.write(an_alert(1), 1)
        await ledger.fences.claim("lobby", 2)
        over = {"state": AlertState.CLOSED, "active": False, "reason": AlertReason.HANDED_OVER}
        assert (await ledger.alerts.write(an_alert(2, 1, **over), 1)).written
        with pytest.raises(Fenced):
            await ledger.alerts.write(an_alert(1, 2, **over), 1)

    subject.run(work)


def test_open_visits_pass_to_the_next_owner(subject: Subject) -> None:
    async def work(ledger: AnyLedger) -> None:
        kept = a_visit(1, alerts=(KeptAlert("lobby.unknown", an_alert()),))
        elsewhere = replace(a_visit(3), camera="gate")
        for visit in (kept, a_visit(2), elsewhere, a_visit(2, ended=True)):
            assert await ledger.visits.save(visit, 1)
        assert not await ledger.visits.save(a_visit(2), 1)
        assert await ledger.fences.claim("lobby", 2) == [kept]
        assert await ledger.visits.open("lobby") == [kept]
        assert await ledger.visits.open("gate") == [elsewhere]

    subject.run(work)


def test_who_was_erased_stays_out(subject: Subject) -> None:
    async def work(ledger: AnyLedger) -> None:
        before = a_visit(1, "p-19")
        await ledger.visits.save(before, 1)
        await subject.erase(ledger, "p-19")
        alert = an_alert(1, person_id="p-19")
        await ledger.alerts.write(alert, 1)
        await ledger.visits.save(a_visit(2, "p-19"), 1)
        assert [one.alert for one in await ledger.alerts.read("0")] == [without_person(alert)]
        found = {one.id: one for one in await ledger.fences.claim("lobby", 1)}
        assert found == {one.id: without_visitor(one) for one in (before, a_visit(2, "p-19"))}

    subject.run(work)


def test_pages_hold_granted_cameras_only(subject: Subject) -> None:
    async def work(ledger: AnyLedger) -> None:
        for number, camera in enumerate(("lobby", "gate", "lobby", "gate")):
            await ledger.alerts.write(an_alert(number, camera=camera), 1)
        page = await ledger.alerts.page("0", 1, {"gate"})
        assert [one.alert.id for one in page] == [an_alert(1).id]
        rest = await ledger.alerts.page(page[0].cursor, 10, {"gate"})
        assert [one.alert.id for one in rest] == [an_alert(3).id]
        assert await ledger.alerts.page("0", 10, set()) == []

    subject.run(work)


def test_a_ledger_that_is_away_says_so(subject: Subject) -> None:
    async def work(ledger: AnyLedger) -> None:
        await subject.leave(ledger)
        for attempt in (
            ledger.fences.issue("lobby"),
            ledger.alerts.write(an_alert(), 1),
            ledger.visits.save(a_visit(), 1),
            ledger.visits.open("lobby"),
        ):
            with pytest.raises(AWAY):
                await attempt

    subject.run(work)


STEPS = st.lists(
    st.tuples(
        st.sampled_from(["issue", "claim", "write", "hand in", "save", "end"]),
        st.integers(1, 3),  # which alert or visit
        st.integers(1, 4),  # its revision
        st.integers(1, 4),  # the token
    ),
    max_size=25,
)


async def outcome(ledger: AnyLedger, step: tuple[str, int, int, int]) -> object:
    """Do one step; return what came of it, without the server's own ids."""
    name, number, revision, token = step
    try:
        match name:
            case "issue":
                return await ledger.fences.issue("lobby")
            case "claim":
                return sorted(one.id for one in await ledger.fences.claim("lobby", token))
            case "write":
                return (await ledger.alerts.write(an_alert(number, revision), token)).written
            case "hand in":
                over = an_alert(number, revision, state=AlertState.CLOSED)
                return (await ledger.alerts.write(over, token)).written
            case _:
                visit = a_visit(number, ended=name == "end")
                return await ledger.visits.save(visit, token)
    except Fenced:
        return "fenced"


@settings(
    max_examples=40, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture]
)
@given(STEPS)
def test_whatever_is_done_both_say_the_same(
    ledger_server: Any, steps: list[tuple[str, int, int, int]]
) -> None:
    async def work(real: Ledger) -> None:
        await real.redis.flushdb()  # our own server
        fake = FakeLedger()
        for step in steps:
            assert await outcome(real, step) == await outcome(fake, step)
        assert [one.alert for one in await real.alerts.read("0")] == [
            one.alert for one in fake.entries
        ]

    with_ledger(ledger_server, work)
