"""Each command of each ledger function fails in turn: nothing half written stays, none is lost."""

import json
from collections.abc import Awaitable, Callable
from dataclasses import replace
from typing import Any

import pytest
from fakes.ledger_real import everything, with_ledger
from fakes.ledger_records import a_person, a_visit, an_alert
from redis.exceptions import ResponseError

import streams.ledger.functions as functions
from streams.ledger.ledger import Ledger

pytestmark = [pytest.mark.fault, pytest.mark.slow]

READS = {
    "TYPE", "EXISTS", "HGET", "HMGET", "SMEMBERS", "SISMEMBER", "SCARD", "XLEN", "XRANGE",
    "XINFO", "XPENDING", "TIME", "ZSCORE",
}  # fmt: skip

# The library's own `redis`, which counts a function's commands and fails the one it is told to.
FAILING = """
local register = redis.register_function
local function really(...) return redis.call(...) end
local done, fail_at = 0, 0
local redis = {
  call = function(command, ...)
    done = done + 1
    really('RPUSH', 'test:commands', command)
    if done == fail_at then error({err = 'INJECTED at ' .. command}) end
    return really(command, ...)
  end,
  register_function = function(name, work)
    register(name, function(keys, args)
      done, fail_at = 0, tonumber(really('GET', 'test:fail_at') or 0)
      really('DEL', 'test:commands')
      return work(keys, args)
    end)
  end,
}
"""

Work = Callable[[Ledger], Awaitable[Any]]


@pytest.fixture
def failing(monkeypatch: pytest.MonkeyPatch) -> None:
    """Load the library with commands that can fail, and with inboxes of ten entries."""
    head, body = functions.source().split("\n", 1)
    small = body.replace("INBOX_BOUND = 10000", "INBOX_BOUND = 10")
    assert small != body
    text = "\n".join([head, FAILING, small])
    monkeypatch.setattr(functions, "source", lambda: text)


async def prepare(ledger: Ledger) -> None:
    """Two full inboxes, one with an unread gap and one with entries that were only delivered."""
    await ledger.redis.flushall()
    await ledger.redis.config_set("appendfsync", "no")  # what a crash keeps is tried elsewhere
    await ledger.check()
    await ledger.people.put(a_person("p-19"))
    await ledger.subscribers.all()
    await ledger.fences.claim("lobby", await ledger.fences.issue("lobby"))
    for name in ("desk", "night"):
        await ledger.redis.acl_deluser(name)
        await ledger.subscribers.add(name)
    for number in range(1, 14):
        await ledger.alerts.write(an_alert(number), 1)
    await ledger.redis.xreadgroup("night", "me", {"ostiary:inbox:night": ">"}, count=3)
    await ledger.visits.save(a_visit(1), 1)
    await ledger.redis.sadd("ostiary:visits:open:lobby", "a-visit-that-expired")
    await ledger.redis.delete("test:commands")


async def fail_each(ledger: Ledger, work: Work, check: Callable[[Ledger, int], Any]) -> list[str]:
    """Fail command after command of one call, retry each time, and check what stands then."""
    number = 0
    while True:
        number += 1
        await prepare(ledger)
        before = await everything(ledger)
        await ledger.redis.set("test:fail_at", number)
        try:
            await work(ledger)
        except ResponseError as error:
            assert "INJECTED" in str(error)
        else:
            raw = await ledger.redis.lrange("test:commands", 0, -1)
            return [command.decode() for command in raw]
        commands = await ledger.redis.lrange("test:commands", 0, -1)
        await ledger.redis.delete("test:fail_at", "test:commands")
        if {command.decode() for command in commands[:-1]} <= READS:
            assert await everything(ledger) == before
        await work(ledger)
        await ledger.redis.delete("test:commands")
        await check(ledger, number)


def assert_checks_come_first(commands: list[str], writes: int) -> None:
    first = next(at for at, command in enumerate(commands) if command not in READS)
    assert not READS & set(commands[first:])
    assert len(commands) - first == writes


def test_an_alert_whose_writing_failed_anywhere_is_written_by_the_retry(
    ledger_server: Any, failing: None
) -> None:
    late = an_alert(99, person_id="p-19")

    async def check(ledger: Ledger, number: int) -> None:
        entry = await ledger.alerts.get(late.id)
        assert entry is not None
        assert entry.alert == late
        newest = (await ledger.alerts.read("0", 10_000))[-1]
        assert newest == entry
        for name in ("desk", "night"):
            inbox = await ledger.redis.xrange(f"ostiary:inbox:{name}")
            assert len(inbox) <= 10
            last_id, last = inbox[-1]
            assert (last_id.decode(), json.loads(last[b"alert"])["id"]) == (entry.cursor, late.id)
            gaps = [json.loads(fields[b"gap"]) for _, fields in inbox if b"gap" in fields]
            kept = {json.loads(fields[b"alert"])["id"] for _, fields in inbox if b"alert" in fields}
            missing = {an_alert(one).id for one in range(1, 14)} - kept
            assert len(gaps) <= 1
            assert sum(gap["dropped"] for gap in gaps) <= len(missing) + 1
            assert await ledger.redis.hgetall(f"ostiary:names:{name}") == {b"p-19": b"Grace Hopper"}
        assert not (await ledger.alerts.write(late, 1)).written

    async def work(ledger: Ledger) -> None:
        commands = await fail_each(ledger, lambda one: one.alerts.write(late, 1), check)
        assert commands.count("XADD") == 5
        first = next(at for at, command in enumerate(commands) if command not in READS)
        assert not READS & set(commands[first:])
        assert commands[-2:] == ["HSET", "EXPIRE"]

    with_ledger(ledger_server, work)


def test_a_visit_whose_saving_failed_anywhere_is_saved_by_the_retry(
    ledger_server: Any, failing: None
) -> None:
    new, ended = a_visit(2), replace(a_visit(1), ended=True)

    async def check_new(ledger: Ledger, number: int) -> None:
        assert await ledger.visits.open("lobby") == [a_visit(1), new]

    async def check_ended(ledger: Ledger, number: int) -> None:
        assert await ledger.visits.open("lobby") == []

    async def work(ledger: Ledger) -> None:
        commands = await fail_each(ledger, lambda one: one.visits.save(new, 1), check_new)
        assert_checks_come_first(commands, 3)
        commands = await fail_each(ledger, lambda one: one.visits.save(ended, 1), check_ended)
        assert_checks_come_first(commands, 3)

    with_ledger(ledger_server, work)


def test_a_number_or_a_claim_that_failed_anywhere_harms_nobody(
    ledger_server: Any, failing: None
) -> None:
    async def check_issue(ledger: Ledger, number: int) -> None:
        assert await ledger.fences.issue("lobby") == 3

    async def check_claim(ledger: Ledger, number: int) -> None:
        assert await ledger.redis.hget("ostiary:fence:lobby", "accepted") == b"2"
        assert await ledger.redis.smembers("ostiary:visits:open:lobby") == {a_visit().id.encode()}

    async def claim(ledger: Ledger) -> None:
        assert await ledger.fences.claim("lobby", 2) == [a_visit(1)]

    async def work(ledger: Ledger) -> None:
        commands = await fail_each(ledger, lambda one: one.fences.issue("lobby"), check_issue)
        assert_checks_come_first(commands, 1)
        commands = await fail_each(ledger, claim, check_claim)
        assert_checks_come_first(commands, 2)

    with_ledger(ledger_server, work)
