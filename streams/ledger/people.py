"""Knows how enrolled people are kept, and that they can leave. Does not know who is recognised."""

import json
from typing import Final

import numpy as np
from redis.asyncio import Redis

from engine.people import Person, Photo
from streams.bus import keys
from streams.ledger import erasures
from streams.ledger.erasures import DropEvidence, Erasure, LiveWorkers
from streams.ledger.functions import answer
from streams.ledger.records import Fields, Records, index_of
from streams.secrets import SecretBox

BOUND: Final = 10_000
BATCH: Final = 500


class AlreadyErased(Exception):
    """This id belonged to somebody who was erased: enrol under a new one."""


class People:
    """Names and consents in plain text; crops and vectors sealed."""

    def __init__(self, redis: Redis, box: SecretBox) -> None:
        self._redis = redis
        self._box = box
        self._records = Records(redis, "person", BOUND)

    async def all(self) -> list[Person]:
        """Return everybody, in the order of their ids. Raises WrongKey.

        Not those who are being erased: a worker that loads anew meanwhile must not learn them.
        """
        found = await self._records.all()
        if not found:
            return []
        marks = await answer(self._redis.zmscore(erasures.ERASED, list(found)))
        return [
            self._read(one, fields)
            for (one, fields), mark in zip(found.items(), marks, strict=True)
            if mark is None
        ]

    async def get(self, person_id: str) -> Person | None:
        """Return one person."""
        fields = await self._records.get(person_id)
        return None if fields is None else self._read(person_id, fields)

    async def names(self) -> dict[str, str]:
        """Return every person's name by id, without unsealing anything."""
        found: dict[str, str] = {}
        ids = await self._records.ids()
        for start in range(0, len(ids), BATCH):
            batch = ids[start : start + BATCH]
            async with self._redis.pipeline(transaction=False) as pipe:
                for one in batch:
                    pipe.hget(keys.record("person", one), "name")
                names = await pipe.execute()
            found |= {one: name.decode() for one, name in zip(batch, names, strict=True) if name}
        return found

    async def put(self, person: Person) -> None:
        """Keep a person; a new name reaches the subscribers who may resolve the old one.

        Raises AlreadyErased, Full.
        """
        if await answer(self._redis.zscore(erasures.ERASED, person.id)) is not None:
            raise AlreadyErased(f"{person.id} was erased: enrol under a new id.")
        fields: dict[str, str | bytes | int] = {
            "name": person.name,
            "consent": person.consent,
            "created_ns": person.created_ns,
            "photos": json.dumps([{"id": one.id, "model": one.model} for one in person.photos]),
        }
        for photo in person.photos:
            # Half precision: what matching loses by it is far below the noise of a face.
            fields[f"vector:{photo.id}"] = self._box.seal(photo.vector.astype("<f2").tobytes())
            fields[f"crop:{photo.id}"] = self._box.seal(photo.crop)
        await self._records.put(person.id, fields)
        await self._rename(person)

    async def erase(
        self, person_id: str, live_workers: LiveWorkers, drop_evidence: DropEvidence
    ) -> Erasure:
        """Erase a person everywhere; returns once the append-only file is rewritten too.

        live_workers: ids whose word is awaited, for 5 s at most. drop_evidence: deletes pictures.
        Erasing again, or somebody unknown, does the same without harm. Raises RewriteFailed.
        """
        await erasures.mark(self._redis, person_id)
        confirmed, missing = await erasures.await_workers(self._redis, person_id, live_workers)
        snapshots = await erasures.snapshots_of(self._redis, person_id)
        await erasures.delete(self._redis, person_id)
        await drop_evidence(snapshots)
        rewritten = await erasures.rewrite(self._redis)
        await erasures.finish(self._redis, person_id)
        return Erasure(person_id, confirmed, missing, snapshots, rewritten)

    async def confirm_erasure(self, person_id: str, worker_id: str) -> None:
        """Say that a worker has forgotten this person: gallery, votes, appearances."""
        await erasures.confirm(self._redis, person_id, worker_id)

    async def unfinished_erasures(self) -> list[str]:
        """Return whom an interrupted process left half erased: erase them again."""
        return sorted(one.decode() for one in await answer(self._redis.smembers(erasures.ERASING)))

    async def _rename(self, person: Person) -> None:
        for name in await answer(self._redis.smembers(index_of("subscriber"))):
            key = keys.names(name.decode())
            if await answer(self._redis.hexists(key, person.id)):
                await answer(self._redis.hset(key, person.id, person.name))

    def _read(self, person_id: str, fields: Fields) -> Person:
        photos = tuple(
            self._photo(one["id"], one["model"], fields) for one in json.loads(fields[b"photos"])
        )
        return Person(
            person_id,
            fields[b"name"].decode(),
            fields[b"consent"].decode(),
            int(fields[b"created_ns"]),
            photos,
        )

    def _photo(self, photo_id: str, model: str, fields: Fields) -> Photo:
        raw = self._box.unseal(fields[f"vector:{photo_id}".encode()])
        vector = np.frombuffer(raw, "<f2").astype(np.float32)
        return Photo(photo_id, vector, model, self._box.unseal(fields[f"crop:{photo_id}".encode()]))
