"""Knows how a camera's pictures pass to the process that looks at them. Opens none of them.

One picture is on its way at a time: whoever shows the next waits for the answer to this one, so
that nothing queues up and no answer is old.
"""

import asyncio
from collections.abc import Awaitable, Callable, Mapping
from contextlib import suppress
from dataclasses import dataclass
from typing import Any, Final

SILENT_S: Final = 10.0  # without a picture, then nobody shows any more


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
    """One camera of one analysis. now_s: a steady clock, in seconds; longest_s: of all of it."""

    def __init__(self, now_s: Callable[[], float], longest_s: float) -> None:
        self._now_s, self._longest_s = now_s, longest_s
        self._shot: Shot | None = None
        self._answer: asyncio.Future[Mapping[str, Any] | None] | None = None
        self._there = asyncio.Event()
        self._count = 0
        self._begun_s: float | None = None
        self._heard_s = 0.0
        self.ended = False

    async def show(
        self, read: Callable[[], Awaitable[bytes]], at_s: float, within_s: float
    ) -> Mapping[str, Any]:
        """Hand a picture over; return what was said of it.

        read: reads it, once it is its turn. Raises FeedEnded, FeedBusy, TimeoutError.
        """
        if self.ended:
            raise FeedEnded
        if self._answer is not None:
            raise FeedBusy
        answer: asyncio.Future[Mapping[str, Any] | None]
        self._answer = answer = asyncio.get_running_loop().create_future()
        self._count += 1  # before it is read: from now on an answer to the one before is old
        try:
            async with asyncio.timeout(within_s):
                data = await read()
                self._shot = Shot(self._count, data, at_s)
                self._there.set()
                said = await answer
        finally:
            self._shot = self._answer = None
            self._heard_s = self._now_s()
            if not self.ended:
                self._there.clear()
        if said is None:
            raise FeedEnded
        return said

    async def take(self, within_s: float) -> Shot | None:
        """Return the picture that waits, None where none came. Raises FeedEnded.

        Where none is in hand and none has come for SILENT_S, or all of it takes longest_s, the
        feed ends.
        """
        if self._begun_s is None:
            self._begun_s = self._heard_s = self._now_s()
        with suppress(TimeoutError):
            async with asyncio.timeout(within_s):
                await self._there.wait()
        now_s = self._now_s()
        silent = self._answer is None and now_s - self._heard_s >= SILENT_S
        if silent or now_s - self._begun_s >= self._longest_s:
            self.end()
        if self.ended:
            raise FeedEnded
        self._there.clear()
        shot, self._shot = self._shot, None
        return shot

    def say(self, number: int, said: Mapping[str, Any]) -> None:
        """Answer a picture; of one that nobody waits for any more nothing is said."""
        if self._answer is not None and not self._answer.done() and number == self._count:
            self._answer.set_result(said)

    def end(self) -> None:
        """Take no more pictures."""
        self.ended = True
        self._there.set()
        if self._answer is not None and not self._answer.done():
            self._answer.set_result(None)
