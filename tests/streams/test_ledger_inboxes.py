"""Inboxes: their bound and the gap that it leaves, and whose names stand beside them."""

from dataclasses import replace
from typing import Any

import pytest
from fakes.ledger_real import inbox, owned, with_ledger
from fakes.ledger_records import a_person, an_alert

from streams.ledger.ledger import Ledger

pytestmark = [pytest.mark.integration, pytest.mark.slow]
INBOX_BOUND = 10_000


async def fill(ledger: Ledger, name: str, count: int, after: str = "0-0") -> None:
    """Fill an inbox as old alerts would, in one step on the server."""
    script = """for n = 1, ARGV[2] do
      redis.call('XADD', KEYS[1], string.format('%.0f-1', ARGV[1] + n), 'alert', '{}') end"""
    await ledger.redis.eval(script, 1, f"ostiary:inbox:{name}", after.split("-")[0], count)


def test_names_go_to_those_who_get_the_alert_and_only_while_the_person_is_there(
    ledger_server: Any,
) -> None:
    async def work(ledger: Ledger) -> None:
        await ledger.subscribers.add("desk")
        await ledger.subscribers.add("gate-only", ["gate"])
        await ledger.people.put(a_person("p-19", "Grace"))
        token = await owned(ledger)
        await ledger.alerts.write(an_alert(1, person_id="p-19"), token)
        await ledger.alerts.write(an_alert(2, person_id="p-404"), token)
        assert await ledger.redis.hgetall("ostiary:names:desk") == {b"p-19": b"Grace"}
        assert await ledger.redis.hgetall("ostiary:names:gate-only") == {}
        await ledger.people.put(replace(a_person("p-19"), name="Grace H."))
        assert await ledger.redis.hgetall("ostiary:names:desk") == {b"p-19": b"Grace H."}
        assert await ledger.redis.hgetall("ostiary:names:gate-only") == {}

    with_ledger(ledger_server, work)


def test_a_name_goes_with_the_last_entry_about_its_person(ledger_server: Any) -> None:
    async def work(ledger: Ledger) -> None:
        await ledger.subscribers.add("desk")
        token = await owned(ledger)
        for person_id in ("p-1", "p-2"):
            await ledger.people.put(a_person(person_id, f"Name of {person_id}"))
        for number, person_id in enumerate(("p-1", "p-2", "p-1")):
            await ledger.alerts.write(an_alert(number, person_id=person_id), token)
        *_, (third, _) = await inbox(ledger, "desk")
        await fill(ledger, "desk", INBOX_BOUND - 3, after=third)
        names = "ostiary:names:desk"
        await ledger.alerts.write(an_alert(10), token)  # drops the first two
        assert [entry_id for entry_id, _ in (await inbox(ledger, "desk"))[:1]] == [third]
        assert await ledger.redis.hgetall(names) == {b"p-1": b"Name of p-1"}
        for number in range(11, 14):
            await ledger.alerts.write(an_alert(number, person_id="p-2"), token)
        assert await ledger.redis.hgetall(names) == {b"p-2": b"Name of p-2"}

    with_ledger(ledger_server, work)


def test_a_full_inbox_drops_the_oldest_and_leaves_one_gap_record(ledger_server: Any) -> None:
    async def work(ledger: Ledger) -> None:
        await ledger.subscribers.add("desk")
        await fill(ledger, "desk", INBOX_BOUND)
        token = await owned(ledger)
        for number in range(5):
            await ledger.alerts.write(an_alert(number), token)
            entries = await inbox(ledger, "desk")
            assert len(entries) <= INBOX_BOUND
            assert len([one for one in entries if "gap" in one[1]]) == 1
        (gap,) = [fields["gap"] for _, fields in entries if "gap" in fields]
        dropped = INBOX_BOUND + 5 - (len(entries) - 1)
        assert entries[0][0] == f"{dropped + 1}-1"
        assert gap == {"dropped": dropped, "first": "1-1", "last": f"{dropped}-1"}
        on_alerts = [entry.cursor for entry in await ledger.alerts.read("0")]
        ours = [entry_id for entry_id, fields in entries if "gap" not in fields]
        assert ours[-5:] == on_alerts

    with_ledger(ledger_server, work)


def test_what_was_read_and_acknowledged_leaves_no_gap(ledger_server: Any) -> None:
    async def work(ledger: Ledger) -> None:
        await ledger.subscribers.add("desk")
        await fill(ledger, "desk", INBOX_BOUND)
        key, redis = "ostiary:inbox:desk", ledger.redis
        read = await redis.xreadgroup("desk", "me", {key: ">"}, count=3)
        await redis.xack(key, "desk", *[entry_id for entry_id, _ in read[0][1][:2]])
        token = await owned(ledger)
        await ledger.alerts.write(an_alert(1), token)  # drops the two that were acknowledged
        assert not [one for one in await inbox(ledger, "desk") if "gap" in one[1]]
        await ledger.alerts.write(an_alert(2), token)  # there is still room
        await ledger.alerts.write(an_alert(3), token)  # drops the one that was only delivered
        (gap,) = [one for one in await inbox(ledger, "desk") if "gap" in one[1]]
        assert gap[1]["gap"] == {"dropped": 2, "first": "3-1", "last": "4-1"}
        assert (await redis.xpending(key, "desk"))["pending"] == 0

    with_ledger(ledger_server, work)


def test_a_gap_that_was_read_is_not_told_again(ledger_server: Any) -> None:
    async def work(ledger: Ledger) -> None:
        await ledger.subscribers.add("desk")
        await fill(ledger, "desk", INBOX_BOUND)
        token = await owned(ledger)
        await ledger.alerts.write(an_alert(1), token)
        key, redis = "ostiary:inbox:desk", ledger.redis
        read = await redis.xreadgroup("desk", "me", {key: ">"}, count=INBOX_BOUND + 1)
        await redis.xack(key, "desk", *[entry_id for entry_id, _ in read[0][1]])
        await ledger.alerts.write(an_alert(2), token)
        gaps = [one for one in await inbox(ledger, "desk") if "gap" in one[1]]
        assert len(gaps) == 1
        unread = await redis.xreadgroup("desk", "me", {key: ">"}, count=10)
        assert [list(fields) for _, fields in unread[0][1]] == [[b"alert"]]

    with_ledger(ledger_server, work)
