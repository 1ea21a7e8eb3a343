"""The connection to a ledger: the right key, our functions, and whether a write is on the disk."""

import asyncio
from typing import Any

import pytest
from fakes.ledger_real import BOX, owned, with_ledger
from fakes.ledger_records import an_alert

from streams.ledger.durability import durability
from streams.ledger.ledger import Ledger
from streams.secrets import SecretBox, WrongKey

pytestmark = [pytest.mark.integration, pytest.mark.slow]


def test_another_key_is_refused_at_the_connection(ledger_server: Any) -> None:
    async def nothing(ledger: Ledger) -> None:
        await ledger.check()

    async def wrong() -> None:
        await Ledger.connect(ledger_server.url, ledger_server.password, SecretBox(bytes(32)))

    with_ledger(ledger_server, nothing)
    with pytest.raises(WrongKey):
        asyncio.run(wrong())


def test_a_ledger_that_was_emptied_gets_its_functions_again(ledger_server: Any) -> None:
    async def work(ledger: Ledger) -> None:
        await ledger.redis.execute_command("FUNCTION", "FLUSH", "SYNC")
        assert await ledger.fences.issue("lobby") == 1

    with_ledger(ledger_server, work)


def test_our_own_ledger_is_durable_and_a_careless_one_is_told_so(
    ledger_server: Any, bus_server: Any
) -> None:
    async def check(ledger: Ledger) -> list[str]:
        return await durability(ledger.redis)

    async def careless(ledger: Ledger) -> tuple[list[str], list[str]]:
        before = await durability(ledger.redis)
        await ledger.redis.config_set("maxmemory-policy", "allkeys-lru")
        await ledger.redis.config_set("appendonly", "yes")
        return before, await durability(ledger.redis)

    assert with_ledger(ledger_server, check) == []
    before, after = with_ledger(bus_server, careless)
    assert "no append-only file" in before[0]
    assert "everysec" in after[0]
    assert "evicts" in after[1]


@pytest.mark.parametrize("keeps_a_file", [True, False])
def test_a_hosted_ledger_that_tells_nothing_is_tried(make_server: Any, keeps_a_file: bool) -> None:
    server = make_server("ledger" if keeps_a_file else "bus", memory_bytes=2**26)

    async def restrict(ledger: Ledger) -> None:
        rights = ("on", ">pw", "~*", "&*", "+@all", "-config")
        await ledger.redis.execute_command("ACL", "SETUSER", "hosted", *rights)

    async def use() -> list[str]:
        url = f"{server.url}?username=hosted&password=pw"
        ledger = await Ledger.connect(url, None, BOX)
        try:
            token = await owned(ledger)
            assert (await ledger.alerts.write(an_alert(), token)).written
            return await durability(ledger.redis)
        finally:
            await ledger.aclose()

    with_ledger(server, restrict)
    (warning,) = asyncio.run(use())
    assert ("waits for WAITAOF" if keeps_a_file else "no append-only file") in warning


def test_on_a_foreign_ledger_each_alert_waits_for_the_disk(make_server: Any) -> None:
    server = make_server("ledger")

    async def loosen(ledger: Ledger) -> None:
        await ledger.redis.config_set("appendfsync", "everysec")

    async def work(ledger: Ledger) -> bytes:
        token = await owned(ledger)
        assert (await ledger.alerts.write(an_alert(), token)).written
        stats = await ledger.redis.info("commandstats")
        assert stats["cmdstat_waitaof"]["calls"] >= 3  # number, claim, alert
        return b""

    with_ledger(server, loosen)
    with_ledger(server, work)
