"""Knows who holds a key and what it opens. Does not know how a key travels."""

import hashlib
import hmac
import json
import secrets
from dataclasses import dataclass, field
from enum import StrEnum
from typing import Final

from redis.asyncio import Redis

from streams.ledger.records import Fields, Records, now_ns

BOUND: Final = 1000
PREFIX: Final = "ost"
ID_BYTES: Final = 6
SECRET_BYTES: Final = 32


class AccessRole(StrEnum):
    """What a key may do: look; manage cameras and people; manage keys; publish one camera."""

    VIEWER = "viewer"
    OPERATOR = "operator"
    ADMIN = "admin"
    PUBLISHER = "publisher"


@dataclass(frozen=True, slots=True)
class KeyRequest:
    """A key to be made. cameras: the only ones it opens; None: all."""

    role: AccessRole
    cameras: frozenset[str] | None = None
    label: str = ""

    def __post_init__(self) -> None:
        if self.role is AccessRole.PUBLISHER and len(self.cameras or ()) != 1:
            raise ValueError("a publisher's key belongs to exactly one camera")


@dataclass(frozen=True, slots=True)
class KeyRecord:
    """A key as it is kept: without its secret."""

    id: str
    role: AccessRole
    cameras: frozenset[str] | None
    label: str
    created_ns: int

    def opens(self, camera: str) -> bool:
        """Return whether this key may see (or publish) a camera."""
        return self.cameras is None or camera in self.cameras


@dataclass(frozen=True, slots=True)
class NewKey:
    """A key just made; `plain` is shown once and never again."""

    record: KeyRecord
    plain: str = field(repr=False)


class Keys:
    """Every key, as the hash of its secret. Bound: 1,000."""

    def __init__(self, redis: Redis) -> None:
        self._redis = redis
        self._records = Records(redis, "key", BOUND)

    async def create(self, request: KeyRequest) -> NewKey:
        """Make a key. Raises Full."""
        key_id, secret = secrets.token_hex(ID_BYTES), secrets.token_urlsafe(SECRET_BYTES)
        record = KeyRecord(
            key_id, request.role, request.cameras, request.label, await now_ns(self._redis)
        )
        cameras = None if record.cameras is None else sorted(record.cameras)
        await self._records.put(
            key_id,
            {
                "role": record.role.value,
                "cameras": json.dumps(cameras),
                "label": record.label,
                "created_ns": record.created_ns,
                "secret_sha256": _digest(secret),
            },
        )
        return NewKey(record, f"{PREFIX}_{key_id}_{secret}")

    async def verify(self, plain: str) -> KeyRecord | None:
        """Return whose key this is; None for any that is wrong, revoked or misspelt."""
        prefix, _, rest = plain.strip().partition("_")
        key_id, _, secret = rest.partition("_")
        if prefix != PREFIX or not key_id.isalnum() or not key_id.isascii():
            return None
        fields = await self._records.get(key_id)
        # The secret has 256 random bits: one round of a hash is as good as many.
        if fields is None or not hmac.compare_digest(
            fields[b"secret_sha256"], _digest(secret).encode()
        ):
            return None
        return _read(key_id, fields)

    async def get(self, key_id: str) -> KeyRecord | None:
        """Return one key's record."""
        fields = await self._records.get(key_id)
        return None if fields is None else _read(key_id, fields)

    async def all(self) -> list[KeyRecord]:
        """Return every key, oldest first."""
        found = [_read(one, fields) for one, fields in (await self._records.all()).items()]
        return sorted(found, key=lambda record: record.created_ns)

    async def revoke(self, key_id: str) -> bool:
        """Make a key open nothing from now on; return whether it was there."""
        return await self._records.remove(key_id)


def _digest(secret: str) -> str:
    return hashlib.sha256(secret.encode()).hexdigest()


def _read(key_id: str, fields: Fields) -> KeyRecord:
    cameras = json.loads(fields[b"cameras"])
    return KeyRecord(
        key_id,
        AccessRole(fields[b"role"].decode()),
        None if cameras is None else frozenset(cameras),
        fields[b"label"].decode(),
        int(fields[b"created_ns"]),
    )
