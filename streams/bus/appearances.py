"""Knows how the looks of open visits wait on the bus for the next owner. Never stored on a disk."""

from collections.abc import Sequence
from typing import Final

import numpy as np
from redis.asyncio import Redis

from engine.reappearance import Appearance, AppearanceKind
from streams.bus import keys

KEEP_S: Final = 300


async def write(redis: Redis, camera: str, appearances: Sequence[Appearance]) -> None:
    """Renew open visits' looks; each goes five minutes after its last renewal."""
    if not appearances:
        return
    key = keys.appearance(camera)
    fields = {one.visit_id: _encode(one) for one in appearances}
    async with redis.pipeline(transaction=False) as pipe:
        pipe.hset(key, mapping=fields)
        pipe.execute_command("HEXPIRE", key, KEEP_S, "FIELDS", len(fields), *fields)
        pipe.expire(key, KEEP_S)
        await pipe.execute()


async def read(redis: Redis, camera: str) -> list[Appearance]:
    """Return the looks that the owner before has left."""
    raw = await redis.hgetall(keys.appearance(camera))
    return [_decode(visit_id.decode(), value) for visit_id, value in raw.items()]


async def forget(redis: Redis, camera: str, visit_ids: Sequence[str] = ()) -> None:
    """Drop some visits' looks, or all of a camera's."""
    if visit_ids:
        await redis.hdel(keys.appearance(camera), *visit_ids)
    else:
        await redis.delete(keys.appearance(camera))


def _encode(appearance: Appearance) -> bytes:
    head = f"{appearance.kind}|{appearance.seen_ns}|".encode()
    return head + appearance.vector.astype("<f2").tobytes()


def _decode(visit_id: str, value: bytes) -> Appearance:
    kind, seen_ns, vector = value.split(b"|", 2)
    return Appearance(
        visit_id, AppearanceKind(kind.decode()), np.frombuffer(vector, "<f2"), int(seen_ns)
    )
