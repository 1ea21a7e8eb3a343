"""Alerts: one step, once each, in every inbox they belong into and in no other."""

from typing import Any

import pytest
from fakes.ledger_real import everything, inbox, owned, with_ledger
from fakes.ledger_records import a_person, an_alert

from engine.alerts import AlertReason, AlertState
from engine.rules import RuleKind
from streams.ledger.functions import Fenced, Refused
from streams.ledger.ledger import Ledger

pytestmark = [pytest.mark.integration, pytest.mark.slow]


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
