"""Knows how a worker takes, keeps and gives up cameras. Does not know what it does with them."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Final, Protocol

import structlog
from redis.asyncio import Redis

from config.cameras import Camera
from engine.placement import Candidate, should_move, should_take
from engine.visits import VisitState
from streams.bus import keys
from streams.bus.heartbeats import WorkerStatus
from streams.bus.leases import Lease

SECOND_NS: Final = 1_000_000_000
RENEW_AFTER_NS: Final = SECOND_NS
LOOK_EVERY_S: Final = 0.25
SHY_NS: Final = 5 * SECOND_NS  # after giving a camera up, leave it to the others for so long

log = structlog.get_logger()


class Fences(Protocol):
    """What the ledger gives out: numbers, and who may write."""

    async def issue(self, camera: str) -> int: ...
    async def claim(self, camera: str, token: int) -> list[VisitState]: ...


@dataclass(slots=True)
class Holding:
    """One owned camera: its fence number and its lease."""

    camera: Camera
    token: int
    lease: Lease
    since_ns: int
    renewed_ns: int


@dataclass(frozen=True, slots=True)
class Taken:
    """A camera became ours, with the visits that its last owner left open."""

    camera: Camera
    token: int
    visits: tuple[VisitState, ...]


@dataclass(frozen=True, slots=True)
class Lost:
    """A camera is ours no longer."""

    camera: str
    reason: str


@dataclass(slots=True)
class Ownership:
    """The cameras of one worker. Call step() every LOOK_EVERY_S."""

    bus: Redis
    fences: Fences
    worker_id: str
    holdings: dict[str, Holding] = field(default_factory=dict)
    _ownerless_since_ns: dict[str, int] = field(default_factory=dict)
    _shy_until_ns: dict[str, int] = field(default_factory=dict)
    _untold: list[Taken | Lost] = field(default_factory=list)  # survives a server going away

    async def step(
        self, cameras: Mapping[str, Camera], workers: Sequence[WorkerStatus], now_ns: int
    ) -> list[Taken | Lost]:
        """Renew what is ours, drop what is gone, take what nobody owns.

        Raises redis.exceptions.RedisError while a server is away: nothing changes hands then,
        and what had changed before is told by the next step.
        """
        await self._renew(now_ns)
        await self._drop_changed(cameras)
        candidates = self._candidates(workers)
        ownerless = await self._ownerless(cameras, now_ns)
        for camera_id, since_ns in ownerless.items():
            if now_ns < self._shy_until_ns.get(camera_id, 0):
                continue
            if should_take(camera_id, self.worker_id, candidates, now_ns - since_ns):
                await self._take(cameras[camera_id], now_ns)
                candidates = self._candidates(workers)
        changes, self._untold = self._untold, []
        return changes

    def to_hand_over(self, workers: Sequence[WorkerStatus], now_ns: int) -> str | None:
        """Return a camera that should move to another worker, or None."""
        candidates = self._candidates(workers)
        for camera_id, holding in sorted(self.holdings.items()):
            if should_move(self.worker_id, candidates, now_ns - holding.since_ns):
                return camera_id
        return None

    async def give_up(self, camera_id: str, now_ns: int) -> None:
        """Release a camera, so that another worker takes it at once."""
        holding = self.holdings.pop(camera_id, None)
        self._shy_until_ns[camera_id] = now_ns + SHY_NS
        if holding is not None:
            await holding.lease.release()

    async def _renew(self, now_ns: int) -> None:
        for camera_id, holding in list(self.holdings.items()):
            if now_ns - holding.renewed_ns < RENEW_AFTER_NS:
                continue
            # A bus that was restarted knows no lease: the owner re-creates it with its token.
            if await holding.lease.renew() or await holding.lease.acquire(holding.token):
                holding.renewed_ns = now_ns
            else:
                del self.holdings[camera_id]
                self._untold.append(Lost(camera_id, "another worker holds the lease"))

    async def _drop_changed(self, cameras: Mapping[str, Camera]) -> None:
        """Give up cameras that were removed or changed; a changed one is taken anew."""
        for camera_id, holding in list(self.holdings.items()):
            if cameras.get(camera_id) != holding.camera:
                del self.holdings[camera_id]
                reason = "changed" if camera_id in cameras else "removed"
                self._untold.append(Lost(camera_id, reason))
                await holding.lease.release()

    async def _ownerless(self, cameras: Mapping[str, Camera], now_ns: int) -> dict[str, int]:
        """Return the cameras without an owner, each with the time since which it has none."""
        others = [camera_id for camera_id in sorted(cameras) if camera_id not in self.holdings]
        owners = await self.bus.mget([keys.lease(one) for one in others]) if others else []
        free = [one for one, owner in zip(others, owners, strict=True) if owner is None]
        self._ownerless_since_ns = {one: self._ownerless_since_ns.get(one, now_ns) for one in free}
        return self._ownerless_since_ns

    async def _take(self, camera: Camera, now_ns: int) -> None:
        token = await self.fences.issue(camera.id)
        lease = Lease(self.bus, keys.lease(camera.id), self.worker_id)
        if not await lease.acquire(token):
            return  # the number is burnt, nobody is harmed
        visits = await self.fences.claim(camera.id, token)
        self.holdings[camera.id] = Holding(camera, token, lease, now_ns, now_ns)
        log.info("camera taken", camera=camera.id, token=token, open_visits=len(visits))
        self._untold.append(Taken(camera, token, tuple(visits)))

    def _candidates(self, workers: Sequence[WorkerStatus]) -> list[Candidate]:
        return [
            Candidate(
                worker.id,
                worker.capacity,
                len(self.holdings) if worker.id == self.worker_id else len(worker.cameras),
            )
            for worker in workers
        ]
