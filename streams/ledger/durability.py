"""Knows whether a ledger keeps what it confirms. Does not know what is written to it."""

from dataclasses import dataclass

from redis.asyncio import Redis
from redis.exceptions import ResponseError

from streams.ledger.functions import answer


@dataclass(frozen=True, slots=True)
class Durability:
    """How a ledger treats its disk; None where it does not tell.

    can_wait: whether WAITAOF works: it needs an append-only file, and Redis 7.2 or Valkey.
    """

    append_only: bool | None
    fsync: str | None
    evicts: bool | None
    can_wait: bool

    @property
    def always(self) -> bool:
        """Whether a confirmed write is on the disk without asking for it."""
        return self.append_only is True and self.fsync == "always"


async def inspect(redis: Redis) -> Durability:
    """Ask a ledger for its settings; hosted servers refuse to tell."""
    can_wait = await _can_wait(redis)
    try:
        raw = await answer(
            redis.execute_command("CONFIG", "GET", "append*", "maxmemory-policy", "maxmemory")
        )
    except ResponseError:
        return Durability(None, None, None, can_wait)
    pairs = raw if isinstance(raw, dict) else dict(zip(raw[::2], raw[1::2], strict=True))
    found = {_text(name): _text(value) for name, value in pairs.items()}
    bounded = found.get("maxmemory", "0") != "0"
    return Durability(
        append_only=found.get("appendonly") == "yes",
        fsync=found.get("appendfsync"),
        evicts=bounded and found.get("maxmemory-policy") != "noeviction",
        can_wait=can_wait,
    )


async def _can_wait(redis: Redis) -> bool:
    try:
        await answer(redis.execute_command("WAITAOF", 1, 0, 1))
    except ResponseError:
        return False
    return True


async def durability(redis: Redis) -> list[str]:
    """Return what an operator must know of a foreign ledger; empty where nothing is amiss."""
    found = await inspect(redis)
    warnings = []
    if found.append_only is False or (found.append_only is None and not found.can_wait):
        warnings.append(
            "The ledger keeps no append-only file: confirmed alerts are lost when it crashes. "
            "Set `appendonly yes`."
        )
    elif not found.always and not found.can_wait:
        warnings.append(
            "The ledger cannot say when a write is on its disk: the last second's alerts are lost "
            "when it crashes. Set `appendfsync always`, or use Redis 7.2 or Valkey."
        )
    elif not found.always:
        warnings.append(
            f"The ledger syncs its file {found.fsync or 'as it likes'}: each alert waits for "
            "WAITAOF. Set `appendfsync always` for cameras, people and keys too."
        )
    if found.evicts:
        warnings.append(
            "The ledger evicts keys when its memory is full. Set `maxmemory-policy noeviction`."
        )
    return warnings


def _text(value: bytes | str) -> str:
    return value.decode() if isinstance(value, bytes) else value
