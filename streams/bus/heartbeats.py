"""Knows how workers say that they live and how they do. Does not know how they share cameras."""

import json
from collections.abc import Mapping
from dataclasses import asdict, dataclass, field
from enum import StrEnum
from typing import Any, Final

from redis.asyncio import Redis

from streams.bus import keys

EXPIRE_MS: Final = 3000


class ModelState(StrEnum):
    """How a worker stands to the network that was chosen."""

    IN_USE = "in_use"
    LOADING = "loading"
    REFUSED = "refused"


@dataclass(frozen=True, slots=True)
class ModelStatus:
    """The network in use for one role; wanted and reason where another was chosen."""

    in_use: str  # "name@version"
    wanted: str | None = None
    state: ModelState = ModelState.IN_USE
    reason: str | None = None


@dataclass(frozen=True, slots=True)
class WorkerStatus:
    """One live worker; figures hold one record a camera, as /api/v1/status shows them.

    lost: what → how many of it, whichever camera it was of, since the worker began.
    models: the network of each role.
    """

    id: str
    device: str
    capacity: int
    cameras: tuple[str, ...]
    figures: Mapping[str, Any] = field(default_factory=dict)
    lost: Mapping[str, int] = field(default_factory=dict)
    models: Mapping[str, ModelStatus] = field(default_factory=dict)


async def write_heartbeat(redis: Redis, status: WorkerStatus) -> None:
    """Renew a worker's heartbeat."""
    key = keys.worker(status.id)
    fields = {
        "device": status.device,
        "capacity": status.capacity,
        "cameras": json.dumps(status.cameras),
        "figures": json.dumps(status.figures),
        "lost": json.dumps(dict(status.lost)),
        "models": json.dumps({role: asdict(one) for role, one in status.models.items()}),
    }
    async with redis.pipeline(transaction=True) as pipe:
        pipe.hset(key, mapping=fields)
        pipe.pexpire(key, EXPIRE_MS)
        await pipe.execute()


async def end_heartbeat(redis: Redis, worker_id: str) -> None:
    """Take a worker's heartbeat away at its end."""
    await redis.delete(keys.worker(worker_id))


async def live_workers(redis: Redis) -> list[WorkerStatus]:
    """Return every worker whose heartbeat is there."""
    found = []
    async for key in redis.scan_iter(match=keys.worker("*"), count=1000):
        raw = await redis.hgetall(key)
        if raw:
            worker_id = key.decode().removeprefix(keys.worker(""))
            found.append(_parse(worker_id, raw))
    return sorted(found, key=lambda worker: worker.id)


def _parse(worker_id: str, raw: Mapping[bytes, bytes]) -> WorkerStatus:
    return WorkerStatus(
        id=worker_id,
        device=raw[b"device"].decode(),
        capacity=int(raw[b"capacity"]),
        cameras=tuple(json.loads(raw[b"cameras"])),
        figures=json.loads(raw[b"figures"]),
        lost=json.loads(raw[b"lost"]),
        models={
            role: ModelStatus(**{**one, "state": ModelState(one["state"])})
            for role, one in json.loads(raw.get(b"models", b"{}")).items()
        },
    )
