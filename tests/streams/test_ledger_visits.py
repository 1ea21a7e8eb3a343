"""Visits: the next owner gets those that are open, and nobody who was erased is in one."""

from dataclasses import replace
from typing import Any

import pytest
from fakes.ledger_real import owned, with_ledger
from fakes.ledger_records import a_visit, an_alert

from engine.visits import KeptAlert
from streams.ledger.functions import Fenced
from streams.ledger.ledger import Ledger
from streams.ledger.visits import without_visitor

pytestmark = [pytest.mark.integration, pytest.mark.slow]


def test_visits_go_to_the_next_owner_and_ended_ones_do_not(ledger_server: Any) -> None:
    async def work(ledger: Ledger) -> None:
        old = await owned(ledger)
        first, second = a_visit(1, "p-19"), a_visit(2)
        first = replace(first, alerts=(KeptAlert("lobby.unknown", an_alert()),))
        assert await ledger.visits.save(first, old)
        assert await ledger.visits.save(second, old)
        assert await ledger.visits.save(replace(second, ended=True), old)
        assert not await ledger.visits.save(second, old)
        new = await ledger.fences.issue("lobby")
        assert await ledger.fences.claim("lobby", new) == [first]
        with pytest.raises(Fenced):
            await ledger.visits.save(first, old)
        assert await ledger.visits.open("lobby") == [first]
        assert await ledger.visits.open("gate") == []
        assert 0 < await ledger.redis.ttl(f"ostiary:visit:{first.id}") <= 30 * 86400

    with_ledger(ledger_server, work)


def test_a_camera_has_at_most_a_thousand_open_visits(ledger_server: Any) -> None:
    async def work(ledger: Ledger) -> None:
        token = await owned(ledger)
        assert await ledger.visits.save(a_visit(1), token)
        await ledger.redis.sadd("ostiary:visits:open:lobby", *[f"v{n}" for n in range(999)])
        assert not await ledger.visits.save(a_visit(2), token)
        assert await ledger.visits.save(a_visit(1), token)
        assert await ledger.visits.save(a_visit(1, ended=True), token)
        assert await ledger.visits.save(a_visit(2), token)

    with_ledger(ledger_server, work)


def test_an_erased_person_is_in_no_visit_not_even_in_an_old_one(ledger_server: Any) -> None:
    async def work(ledger: Ledger) -> None:
        token = await owned(ledger)
        alerts = (KeptAlert("lobby.unknown", an_alert(person_id="p-19")),)
        before = a_visit(1, "p-19", alerts=alerts)
        await ledger.visits.save(before, token)
        await ledger.redis.zadd("ostiary:erased", {"p-19": 1})
        after = a_visit(2, "p-19")
        await ledger.visits.save(after, token)
        assert b"p-19" not in await ledger.redis.hget(f"ostiary:visit:{after.id}", "state")
        found = {one.id: one for one in await ledger.fences.claim("lobby", token)}
        assert found == {one.id: without_visitor(one) for one in (before, after)}
        assert "p-19" not in str(found)

    with_ledger(ledger_server, work)
