"""Knows whether a ledger keeps what it confirms. Does not know what is written to it."""

from dataclasses import dataclass

from redis.asyncio import Redis
from redis.exceptions import ResponseError

from streams.ledger.functions import answer


@dataclass(frozen=True, slots=True)
class Durability:
    """How a ledger treats its disk; None where it does not tell."""

    append_only: bool | None
    fsync: str | None
    evicts: bool | None

    @property
    def always(self) -> bool:
        """Whether a confirmed write is on the disk without asking for it."""
        return self.append_only is True and self.fsync == "always"

    @property
    def can_wait(self) -> bool:
        """Whether WAITAOF may be asked: it is an error without an append-only file."""
        return self.append_only is not False


async def inspect(redis: Redis) -> Durability:
    """Ask a ledger for its settings; hosted servers refuse to tell."""
    try:
        raw = await answer(
            redis.execute_command("CONFIG", "GET", "append*", "maxmemory-policy", "maxmemory")
        )
    except ResponseError:
        return Durability(None, None, None)
    pairs = raw if isinstance(raw, dict) else dict(zip(raw[::2], raw[1::2], strict=True))
    found = {_text(name): _text(value) for name, value in pairs.items()}
    bounded = found.get("maxmemory", "0") != "0"
    return Durability(
        append_only=found.get("appendonly") == "yes",
        fsync=found.get("appendfsync"),
        evicts=bounded and found.get("maxmemory-policy") != "noeviction",
    )


async def durability(redis: Redis) -> list[str]:
    """Return what an operator must know of a foreign ledger; empty where nothing is amiss."""
    found = await inspect(redis)
    warnings = []
    if found.append_only is None:
        warnings.append(
            "The ledger does not tell whether it keeps an append-only file: "
            "ask for `appendonly yes` with `appendfsync always`."
        )
    elif not found.append_only:
        warnings.append(
            "The ledger keeps no append-only file: confirmed alerts are lost when it crashes. "
            "Set `appendonly yes`."
        )
    elif found.fsync != "always":
        warnings.append(
            f"The ledger syncs its file `{found.fsync}`: each alert waits for WAITAOF. "
            "Set `appendfsync always` for cameras, people and keys too."
        )
    if found.evicts:
        warnings.append(
            "The ledger evicts keys when its memory is full. Set `maxmemory-policy noeviction`."
        )
    return warnings


def _text(value: bytes | str) -> str:
    return value.decode() if isinstance(value, bytes) else value
