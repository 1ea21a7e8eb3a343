"""Knows how enrolled people are kept, and that they can leave. Does not know who is recognised."""

import json
from collections.abc import Mapping
from typing import Final

import numpy as np
from numpy.typing import NDArray
from redis.asyncio import Redis
from redis.exceptions import WatchError

from engine.people import Person, Photo
from streams.bus import keys
from streams.ledger import erasures
from streams.ledger.erasures import DropEvidence, Erasure, LiveWorkers
from streams.ledger.functions import answer
from streams.ledger.records import Fields, Records, index_of
from streams.secrets import SecretBox

BOUND: Final = 10_000
BATCH: Final = 500
AGAIN: Final = 2  # embedders whose vectors are kept beside those made at enrolment


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

    async def add_vectors(
        self, person_id: str, model: str, vectors: Mapping[str, NDArray[np.float32]]
    ) -> bool:
        """Keep what another embedder made of a person's photos, by photo, beside what there is.

        The newest AGAIN embedders' are kept. Whoever has left meanwhile stays away: False.
        """
        key = keys.record("person", person_id)
        async with self._redis.pipeline(transaction=True) as pipe:
            try:
                await pipe.watch(key)
                fields = await answer(pipe.hgetall(key))
                if not fields or await answer(pipe.zscore(erasures.ERASED, person_id)) is not None:
                    return False
                labels = [one for one in _again(fields) if one != model] + [model]
                pipe.multi()
                for old in labels[:-AGAIN]:
                    pipe.hdel(key, *(one for one in fields if one.endswith(f"@{old}".encode())))
                written = {
                    f"vector:{photo}@{model}": self._box.seal(vector.astype("<f2").tobytes())
                    for photo, vector in vectors.items()
                }
                pipe.hset(key, mapping={"again": json.dumps(labels[-AGAIN:]), **written})
                await pipe.execute()
            except WatchError:
                return False
        return True

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
        names = {label: f"vector:{photo_id}@{label}".encode() for label in _again(fields)}
        return Photo(
            photo_id,
            self._vector(fields[f"vector:{photo_id}".encode()]),
            model,
            self._box.unseal(fields[f"crop:{photo_id}".encode()]),
            {label: self._vector(fields[name]) for label, name in names.items() if name in fields},
        )

    def _vector(self, sealed: bytes) -> NDArray[np.float32]:
        return np.frombuffer(self._box.unseal(sealed), "<f2").astype(np.float32)


def _again(fields: Fields) -> list[str]:
    """Return the embedders whose vectors were added since, the oldest first."""
    found: list[str] = json.loads(fields.get(b"again", b"[]"))
    return found
