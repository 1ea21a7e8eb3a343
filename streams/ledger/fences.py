"""Knows who may write for a camera. Does not know what is written."""

from engine.visits import VisitState
from streams.ledger.functions import Functions
from streams.ledger.visits import Visits


class Fences:
    """Numbers that only grow, one after the other for each camera."""

    def __init__(self, functions: Functions, visits: Visits) -> None:
        self._functions = functions
        self._visits = visits

    async def issue(self, camera: str) -> int:
        """Return the camera's next number."""
        return int(await self._functions.call("issue", camera))

    async def claim(self, camera: str, token: int) -> list[VisitState]:
        """Become the owner and return the visits left open. Raises Fenced."""
        states = await self._functions.call("claim", camera, token)
        return await self._visits.read(states)
