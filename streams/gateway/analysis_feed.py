"""Knows how a camera's pictures pass to the process that looks at them. Opens none of them.

One picture is on its way at a time: whoever shows the next waits for the answer to this one, so
that nothing queues up and no answer is old.
"""

import asyncio
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any, Final

SILENT_S: Final = 10.0  # without a picture, then nobody shows any more
LONGEST_S: Final = 600.0


class FeedEnded(Exception):
    """No picture comes any more."""


class FeedBusy(Exception):
    """The picture before has not been answered yet."""


@dataclass(frozen=True, slots=True)
class Shot:
    """One picture as it was sent, and when it was taken: seconds since the camera's first."""

    number: int
    data: bytes
    at_s: float


class Feed:
    """One camera of one analysis. now_s: a steady clock, in seconds."""

    def __init__(self, now_s: Callable[[], float]) -> None:
        self._now_s = now_s
        self._shot: Shot | None = None
        self._answer: asyncio.Future[Mapping[str, Any]] | None = None
        self._there = asyncio.Event()
        self._count = 0
        self._begun_s: float | None = None
        self._heard_s = 0.0
        self.ended = False

    async def show(self, data: bytes, at_s: float, within_s: float) -> Mapping[str, Any]:
        """Hand a picture over; return what was said of it.

        Raises FeedEnded, FeedBusy, TimeoutError.
        """
        if self.ended:
            raise FeedEnded
        if self._answer is not None:
            raise FeedBusy
        self._count += 1
        self._heard_s = self._now_s()
        self._shot = Shot(self._count, data, at_s)
        self._answer = asyncio.get_running_loop().create_future()
        self._there.set()
        try:
            async with asyncio.timeout(within_s):
                return await self._answer
        finally:
            self._shot = self._answer = None
            if not self.ended:
                self._there.clear()

    async def take(self, within_s: float) -> Shot | None:
        """Return the picture that waits, None where none came. Raises FeedEnded.

        Where none has come for SILENT_S, or all of it takes LONGEST_S, the feed ends.
        """
        if self._begun_s is None:
            self._begun_s = self._heard_s = self._now_s()
        try:
            async with asyncio.timeout(within_s):
                await self._there.wait()
        except TimeoutError:
            pass
        now_s = self._now_s()
        if now_s - self._heard_s >= SILENT_S or now_s - self._begun_s >= LONGEST_S:
            self.end()
        if self.ended:
            raise FeedEnded
        self._there.clear()
        shot, self._shot = self._shot, None
        return shot

    def say(self, number: int, said: Mapping[str, Any]) -> None:
        """Answer a picture; of one that nobody waits for any more nothing is said."""
        waits = self._answer is not None and not self._answer.done()
        if waits and number == self._count:
            assert self._answer is not None
            self._answer.set_result(said)

    def end(self) -> None:
        """Take no more pictures."""
        self.ended = True
        self._there.set()
        if self._answer is not None and not self._answer.done():
            self._answer.set_exception(FeedEnded())
