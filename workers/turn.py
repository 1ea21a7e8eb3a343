"""Knows how analysing and changing what is analysed exclude each other. Does neither."""

import asyncio
import contextlib
from collections.abc import AsyncIterator


class Turn:
    """Several may analyse at once; whoever changes desks waits for them, and then is alone.

    Who waits to change goes before who comes to analyse.
    """

    def __init__(self) -> None:
        self._analysing = self._changing = 0
        self._alone = asyncio.Lock()
        self._quiet, self._open = asyncio.Event(), asyncio.Event()
        self._quiet.set()
        self._open.set()

    @contextlib.asynccontextmanager
    async def analysing(self) -> AsyncIterator[None]:
        """Be among those who analyse."""
        while self._changing:
            await self._open.wait()
        self._analysing += 1
        self._quiet.clear()
        try:
            yield
        finally:
            self._analysing -= 1
            if not self._analysing:
                self._quiet.set()

    @contextlib.asynccontextmanager
    async def changing(self) -> AsyncIterator[None]:
        """Be alone."""
        self._changing += 1
        self._open.clear()
        try:
            async with self._alone:
                while self._analysing:
                    await self._quiet.wait()
                yield
        finally:
            self._changing -= 1
            if not self._changing:
                self._open.set()
