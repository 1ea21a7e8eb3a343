"""Knows how a browser's camera reaches the process that analyses: from HTTP into a pipe."""

import asyncio
import json
from collections.abc import Mapping
from contextlib import suppress
from typing import Final

import httpx

AGAIN_S: Final = 0.2
GONE: Final = (BrokenPipeError, ConnectionResetError, RuntimeError)  # the last is uvloop's


async def feed(
    client: httpx.AsyncClient, url: str, headers: Mapping[str, str], pipe: asyncio.StreamWriter
) -> None:
    """Hand on picture after picture until none comes any more; then close the pipe.

    A gateway that does not answer is asked again: whoever beats gives it up.
    """
    with suppress(*GONE):
        while (answer := await _asked(client, url, headers)).status_code in (200, 204):
            if answer.status_code == 200:
                told = {
                    "number": int(answer.headers["x-number"]),
                    "at_s": float(answer.headers["x-at-s"]),
                    "bytes": len(answer.content),
                }
                pipe.write(json.dumps(told).encode() + b"\n" + answer.content)
                await pipe.drain()
        pipe.close()


async def _asked(client: httpx.AsyncClient, url: str, headers: Mapping[str, str]) -> httpx.Response:
    while True:
        try:
            return await client.get(url, headers=dict(headers))
        except httpx.TransportError:
            await asyncio.sleep(AGAIN_S)
