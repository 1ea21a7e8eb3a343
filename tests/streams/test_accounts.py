"""A subscriber's user: its inbox and its names, and nothing else whatever it tries."""

import asyncio
import socket
from collections.abc import Awaitable, Callable
from typing import Any

import pytest
from fakes.ledger_real import owned, with_ledger
from fakes.ledger_records import a_person, an_alert
from redis.asyncio import Redis
from redis.asyncio.retry import Retry
from redis.backoff import NoBackoff
from redis.exceptions import NoPermissionError, RedisError, ResponseError

from streams.accounts import NameTaken
from streams.ledger.ledger import Ledger

pytestmark = [pytest.mark.integration, pytest.mark.slow]

ALLOWED = {
    "xreadgroup", "xread", "xrange", "xack", "xautoclaim", "hget", "hmget",
    "hello", "auth", "ping", "select", "client|setinfo", "client|setname",
}  # fmt: skip
ALWAYS = {"quit", "reset"}  # they end or empty one's own connection and need no rights
INBOX, NAMES = "ostiary:inbox:desk", "ostiary:names:desk"


def login(url: str, name: str | None, password: str | None) -> Redis:
    once = Retry(NoBackoff(), 0)
    client: Redis = Redis.from_url(url, username=name, password=password, protocol=2, retry=once)
    return client


async def a_subscriber(ledger: Ledger) -> str:
    """Make the subscriber desk with one alert about somebody in its inbox."""
    new = await ledger.subscribers.add("desk")
    await ledger.subscribers.add("night")
    await ledger.people.put(a_person("p-19"))
    token = await owned(ledger)
    await ledger.alerts.write(an_alert(person_id="p-19"), token)
    return new.password


def as_subscriber(server: Any, work: Callable[[Redis], Awaitable[None]]) -> None:
    async def run(ledger: Ledger) -> None:
        redis = login(server.url, "desk", await a_subscriber(ledger))
        try:
            await work(redis)
        finally:
            await redis.aclose()

    with_ledger(server, run)


def test_it_reads_acknowledges_and_resolves(ledger_server: Any) -> None:
    async def work(redis: Redis) -> None:
        (_, ((entry_id, _),)), *_ = await redis.xreadgroup("desk", "me", {INBOX: ">"})
        assert await redis.xack(INBOX, "desk", entry_id) == 1
        assert len(await redis.xread({INBOX: "0"})) == 1
        assert len(await redis.xrange(INBOX)) == 1
        await redis.xautoclaim(INBOX, "desk", "me", 0)
        assert await redis.hget(NAMES, "p-19") == b"Grace Hopper"
        assert await redis.hmget(NAMES, "p-19") == [b"Grace Hopper"]
        assert await redis.ping()

    as_subscriber(ledger_server, work)


def test_it_may_use_no_other_command(ledger_server: Any) -> None:
    async def run(ledger: Ledger) -> None:
        redis = login(ledger_server.url, "desk", await a_subscriber(ledger))
        commands = await all_commands(ledger.redis)
        assert len(commands) > 300
        tried = 0
        for name, arity in commands.items():
            if name in ALLOWED or name in ALWAYS:
                continue
            arguments = [INBOX] * (abs(arity) - 1 - name.count("|"))
            with pytest.raises(ResponseError) as caught:
                await redis.execute_command(*name.split("|"), *arguments)
            # MODULE and DEBUG are off for everybody.
            refused = "no permissions" in str(caught.value)
            assert refused or "command not allowed" in str(caught.value), name
            tried += 1
        assert tried > 300
        await redis.aclose()

    with_ledger(ledger_server, run)


async def all_commands(redis: Redis) -> dict[str, int]:
    """Every command and subcommand that the server knows, with its arity."""
    found: dict[str, int] = {}
    connection = await redis.connection_pool.get_connection()
    try:
        # Past redis-py's own reading of this reply, which leaves the subcommands out.
        await connection.send_command("COMMAND")
        for info in await connection.read_response():
            for entry in info[9] or [info]:
                found[entry[0].decode().lower()] = entry[1]
    finally:
        await redis.connection_pool.release(connection)
    return found


OTHERS = [
    ("XREAD", "STREAMS", "ostiary:inbox:night", "0"),
    ("XREADGROUP", "GROUP", "night", "me", "STREAMS", "ostiary:inbox:night", ">"),
    ("XREAD", "STREAMS", INBOX, "ostiary:inbox:night", "0", "0"),
    ("XREAD", "STREAMS", "ostiary:alerts", "0"),
    ("XREAD", "STREAMS", "ostiary:changes", "0"),
    ("XRANGE", "ostiary:inbox:night", "-", "+"),
    ("XACK", "ostiary:inbox:night", "night", "1-1"),
    ("XAUTOCLAIM", "ostiary:inbox:night", "night", "me", "0", "0"),
    ("HGET", "ostiary:names:night", "p-19"),
    ("HGET", "ostiary:person:p-19", "name"),
    ("HMGET", "ostiary:subscriber:desk", "password_sha256"),
    ("XACK", NAMES, "desk", "1-1"),
    ("XREADGROUP", "GROUP", "desk", "me", "STREAMS", NAMES, ">"),
]


@pytest.mark.parametrize("command", OTHERS, ids=[" ".join(one) for one in OTHERS])
def test_it_may_touch_no_other_key(ledger_server: Any, command: tuple[str, ...]) -> None:
    async def work(redis: Redis) -> None:
        with pytest.raises(ResponseError) as caught:
            await redis.execute_command(*command)
        # On its own names a stream's command is refused by their type where not by its rights.
        assert isinstance(caught.value, NoPermissionError) or (
            NAMES in command and "WRONGTYPE" in str(caught.value)
        )

    as_subscriber(ledger_server, work)


def test_the_listener_lets_nobody_in_without_a_password(make_server: Any) -> None:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
    server = make_server("ledger", listen_port=port)
    url = f"redis://127.0.0.1:{port}"

    async def run(ledger: Ledger) -> None:
        password = await a_subscriber(ledger)
        for name, word in ((None, None), ("default", ""), ("desk", "wrong"), ("ostiary", "x")):
            stranger = login(url, name, word)
            with pytest.raises(RedisError, match=r"uthenticat|invalid username-password"):
                await stranger.execute_command("XRANGE", INBOX, "-", "+")
            await stranger.aclose()
        redis = login(url, "desk", password)
        assert len(await redis.xrange(INBOX)) == 1
        await redis.aclose()

    with_ledger(server, run)


def test_without_the_setting_there_is_no_listener(ledger_server: Any) -> None:
    async def run(ledger: Ledger) -> None:
        assert (await ledger.redis.config_get("port"))["port"] == "0"

    with_ledger(ledger_server, run)


def test_removing_a_subscriber_ends_its_connections_and_deletes_everything(
    ledger_server: Any,
) -> None:
    async def run(ledger: Ledger) -> None:
        redis = login(ledger_server.url, "desk", await a_subscriber(ledger))
        assert await redis.ping()
        keys_before = {key.id for key in await ledger.keys.all()}
        assert await ledger.subscribers.remove("desk")
        with pytest.raises(RedisError):
            await redis.ping()
        await redis.aclose()
        assert not await ledger.redis.keys("*desk*")
        assert [one.name for one in await ledger.subscribers.all()] == ["night"]
        assert len(keys_before) - len(await ledger.keys.all()) == 1
        assert not await ledger.subscribers.remove("desk")

    with_ledger(ledger_server, run)


def test_each_start_puts_the_rights_back(ledger_server: Any) -> None:
    async def run(ledger: Ledger) -> None:
        redis = login(ledger_server.url, "desk", await a_subscriber(ledger))
        await ledger.redis.execute_command("ACL", "SETUSER", "desk", "+@all", "~*", ">other")
        assert await redis.get("ostiary:secret:check")
        await ledger.subscribers.apply_acl()
        with pytest.raises(NoPermissionError):
            await redis.get("ostiary:secret:check")
        assert len(await redis.xrange(INBOX)) == 1
        await redis.aclose()
        stranger = login(ledger_server.url, "desk", "other")
        with pytest.raises(RedisError, match="invalid username-password"):
            await stranger.ping()
        await stranger.aclose()
        await ledger.redis.acl_deluser("desk")  # a foreign ledger that forgot its users
        await ledger.subscribers.apply_acl()
        assert "desk" in await ledger.redis.acl_users()

    with_ledger(ledger_server, run)


def test_a_restart_of_the_ledger_keeps_the_users(ledger_server: Any) -> None:
    password = with_ledger(ledger_server, a_subscriber)
    ledger_server.kill()
    ledger_server.start()

    async def read() -> int:
        redis = login(ledger_server.url, "desk", password)
        try:
            return len(await redis.xrange(INBOX))
        finally:
            await redis.aclose()

    assert asyncio.run(read()) == 1


@pytest.mark.parametrize("name", ["ostiary", "default", "desk", "Desk", "", "a b", "x" * 41])
def test_a_name_that_is_taken_or_wrong_is_refused(ledger_server: Any, name: str) -> None:
    async def run(ledger: Ledger) -> None:
        await ledger.subscribers.add("desk")
        with pytest.raises((NameTaken, ValueError)):
            await ledger.subscribers.add(name)
        assert len(await ledger.subscribers.all()) == 1
        assert "+@all" in str(await ledger.redis.execute_command("ACL", "LIST"))

    with_ledger(ledger_server, run)
