"""Knows how long a request may wait for bus and ledger. Does not know what it asks of them."""

import asyncio
from collections.abc import Callable, Coroutine
from typing import Any, Final

from fastapi import Request, Response
from fastapi.routing import APIRoute

WITHIN_S: Final = 5.0


class Bounded(APIRoute):
    """A route whose answer is made within WITHIN_S, else it is 503.

    A server that is gone refuses at once; one that is frozen never answers at all. What is sent
    after the answer has begun (a stream of events) is not bounded by this.
    """

    def get_route_handler(self) -> Callable[[Request], Coroutine[Any, Any, Response]]:
        """Return the route's own work under a time limit; TimeoutError becomes 503."""
        work = super().get_route_handler()

        async def bounded(request: Request) -> Response:
            async with asyncio.timeout(WITHIN_S):
                return await work(request)

        return bounded
