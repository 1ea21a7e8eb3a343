"""Alerts: one step, once each, in every inbox they belong into and in no other."""

import json
from dataclasses import replace
from typing import Any

import pytest
from fakes.ledger_real import everything, owned, with_ledger
from fakes.ledger_records import a_person, an_alert

from engine.alerts import AlertReason, AlertState
from engine.rules import RuleKind
from streams.ledger.functions import Fenced, Refused
from streams.ledger.ledger import Ledger

pytestmark = [pytest.mark.integration, pytest.mark.slow]

INBOX_BOUND = 10_000


async def inbox(ledger: Ledger, name: str) -> list[tuple[str, dict[str, Any]]]:
    raw = await ledger.redis.xrange(f"ostiary:inbox:{name}")
    return [
        (entry_id.decode(), {key.decode(): json.loads(value) for key, value in fields.items()})
        for entry_id, fields in raw
    ]


def test_an_alert_reaches_the_stream_its_record_and_the_inboxes_that_want_it(
    ledger_server: Any,
) -> None:
    async def work(ledger: Ledger) -> None:
        await ledger.subscribers.add("all-of-it")
        await ledger.subscribers.add("lobby-only", ["lobby"])
        await ledger.subscribers.add("gate-only", ["gate"])
        await ledger.subscribers.add("unknown-only", None, [RuleKind.UNKNOWN])
        await ledger.subscribers.add("masks-only", None, [RuleKind.UNMASKED])
        await ledger.subscribers.add("nothing", [], [])
        token = await owned(ledger)
        written = await ledger.alerts.write(an_alert(), token)
        assert written.written
        wanted = (written.entry_id, {"alert": an_alert().record()})
        for name in ("all-of-it", "lobby-only", "unknown-only"):
            assert await inbox(ledger, name) == [wanted]
        for name in ("gate-only", "masks-only", "nothing"):
            assert await inbox(ledger, name) == []
        entry = await ledger.alerts.get(an_alert().id)
        assert entry is not None
        assert (entry.cursor, entry.alert) == (written.entry_id, an_alert())
        assert await ledger.alerts.read("0") == [entry]
        assert 0 < await ledger.redis.ttl(f"ostiary:alert:{an_alert().id}") <= 30 * 86400

    with_ledger(ledger_server, work)


def test_a_revision_that_is_not_above_the_stored_one_writes_nothing(ledger_server: Any) -> None:
    async def work(ledger: Ledger) -> None:
        await ledger.subscribers.add("desk")
        token = await owned(ledger)
        second = await ledger.alerts.write(an_alert(revision=2), token)
        for revision in (2, 1):
            again = await ledger.alerts.write(an_alert(revision=revision), token)
            assert (again.entry_id, again.written) == (second.entry_id, False)
        assert len(await inbox(ledger, "desk")) == len(await ledger.alerts.read("0")) == 1
        third = await ledger.alerts.write(an_alert(revision=3), token)
        assert third.written
        assert third.entry_id > second.entry_id

    with_ledger(ledger_server, work)


def test_whoever_was_fenced_out_writes_nothing_but_what_nobody_else_knows(
    ledger_server: Any,
) -> None:
    async def work(ledger: Ledger) -> None:
        old = await owned(ledger)
        await ledger.alerts.write(an_alert(1), old)
        new = await owned(ledger)
        assert new > old
        for alert in (an_alert(1, 2), an_alert(2)):
            with pytest.raises(Fenced):
                await ledger.alerts.write(alert, old)
        over = {"state": AlertState.CLOSED, "reason": AlertReason.HANDED_OVER, "active": False}
        with pytest.raises(Fenced):
            await ledger.alerts.write(an_alert(1, 2, **over), old)
        handed_in = an_alert(2, 1, **over)
        assert (await ledger.alerts.write(handed_in, old)).written
        assert not (await ledger.alerts.write(handed_in, new)).written
        assert [entry.alert for entry in await ledger.alerts.read("0")] == [an_alert(1), handed_in]

    with_ledger(ledger_server, work)


def test_a_burned_number_harms_nobody(ledger_server: Any) -> None:
    async def work(ledger: Ledger) -> None:
        owner = await owned(ledger)
        loser = await ledger.fences.issue("lobby")
        assert loser > owner
        assert (await ledger.alerts.write(an_alert(1), owner)).written
        assert await ledger.fences.claim("lobby", owner) == []
        await owned(ledger)
        with pytest.raises(Fenced):
            await ledger.fences.claim("lobby", owner)

    with_ledger(ledger_server, work)


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


def test_an_erased_person_does_not_get_in_again(ledger_server: Any) -> None:
    async def work(ledger: Ledger) -> None:
        await ledger.subscribers.add("desk")
        await ledger.redis.zadd("ostiary:erased", {"p-19": 1})
        token = await owned(ledger)
        await ledger.alerts.write(an_alert(1, person_id="p-19"), token)
        (entry,) = await ledger.alerts.read("0")
        assert entry.alert.person_id is None
        assert entry.alert.evidence.snapshot is None
        assert "p-19" not in str(await inbox(ledger, "desk"))
        assert await ledger.redis.hgetall("ostiary:names:desk") == {}

    with_ledger(ledger_server, work)


async def fill(ledger: Ledger, name: str, count: int, after: str = "0-0") -> None:
    """Fill an inbox as old alerts would, in one step on the server."""
    script = """for n = 1, ARGV[2] do
      redis.call('XADD', KEYS[1], string.format('%.0f-1', ARGV[1] + n), 'alert', '{}') end"""
    await ledger.redis.eval(script, 1, f"ostiary:inbox:{name}", after.split("-")[0], count)


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


def test_the_stream_of_alerts_is_bounded_by_number_and_age(ledger_server: Any) -> None:
    async def work(ledger: Ledger) -> None:
        token = await owned(ledger)
        first = await ledger.alerts.write(an_alert(1), token)
        now_ms = int(first.entry_id.split("-")[0])
        await ledger.redis.delete("ostiary:alerts")
        script = """for n = 1, ARGV[2] do
          redis.call('XADD', KEYS[1], string.format('%.0f-1', ARGV[1] + n), 'alert', '{}') end"""
        old_ms, young_ms = now_ms - 31 * 86_400_000, now_ms - 86_400_000
        await ledger.redis.eval(script, 1, "ostiary:alerts", old_ms, 10)
        await ledger.redis.eval(script, 1, "ostiary:alerts", young_ms, 5)
        await ledger.alerts.write(an_alert(2), token)
        assert await ledger.redis.xlen("ostiary:alerts") == 6
        await ledger.redis.eval(script, 1, "ostiary:alerts", now_ms + 3_600_000, 100_000)
        await ledger.alerts.write(an_alert(3), token)
        assert await ledger.redis.xlen("ostiary:alerts") == 100_000

    with_ledger(ledger_server, work)


def test_ids_grow_even_when_the_clock_went_back(ledger_server: Any) -> None:
    async def work(ledger: Ledger) -> None:
        await ledger.subscribers.add("desk")
        future = "99999999999999-1"
        await ledger.redis.xadd("ostiary:inbox:desk", {"alert": "{}"}, id=future)
        token = await owned(ledger)
        for number in (1, 2):
            written = await ledger.alerts.write(an_alert(number), token)
            assert written.entry_id == f"99999999999999-{2 * number + 1}"

    with_ledger(ledger_server, work)


def test_pages_go_on_from_a_cursor_and_show_granted_cameras_only(ledger_server: Any) -> None:
    async def work(ledger: Ledger) -> None:
        lobby, gate = await owned(ledger, "lobby"), await owned(ledger, "gate")
        cursors = []
        for number in range(6):
            camera, token = ("gate", gate) if number % 2 else ("lobby", lobby)
            written = await ledger.alerts.write(an_alert(number, camera=camera), token)
            cursors.append(written.entry_id)
        page = await ledger.alerts.page("0", 2)
        assert [entry.cursor for entry in page] == cursors[:2]
        rest = await ledger.alerts.page(page[-1].cursor)
        assert [entry.cursor for entry in rest] == cursors[2:]
        mine = await ledger.alerts.page("0", 10, {"gate"})
        assert [entry.cursor for entry in mine] == cursors[1::2]
        newest = await ledger.alerts.latest(2, {"lobby"})
        assert [entry.cursor for entry in newest] == [cursors[4], cursors[2]]
        assert await ledger.alerts.newest() == cursors[-1]
        assert await ledger.alerts.read(cursors[-1], block_ms=10) == []

    with_ledger(ledger_server, work)


KEYS_OF_OTHER_TYPES = [
    "ostiary:fence:lobby",
    "ostiary:alerts",
    f"ostiary:alert:{an_alert().id}",
    "ostiary:index:subscriber",
    "ostiary:subscriber:desk",
    "ostiary:inbox:desk",
    "ostiary:names:desk",
    "ostiary:named:desk",
    "ostiary:erased",
    "ostiary:person:p-19",
]


@pytest.mark.parametrize("key", KEYS_OF_OTHER_TYPES)
def test_a_key_of_another_type_is_found_before_anything_is_written(
    ledger_server: Any, key: str
) -> None:
    async def work(ledger: Ledger) -> None:
        await ledger.subscribers.add("desk")
        await ledger.people.put(a_person("p-19"))
        token = await owned(ledger)
        await ledger.redis.delete(key)
        await ledger.redis.set(key, "something else")
        before = await everything(ledger)
        with pytest.raises(Refused, match=key):
            await ledger.alerts.write(an_alert(person_id="p-19"), token)
        assert await everything(ledger) == before

    with_ledger(ledger_server, work)
