"""Erasing a person: nothing of them is left, not even in the append-only file."""

import asyncio
import time
from collections.abc import Collection
from dataclasses import replace
from typing import Any

import pytest
from fakes.ledger_real import owned, with_ledger
from fakes.ledger_records import a_person, a_visit, an_alert

import streams.ledger.erasures as erasures
from engine.alerts import AlertState
from engine.visits import KeptAlert
from streams.ledger.changes import Change
from streams.ledger.erasures import RewriteFailed
from streams.ledger.ledger import Ledger

pytestmark = [pytest.mark.fault, pytest.mark.slow]


async def nobody() -> Collection[str]:
    return []


class Evidence:
    """Stands for the folder of pictures."""

    def __init__(self) -> None:
        self.dropped: set[str] = set()

    async def drop(self, snapshots: Collection[str]) -> None:
        self.dropped |= set(snapshots)


def holds(server: Any, wanted: bytes) -> bool:
    """Whether the ledger's files hold these bytes: the append-only ones, and any other."""
    return any(
        wanted in file.read_bytes() for file in server.plan.folder.rglob("*") if file.is_file()
    )


async def stored_bytes(ledger: Ledger, person_id: str) -> list[bytes]:
    """What is stored of a person and names them: name, consent, sealed faces and vectors."""
    fields = await ledger.redis.hgetall(f"ostiary:person:{person_id}")
    wanted = [fields[b"name"], fields[b"consent"]]
    wanted += [value for name, value in fields.items() if b":" in name]
    assert len(wanted) == 2 + 2 * 2
    # A part from the middle, as files may break long values up or write their length between.
    return [value if len(value) < 200 else value[40:200] for value in wanted]


def test_after_an_erasure_no_byte_of_the_person_is_in_the_ledgers_files(
    ledger_server: Any,
) -> None:
    async def enrol(ledger: Ledger) -> tuple[list[bytes], list[bytes]]:
        await ledger.subscribers.add("desk")
        await ledger.people.put(replace(a_person("p-19"), consent="signed by Grace herself"))
        await ledger.people.put(a_person("p-20", "Eileen Collins"))
        token = await owned(ledger)
        for number, person_id in ((1, "p-19"), (2, "p-20")):
            await ledger.alerts.write(an_alert(number, person_id=person_id), token)
        return await stored_bytes(ledger, "p-19"), await stored_bytes(ledger, "p-20")

    async def erase(ledger: Ledger) -> None:
        # The name went into the inbox's names too.
        assert await ledger.redis.hget("ostiary:names:desk", "p-19") == b"Grace Hopper"
        done = await ledger.people.erase("p-19", nobody, Evidence().drop)
        assert done.rewritten
        assert [one.id for one in await ledger.people.all()] == ["p-20"]
        assert await ledger.redis.hgetall("ostiary:names:desk") == {b"p-20": b"Eileen Collins"}
        assert await ledger.people.unfinished_erasures() == []

    gone, kept = with_ledger(ledger_server, enrol)
    assert all(holds(ledger_server, wanted) for wanted in gone + kept)
    with_ledger(ledger_server, erase)
    until_s = time.monotonic() + 5
    while any(holds(ledger_server, wanted) for wanted in gone):  # old files go in a thread
        assert time.monotonic() < until_s
    assert all(holds(ledger_server, wanted) for wanted in kept)
    ledger_server.kill()
    ledger_server.start()
    assert not any(holds(ledger_server, wanted) for wanted in gone)


def test_every_live_worker_is_told_and_its_word_awaited(ledger_server: Any) -> None:
    async def worker(ledger: Ledger, name: str, told: asyncio.Event) -> None:
        async for change in ledger.changes.follow():
            told.set()
            if change == Change("erase", "p-19"):
                assert await ledger.people.get("p-19") is not None
                assert await ledger.people.all() == []  # whoever loads anew learns nobody
                await ledger.people.confirm_erasure("p-19", name)
                break

    async def work(ledger: Ledger) -> None:
        await ledger.people.put(a_person())
        alive = ["w1", "w2"]

        async def live() -> Collection[str]:
            return alive

        ready = [asyncio.Event(), asyncio.Event()]
        async with asyncio.TaskGroup() as tasks:
            for name, told in zip(alive, ready, strict=True):
                tasks.create_task(worker(ledger, name, told))
            for told in ready:
                await told.wait()
            done = await ledger.people.erase("p-19", live, Evidence().drop)
        assert done.confirmed == {"w1", "w2"}
        assert done.unconfirmed == frozenset()

    with_ledger(ledger_server, work)


def test_a_silent_worker_is_named_and_does_not_keep_the_person(
    ledger_server: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(erasures, "CONFIRM_WITHIN_S", 0.2)

    async def work(ledger: Ledger) -> None:
        await ledger.people.put(a_person())

        async def live() -> Collection[str]:
            return ["stuck", "fine"]

        await ledger.people.confirm_erasure("p-19", "fine")
        done = await ledger.people.erase("p-19", live, Evidence().drop)
        assert done.unconfirmed == {"stuck"}
        assert done.confirmed == {"fine"}
        assert await ledger.people.all() == []

    with_ledger(ledger_server, work)


def test_a_worker_that_died_is_not_waited_for(ledger_server: Any) -> None:
    async def work(ledger: Ledger) -> None:
        answers = [["w1"], ["w1"], []]

        async def live() -> Collection[str]:
            return answers.pop(0)

        done = await ledger.people.erase("p-19", live, Evidence().drop)
        assert done.unconfirmed == frozenset()
        assert answers == []

    with_ledger(ledger_server, work)


def test_every_picture_of_the_person_goes_and_no_other(ledger_server: Any) -> None:
    async def work(ledger: Ledger) -> None:
        token = await owned(ledger)
        before_known = an_alert(1)
        known = an_alert(1, 2, person_id="p-19")
        other_alert_of_the_visit = an_alert(2, state=AlertState.OPENED)
        somebody_else = an_alert(3, person_id="p-20")
        for alert in (before_known, known, other_alert_of_the_visit, somebody_else, an_alert(4)):
            await ledger.alerts.write(alert, token)
        alerts = (
            KeptAlert("lobby.unknown", known),
            KeptAlert("lobby.unmasked", other_alert_of_the_visit),
        )
        await ledger.visits.save(a_visit(1, "p-19", alerts=alerts), token)
        await ledger.visits.save(a_visit(3, "p-20"), token)
        evidence = Evidence()
        done = await ledger.people.erase("p-19", nobody, evidence.drop)
        assert evidence.dropped == {"e-1-1", "e-1-2", "e-2-1"}
        assert done.snapshots == evidence.dropped

    with_ledger(ledger_server, work)


def test_an_interrupted_erasure_is_found_and_finished(ledger_server: Any) -> None:
    async def break_off(ledger: Ledger) -> None:
        async def fail(snapshots: Collection[str]) -> None:
            raise OSError("the disk is gone")

        await ledger.people.put(a_person())
        with pytest.raises(OSError, match="the disk is gone"):
            await ledger.people.erase("p-19", nobody, fail)

    async def finish(ledger: Ledger) -> None:
        assert await ledger.people.unfinished_erasures() == ["p-19"]
        await ledger.people.erase("p-19", nobody, Evidence().drop)
        assert await ledger.people.unfinished_erasures() == []

    with_ledger(ledger_server, break_off)
    ledger_server.kill()
    ledger_server.start()
    with_ledger(ledger_server, finish)


def test_two_erasures_at_once_both_wait_for_a_rewrite_of_their_own(ledger_server: Any) -> None:
    async def work(ledger: Ledger) -> None:
        async with asyncio.TaskGroup() as tasks:
            for person_id in ("p-1", "p-2", "p-3"):
                await ledger.people.put(a_person(person_id))
                tasks.create_task(ledger.people.erase(person_id, nobody, Evidence().drop))
        assert await ledger.people.all() == []
        assert await ledger.people.unfinished_erasures() == []

    with_ledger(ledger_server, work)


def test_a_rewrite_that_fails_is_said(ledger_server: Any) -> None:
    async def work(ledger: Ledger) -> None:
        await ledger.people.put(a_person())
        # A folder where the rewritten file must go.
        folder = ledger_server.plan.folder / "appendonlydir"
        for number in range(1, 9):
            (folder / f"appendonly.aof.{number + 1}.base.rdb").mkdir()
        with pytest.raises(RewriteFailed, match="could not rewrite"):
            await ledger.people.erase("p-19", nobody, Evidence().drop)
        assert await ledger.people.unfinished_erasures() == ["p-19"]

    with_ledger(ledger_server, work)


def test_a_ledger_without_a_file_says_that_nothing_was_rewritten(bus_server: Any) -> None:
    async def work(ledger: Ledger) -> None:
        assert not (await ledger.people.erase("p-19", nobody, Evidence().drop)).rewritten

    with_ledger(bus_server, work)
