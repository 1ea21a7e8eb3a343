"""Knows how a person leaves the ledger for good. Does not know what a worker or a file is.

Theory of operation. A mark comes first: from then on the ledger's functions write nothing more
about the person, and every worker hears of it, forgets them and says so. Then what is kept goes,
then the pictures, then the append-only file is rewritten, because it keeps what was deleted.
Whoever is interrupted finds the person in the set of those being erased and goes on from there.
"""

import asyncio
import json
from collections.abc import Awaitable, Callable, Collection
from dataclasses import dataclass
from typing import Any, Final

from redis.asyncio import Redis
from redis.exceptions import ResponseError

from streams.bus import keys
from streams.ledger.functions import answer
from streams.ledger.records import announce, index_of, named, now_ns

ERASED: Final = f"{keys.PREFIX}erased"
ERASING: Final = f"{keys.PREFIX}erasing"
CONFIRM_WITHIN_S: Final = 5.0
REWRITE_WITHIN_S: Final = 300.0
POLL_S: Final = 0.05
KEEP_MARK_MS: Final = 60 * 24 * 3600 * 1000
CONFIRMATIONS_EXPIRE_S: Final = 3600
CHUNK: Final = 1000

LiveWorkers = Callable[[], Awaitable[Collection[str]]]
DropEvidence = Callable[[Collection[str]], Awaitable[None]]


class RewriteFailed(Exception):
    """The append-only file still holds what was erased; the text says what to do."""


@dataclass(frozen=True, slots=True)
class Erasure:
    """What was done. unconfirmed: live workers that did not say within 5 s that they forgot.

    rewritten: whether the append-only file was rewritten; False where the ledger keeps none.
    """

    person_id: str
    confirmed: frozenset[str]
    unconfirmed: frozenset[str]
    snapshots: frozenset[str]
    rewritten: bool


def confirmations(person_id: str) -> str:
    """Return the key of the hash of workers that forgot this person."""
    return f"{keys.PREFIX}erasures:{person_id}"


async def mark(redis: Redis, person_id: str) -> None:
    """Forbid every further write about a person, and tell every process."""
    now_ms = await now_ns(redis) // 1_000_000
    async with redis.pipeline(transaction=True) as pipe:
        pipe.zadd(ERASED, {person_id: now_ms})
        pipe.zremrangebyscore(ERASED, 0, now_ms - KEEP_MARK_MS)
        pipe.sadd(ERASING, person_id)
        await pipe.execute()
    await announce(redis, "erase", person_id)


async def confirm(redis: Redis, person_id: str, worker_id: str) -> None:
    """Say that a worker has forgotten a person."""
    key = confirmations(person_id)
    async with redis.pipeline(transaction=True) as pipe:
        pipe.hset(key, worker_id, "1")
        pipe.expire(key, CONFIRMATIONS_EXPIRE_S)
        await pipe.execute()


async def await_workers(
    redis: Redis, person_id: str, live_workers: LiveWorkers
) -> tuple[frozenset[str], frozenset[str]]:
    """Wait until every live worker has confirmed; return who has and who has not."""
    loop = asyncio.get_running_loop()
    until_s = loop.time() + CONFIRM_WITHIN_S
    while True:
        raw = await answer(redis.hkeys(confirmations(person_id)))
        confirmed = frozenset(one.decode() for one in raw)
        missing = frozenset(await live_workers()) - confirmed
        if not missing or loop.time() >= until_s:
            return confirmed, missing
        await asyncio.sleep(POLL_S)


async def snapshots_of(redis: Redis, person_id: str) -> frozenset[str]:
    """Return the pictures of every alert that was ever about this person."""
    about, snapshots = set[str](), dict[str, set[str]]()
    cursor = "-"
    while chunk := await answer(redis.xrange(keys.ALERTS, min=cursor, count=CHUNK)):
        for _, fields in chunk:
            _note(json.loads(fields[b"alert"]), person_id, about, snapshots)
        cursor = "(" + chunk[-1][0].decode()
    async for key in redis.scan_iter(match=keys.record("visit", "*"), count=CHUNK):
        state = await answer(redis.hget(key, "state"))
        visit = json.loads(state) if state else {"who": {}, "alerts": []}
        seen = visit["who"].get("person_id") == person_id
        for kept in visit["alerts"]:
            _note(kept["alert"], person_id, about, snapshots)
            about |= {kept["alert"]["id"]} if seen else set()
    return frozenset().union(*(snapshots.get(one, set()) for one in about))


def _note(
    alert: dict[str, Any], person_id: str, about: set[str], snapshots: dict[str, set[str]]
) -> None:
    if (alert["subject"] or {}).get("person_id") == person_id:
        about.add(alert["id"])
    if alert["evidence"]["snapshot"]:
        snapshots.setdefault(alert["id"], set()).add(alert["evidence"]["snapshot"])


async def delete(redis: Redis, person_id: str) -> None:
    """Delete the record and the name in every subscriber's names."""
    subscribers = await answer(redis.smembers(index_of("subscriber")))
    async with redis.pipeline(transaction=True) as pipe:
        pipe.delete(keys.record("person", person_id))
        pipe.srem(index_of("person"), person_id)
        for name in subscribers:
            pipe.hdel(keys.names(name.decode()), person_id)
            pipe.hdel(named(name.decode()), person_id)
        await pipe.execute()
    await announce(redis, "person", person_id)


async def finish(redis: Redis, person_id: str) -> None:
    """Note that nothing of this person is left."""
    async with redis.pipeline(transaction=True) as pipe:
        pipe.srem(ERASING, person_id)
        pipe.delete(confirmations(person_id))
        await pipe.execute()


async def rewrite(redis: Redis) -> bool:
    """Have the append-only file written anew and wait for it; False where there is none.

    Raises RewriteFailed.
    """
    if not int((await _persistence(redis))["aof_enabled"]):
        return False
    try:
        async with asyncio.timeout(REWRITE_WITHIN_S):
            # One that is under way may have begun before the deletion: ours comes after it.
            while not await _begin_rewrite(redis):
                await _rewritten(redis)
            status = await _rewritten(redis)
    except TimeoutError as error:
        raise RewriteFailed("The ledger did not rewrite its file in 5 minutes.") from error
    if status != "ok":
        raise RewriteFailed(
            "The ledger could not rewrite its append-only file: is its disk full?\n"
            "Erase the person again when there is room."
        )
    return True


async def _begin_rewrite(redis: Redis) -> bool:
    try:
        await answer(redis.bgrewriteaof())
    except ResponseError as error:
        if "already in progress" in str(error):
            return False
        raise
    return True


async def _rewritten(redis: Redis) -> str:
    """Wait until no rewrite is running or planned; return how the last one ended."""
    while True:
        found = await _persistence(redis)
        if not int(found["aof_rewrite_in_progress"]) and not int(found["aof_rewrite_scheduled"]):
            return str(found["aof_last_bgrewrite_status"])
        await asyncio.sleep(POLL_S)


async def _persistence(redis: Redis) -> dict[str, Any]:
    return dict(await answer(redis.info("persistence")))
