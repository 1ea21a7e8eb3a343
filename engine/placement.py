"""Knows which worker should own which camera. Does not know how a camera is taken."""

import hashlib
import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

MILLISECOND_NS: Final = 1_000_000
ANY_AFTER_NS: Final = 500 * MILLISECOND_NS
MOVE_AFTER_NS: Final = 30_000 * MILLISECOND_NS
MOVE_GAIN: Final = 0.2


@dataclass(frozen=True, slots=True)
class Candidate:
    """A live worker: how many cameras it could own and how many it owns."""

    id: str
    capacity: int
    cameras: int

    @property
    def spare(self) -> int:
        """How many more cameras it could own."""
        return max(0, self.capacity - self.cameras)


def best(camera: str, workers: Sequence[Candidate]) -> str | None:
    """Return the worker that should own a camera, None where nobody has room.

    Rendezvous hashing weighted by spare capacity (Schindelhauer and Schomaker 2005): each
    worker draws -spare / ln(u), u a hash of both names in (0, 1); the highest draw wins.
    """
    able = [worker for worker in workers if worker.spare > 0]
    if not able:
        return None
    return max(able, key=lambda worker: (_draw(camera, worker), worker.id)).id


def should_take(camera: str, me: str, workers: Sequence[Candidate], ownerless_ns: int) -> bool:
    """Whether this worker takes a camera that has had no owner for ownerless_ns.

    The best worker takes it at once, after half a second anybody with room does.
    """
    mine = next((worker for worker in workers if worker.id == me), None)
    if mine is None or mine.spare == 0:
        return False
    return best(camera, workers) == me or ownerless_ns >= ANY_AFTER_NS


def should_move(me: str, workers: Sequence[Candidate], owned_ns: int) -> bool:
    """Whether this worker gives up a camera it has owned for owned_ns, for a better balance.

    Only after half a minute, and only where the share of capacity in use falls by a fifth.
    """
    mine = next((worker for worker in workers if worker.id == me), None)
    others = [worker for worker in workers if worker.id != me and worker.spare > 0]
    if mine is None or mine.cameras == 0 or not others or owned_ns < MOVE_AFTER_NS:
        return False
    used = mine.cameras / mine.capacity
    after = min((worker.cameras + 1) / worker.capacity for worker in others)
    return after <= used * (1 - MOVE_GAIN)


def _draw(camera: str, worker: Candidate) -> float:
    digest = hashlib.sha256(f"{camera}\0{worker.id}".encode()).digest()
    unit = (int.from_bytes(digest[:7], "big") + 1) / (2**56 + 2)
    return -worker.spare / math.log(unit)
