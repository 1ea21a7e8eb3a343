"""Knows how the ledger's functions are loaded and called. Does not know what they decide."""

import asyncio
from collections.abc import Awaitable
from pathlib import Path
from typing import Any, Final, cast

from redis.asyncio import Redis
from redis.exceptions import ResponseError

LIBRARY: Final = "ostiary"
PARTS: Final = ("checks.lua", "inboxes.lua", "functions.lua")
CONFIRM_WITHIN_MS: Final = 2000


class Fenced(Exception):
    """The camera has another owner by now: this token is below the accepted one."""


class Refused(Exception):
    """The ledger's function found something that it will not write; nothing was written."""


class NotDurable(Exception):
    """The ledger took a write but did not say in time that it is on the disk: write it again."""


def source() -> str:
    """Return the library's text: one library of three files."""
    folder = Path(__file__).parent
    parts = [(folder / part).read_text(encoding="utf-8") for part in PARTS]
    return "\n".join([f"#!lua name={LIBRARY}", *parts])


class Functions:
    """The library on one ledger. With `wait_aof` each call waits for the append-only file."""

    def __init__(self, redis: Redis, wait_aof: bool) -> None:
        self._redis = redis
        self._wait_aof = wait_aof
        self._loading = asyncio.Lock()

    async def load(self) -> None:
        """Load the library, unless exactly this one is there already."""
        code = source()
        found = await answer(
            self._redis.execute_command("FUNCTION", "LIST", "LIBRARYNAME", LIBRARY, "WITHCODE")
        )
        if not any(code.encode() in library for library in found):
            await answer(self._redis.execute_command("FUNCTION", "LOAD", "REPLACE", code))

    async def call(self, name: str, *arguments: str | int) -> Any:
        """Call `ostiary_{name}`. Raises Fenced, Refused, NotDurable, or what redis-py raises."""
        try:
            return await self._call(name, arguments)
        except ResponseError as error:
            if "Function not found" not in str(error):
                raise _meaning(error) from error
        # A ledger that was emptied has lost its functions too.
        async with self._loading:
            await self.load()
        try:
            return await self._call(name, arguments)
        except ResponseError as error:
            raise _meaning(error) from error

    async def _call(self, name: str, arguments: tuple[str | int, ...]) -> Any:
        command = ("FCALL", f"{LIBRARY}_{name}", 0, *arguments)
        if not self._wait_aof:
            return await answer(self._redis.execute_command(*command))
        # WAITAOF speaks of its own connection's writes: both go through the same one.
        async with self._redis.pipeline(transaction=False) as pipe:
            pipe.execute_command(*command)
            pipe.execute_command("WAITAOF", 1, 0, CONFIRM_WITHIN_MS)
            reply, (local, _replicas) = await pipe.execute()
        if local < 1:
            raise NotDurable("The ledger has not confirmed that the write is on its disk.")
        return reply


async def answer(call: Any) -> Any:
    """Await a command: redis-py's types leave open whether its methods are awaitable."""
    return await cast(Awaitable[Any], call)


def _meaning(error: Exception) -> Exception:
    text = str(error)
    if text.startswith("FENCED"):
        return Fenced(text.removeprefix("FENCED ").split(" script:")[0])
    if text.startswith(("BADRECORD", "WRONGTYPE")):
        return Refused(text)
    return error
