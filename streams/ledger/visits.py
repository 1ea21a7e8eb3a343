"""Knows how visits are kept. Does not know how a visit is found again."""

from collections.abc import Iterable
from dataclasses import replace

from redis.asyncio import Redis

from engine.observations import Knowledge
from engine.visits import KeptAlert, VisitState
from streams.bus import keys
from streams.ledger.alerts import without_person
from streams.ledger.erasures import ERASED
from streams.ledger.functions import Functions, answer


class Visits:
    """Every visit's newest state, kept for 30 days. Bound: 1,000 open visits a camera."""

    def __init__(self, redis: Redis, functions: Functions) -> None:
        self._redis = redis
        self._functions = functions

    async def save(self, visit: VisitState, token: int) -> bool:
        """Write a visit's state; False where it had ended before or the camera has too many.

        Raises Fenced. A person who was erased does not get in again.
        """
        anonymous = without_visitor(visit).to_json()
        return bool(await self._functions.call("save_visit", token, visit.to_json(), anonymous))

    async def open(self, camera: str) -> list[VisitState]:
        """Return the camera's open visits."""
        ids = await answer(self._redis.smembers(keys.open_visits(camera)))
        if not ids:
            return []
        async with self._redis.pipeline(transaction=False) as pipe:
            for one in sorted(ids):
                pipe.hget(keys.record("visit", one.decode()), "state")
            return await self.read(state for state in await pipe.execute() if state)

    async def read(self, states: Iterable[bytes]) -> list[VisitState]:
        """Read kept states; whoever was erased since is in none of them."""
        visits = [VisitState.from_json(state) for state in states]
        known = {visit.person_id for visit in visits if visit.person_id is not None}
        gone = set()
        for person_id in known:
            if await answer(self._redis.zscore(ERASED, person_id)) is not None:
                gone.add(person_id)
        return [without_visitor(one) if one.person_id in gone else one for one in visits]


def without_visitor(visit: VisitState) -> VisitState:
    """Return the visit as one of somebody of whom nothing is known."""
    standing = replace(
        visit.standing,
        knowledge=Knowledge.UNDECIDED,
        person_id=None,
        who_score=0.0,
        who_views=0,
    )
    alerts = tuple(KeptAlert(kept.rule_id, without_person(kept.revision)) for kept in visit.alerts)
    return replace(visit, standing=standing, alerts=alerts)
