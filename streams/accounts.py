"""Knows the server's user of each subscriber and all that it may do. Does not know alerts."""

import hashlib
from dataclasses import dataclass, field
from typing import Any, Final

from redis.asyncio import Redis
from redis.exceptions import ResponseError

from streams.bus import keys
from streams.ledger.functions import answer
from streams.valkey import USER

RESERVED: Final = frozenset({"default", USER})
COMMANDS: Final = (
    "xreadgroup", "xread", "xrange", "xack", "xautoclaim", "hget", "hmget",
    "hello", "auth", "ping", "select", "client|setinfo", "client|setname",
)  # fmt: skip


class NameTaken(Exception):
    """A user of this name is on the server already, and is not ours to change."""


@dataclass(frozen=True, slots=True)
class Account:
    """One subscriber's user; its password is kept as a hash, as the server does."""

    name: str
    password_sha256: str = field(repr=False)

    @classmethod
    def of(cls, name: str, password: str) -> "Account":
        """Return the account of a name and a password in plain text."""
        return cls(name, hashlib.sha256(password.encode()).hexdigest())

    def rules(self) -> list[str]:
        """Return the whole of its rights, as ACL SETUSER takes them: its inbox and its names."""
        return [
            "reset",
            "on",
            f"#{self.password_sha256}",
            "resetkeys",
            "resetchannels",
            "-@all",
            f"~{keys.inbox(self.name)}",
            f"%R~{keys.names(self.name)}",
            *(f"+{command}" for command in COMMANDS),
        ]


async def demand_free(redis: Redis, name: str) -> None:
    """Raise NameTaken where the server has a user of this name, or we need it ourselves."""
    if name in RESERVED or await answer(redis.execute_command("ACL", "GETUSER", name)):
        raise NameTaken(f"The ledger has a user {name!r} already: choose another name.")


async def apply(redis: Redis, account: Account) -> None:
    """Make the user, or put its rights back to what they must be; make its inbox and group.

    A new inbox begins with the next alert; one that is there keeps its entries and its place.
    """
    await answer(redis.execute_command("ACL", "SETUSER", account.name, *account.rules()))
    try:
        await answer(redis.xgroup_create(keys.inbox(account.name), account.name, "0", True))
    except ResponseError as error:
        if "BUSYGROUP" not in str(error):
            raise


async def withdraw(redis: Redis, name: str) -> None:
    """Delete the user; its connections end at once."""
    if name not in RESERVED:
        await answer(redis.execute_command("ACL", "DELUSER", name))
        await save(redis)


async def save(redis: Redis) -> bool:
    """Have the server keep its users over a restart; False where it has no file for them."""
    try:
        await answer(redis.execute_command("ACL", "SAVE"))
    except ResponseError:
        return False
    return True


async def rights(redis: Redis, name: str) -> Any:
    """Return what the server says of a user, None if there is none."""
    return await answer(redis.execute_command("ACL", "GETUSER", name))
