"""Knows how one process asks another and gets one answer. Does not know what is asked."""

import asyncio
import json
import secrets
from collections.abc import Awaitable, Callable, Mapping
from typing import Any, Final, NoReturn

from redis.asyncio import Redis
from redis.exceptions import ResponseError

from engine.packets import entry_ms
from streams.bus import keys

MAX_BYTES: Final = 96 * 1024 * 1024  # ten photos of 8 MB and their frame
KEEP_MS: Final = 120_000
_GROUP: Final = "servers"

Answer = Callable[[Mapping[str, bytes]], Awaitable[Mapping[str, Any]]]


class NobodyAnswered(Exception):
    """No process answered in time."""


class TooManyRequests(Exception):
    """The requests that wait already fill their share of the bus."""


async def ask(
    redis: Redis, kind: str, fields: Mapping[str, bytes], timeout_s: float
) -> dict[str, Any]:
    """Send a request and return its reply.

    Raises NobodyAnswered after timeout_s, TooManyRequests when what waits is over MAX_BYTES.
    """
    key, request_id = keys.request(kind), secrets.token_hex(12)
    waiting = await redis.memory_usage(key, samples=0) or 0
    if waiting + sum(len(value) for value in fields.values()) > MAX_BYTES:
        raise TooManyRequests(f"requests of kind {kind} are waiting already: try again later")
    body: dict[bytes | str, bytes | str | int] = {
        f"f:{name}": data for name, data in fields.items()
    }
    body |= {"id": request_id, "timeout_ms": round(timeout_s * 1000)}
    entry_id = await redis.xadd(key, body)
    await redis.pexpire(key, KEEP_MS)
    try:
        answer = await redis.blpop([keys.reply(request_id)], timeout=timeout_s)
    finally:
        await redis.xdel(key, entry_id)
    if answer is None:
        raise NobodyAnswered(f"nobody answered the {kind} request within {timeout_s:g} s")
    reply: dict[str, Any] = json.loads(answer[1])
    return reply


async def serve(redis: Redis, kind: str, answer: Answer, consumer: str) -> NoReturn:
    """Answer requests of a kind, one after another, for ever; each goes to one server alone."""
    key = keys.request(kind)
    while True:
        try:
            found = await redis.xreadgroup(_GROUP, consumer, {key: ">"}, count=1, block=1000)
        except ResponseError as error:
            if "NOGROUP" not in str(error):
                raise
            await _make_group(redis, key)
            continue
        for _, entries in found or []:
            for entry_id, fields in entries:
                if fields:
                    await _answer_one(redis, answer, entry_id.decode(), fields)
                await redis.xack(key, _GROUP, entry_id)


async def _answer_one(
    redis: Redis, answer: Answer, entry_id: str, fields: Mapping[bytes, bytes]
) -> None:
    seconds, microseconds = await redis.time()
    waited_ms = seconds * 1000 + microseconds // 1000 - entry_ms(entry_id)
    left_ms = int(fields[b"timeout_ms"]) - waited_ms
    if left_ms <= 0:
        return
    given = {name.decode()[2:]: data for name, data in fields.items() if name.startswith(b"f:")}
    try:
        async with asyncio.timeout(left_ms / 1000):
            reply = await answer(given)
    except TimeoutError:
        return
    to = keys.reply(fields[b"id"].decode())
    async with redis.pipeline(transaction=True) as pipe:
        pipe.rpush(to, json.dumps(reply))
        pipe.pexpire(to, KEEP_MS)
        await pipe.execute()


async def _make_group(redis: Redis, key: str) -> None:
    try:
        await redis.xgroup_create(key, _GROUP, id="0", mkstream=True)
    except ResponseError as error:
        if "BUSYGROUP" not in str(error):
            raise
