"""Knows who subscribed to which alerts. Does not know how an alert gets into an inbox."""

import json
import re
import secrets
from collections.abc import Collection
from dataclasses import dataclass, field
from typing import Final

from redis.asyncio import Redis

from engine.rules import RuleKind
from streams import accounts
from streams.accounts import Account
from streams.bus import keys
from streams.ledger.access import AccessRole, KeyRequest, Keys, NewKey
from streams.ledger.records import Fields, Records, named, now_ns

BOUND: Final = 100
NAME: Final = re.compile(r"[a-z0-9-]{1,40}")
EVERYTHING: Final = "*"


@dataclass(frozen=True, slots=True)
class Subscriber:
    """One subscriber. cameras, kinds: the only ones that reach the inbox; None: all.

    key_id: the viewer key that was made with it, for pictures.
    """

    name: str
    cameras: frozenset[str] | None
    kinds: frozenset[RuleKind] | None
    created_ns: int
    key_id: str


@dataclass(frozen=True, slots=True)
class NewSubscriber:
    """A subscriber just made; password and key are shown once and never again."""

    record: Subscriber
    password: str = field(repr=False)
    key: NewKey = field(repr=False)


class Subscribers:
    """Every subscriber: a filter, an inbox, a user on the server. Bound: 100."""

    def __init__(self, redis: Redis, access: Keys) -> None:
        self._redis = redis
        self._access = access
        self._records = Records(redis, "subscriber", BOUND)

    async def add(
        self,
        name: str,
        cameras: Collection[str] | None = None,
        kinds: Collection[RuleKind] | None = None,
    ) -> NewSubscriber:
        """Make a subscriber, its inbox, its user and its viewer key; None: all of them.

        Raises ValueError (name), NameTaken, Full.
        """
        if not NAME.fullmatch(name):
            raise ValueError(f"{name!r}: a name has 1 to 40 of a-z, 0-9 and -")
        await accounts.demand_free(self._redis, name)
        granted = None if cameras is None else frozenset(cameras)
        chosen = None if kinds is None else frozenset(RuleKind(one) for one in kinds)
        password = secrets.token_urlsafe(24)
        account = Account.of(name, password)
        key = await self._access.create(
            KeyRequest(AccessRole.VIEWER, granted, f"subscriber {name}")
        )
        record = Subscriber(name, granted, chosen, await now_ns(self._redis), key.record.id)
        await self._records.put(name, _fields(record, account))
        await accounts.apply(self._redis, account)
        await accounts.save(self._redis)
        return NewSubscriber(record, password, key)

    async def all(self) -> list[Subscriber]:
        """Return every subscriber, in the order of their names."""
        return [_read(name, fields) for name, fields in (await self._records.all()).items()]

    async def remove(self, name: str) -> bool:
        """Delete a subscriber with inbox, names, user and key; return whether it was there."""
        fields = await self._records.get(name)
        if fields is None:
            return False
        await accounts.withdraw(self._redis, name)
        await self._access.revoke(_read(name, fields).key_id)
        return await self._records.remove(name, (keys.inbox(name), keys.names(name), named(name)))

    async def apply_acl(self) -> None:
        """Make every subscriber's user, inbox and group what they must be: at each start."""
        for name, fields in (await self._records.all()).items():
            account = Account(name, fields[b"password_sha256"].decode())
            await accounts.apply(self._redis, account)
        await accounts.save(self._redis)


def _fields(record: Subscriber, account: Account) -> dict[str, str | bytes | int]:
    return {
        "cameras": _filter(record.cameras),
        "kinds": _filter(record.kinds),
        "created_ns": record.created_ns,
        "key_id": record.key_id,
        "password_sha256": account.password_sha256,
    }


def _filter(chosen: Collection[str] | None) -> str:
    return EVERYTHING if chosen is None else json.dumps(sorted(chosen))


def _chosen(text: bytes) -> frozenset[str] | None:
    return None if text.decode() == EVERYTHING else frozenset(json.loads(text))


def _read(name: str, fields: Fields) -> Subscriber:
    kinds = _chosen(fields[b"kinds"])
    return Subscriber(
        name,
        _chosen(fields[b"cameras"]),
        None if kinds is None else frozenset(RuleKind(one) for one in kinds),
        int(fields[b"created_ns"]),
        fields[b"key_id"].decode(),
    )
