"""Knows how sealed snapshots travel to the one writer of files. Does not know the files."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

from redis.asyncio import Redis
from redis.exceptions import ResponseError

from streams.bus import keys

MAX_ENTRIES: Final = 400  # of about 100 kB: 40 MB
WRITTEN_MS: Final = 600_000
_GROUP: Final = "writers"


@dataclass(frozen=True, slots=True)
class Snapshot:
    """One sealed picture on its way."""

    evidence_id: str
    camera: str
    sealed: bytes


async def put(redis: Redis, snapshot: Snapshot) -> None:
    """Send a snapshot; beyond the bound the oldest go, and their worker sends them again."""
    fields: dict[bytes | str, bytes | str] = {
        "id": snapshot.evidence_id,
        "camera": snapshot.camera,
        "d": snapshot.sealed,
    }
    await redis.xadd(keys.EVIDENCE, fields, maxlen=MAX_ENTRIES, approximate=False)


async def take(redis: Redis, consumer: str, block_ms: int) -> list[tuple[str, Snapshot]]:
    """Return snapshots to write, each with its entry id, also those an earlier writer left."""
    try:
        _, left, *_ = await redis.xautoclaim(keys.EVIDENCE, _GROUP, consumer, 5000, count=8)
        found = left or [
            entry
            for _, entries in await redis.xreadgroup(
                _GROUP, consumer, {keys.EVIDENCE: ">"}, count=8, block=block_ms
            )
            or []
            for entry in entries
        ]
    except ResponseError as error:
        if "NOGROUP" not in str(error):
            raise
        await redis.xgroup_create(keys.EVIDENCE, _GROUP, id="0", mkstream=True)
        return []
    return [
        (
            entry_id.decode(),
            Snapshot(fields[b"id"].decode(), fields[b"camera"].decode(), fields[b"d"]),
        )
        for entry_id, fields in found
        if fields
    ]


async def confirm(redis: Redis, entry_id: str, evidence_id: str) -> None:
    """Say that a snapshot is written, so that its worker forgets it."""
    async with redis.pipeline(transaction=True) as pipe:
        pipe.set(keys.evidence_written(evidence_id), "1", px=WRITTEN_MS)
        pipe.xack(keys.EVIDENCE, _GROUP, entry_id)
        pipe.xdel(keys.EVIDENCE, entry_id)
        await pipe.execute()


async def written(redis: Redis, evidence_ids: Sequence[str]) -> set[str]:
    """Return which of these snapshots are written."""
    if not evidence_ids:
        return set()
    marks = await redis.mget([keys.evidence_written(one) for one in evidence_ids])
    return {one for one, mark in zip(evidence_ids, marks, strict=True) if mark}
