"""Knows how a subscriber receives alerts. Does not know how an alert came about.

    for alert in subscribe("redis://127.0.0.1:6380", "night-desk", password):
        print(alert.kind, alert.name)

An alert is acknowledged when the next one is asked for, so that one whose treatment failed comes
again. Delivery is at least once; what was delivered before is dropped here, as far as this
process remembers. `async for` works too.
"""

import asyncio
import time
from collections.abc import AsyncIterator, Iterator
from dataclasses import dataclass, field, replace
from typing import Any, Final

import httpx
from redis import Redis as BlockingRedis
from redis.asyncio import Redis
from redis.asyncio.retry import Retry as AsyncRetry
from redis.backoff import NoBackoff
from redis.exceptions import RedisError
from redis.retry import Retry

from ostiary.inbox import Alert, Reader, Reading

SILENCE_S: Final = 10.0

__all__ = ["Alert", "Subscription", "subscribe"]


@dataclass(frozen=True, slots=True)
class Subscription:
    """One subscriber's inbox, to be iterated over with `for` or `async for`; it never ends.

    Raises redis.exceptions.AuthenticationError for a wrong name or password; while the ledger is
    away it waits. api, key: where pictures come from.
    """

    url: str
    reader: Reader
    password: str = field(repr=False)
    api: str | None = None
    key: str | None = field(default=None, repr=False)

    def __iter__(self) -> Iterator[Alert]:
        return self._follow(Reading(self.reader))

    def __aiter__(self) -> AsyncIterator[Alert]:
        return self._afollow(Reading(self.reader))

    def replay(self, cursor: str = "0") -> Iterator[Alert]:
        """Yield what is kept after a cursor ("0": all), then go on; acknowledges nothing."""
        return self._follow(Reading(self.reader, cursor))

    def areplay(self, cursor: str = "0") -> AsyncIterator[Alert]:
        """Like `replay`, for `async for`."""
        return self._afollow(Reading(self.reader, cursor))

    def as_consumer(self, consumer: str) -> "Subscription":
        """Return the subscription for one of several processes that share its alerts."""
        return replace(self, reader=replace(self.reader, consumer=consumer))

    def snapshot(self, alert: Alert) -> bytes | None:
        """Fetch an alert's picture (JPEG) from the API; None if it has none, or none yet.

        Raises ValueError without `api` and `key`, httpx.HTTPError.
        """
        if self.api is None or self.key is None:
            raise ValueError("pictures come from the API: subscribe(..., api=URL, key=KEY)")
        wanted = alert.evidence.get("snapshot")
        if not wanted:
            return None
        reply = httpx.get(
            f"{self.api.rstrip('/')}/api/v1/evidence/{wanted}",
            headers={"Authorization": f"Bearer {self.key}"},
        )
        if reply.status_code in {404, 410}:
            return None
        return reply.raise_for_status().content

    def _follow(self, reading: Reading) -> Iterator[Alert]:
        login = {**self._login(), "retry": Retry(NoBackoff(), 0), "socket_timeout": SILENCE_S}
        redis: Any = BlockingRedis.from_url(self.url, **login)
        try:
            while True:
                try:
                    asked = reading.command(time.monotonic())
                    for entry_id, fields in reading.entries(asked, redis.execute_command(*asked)):
                        alert = reading.wanted(entry_id, fields)
                        if alert is not None:
                            person = alert.person_id
                            name = redis.hget(self.reader.names, person) if person else None
                            reading.seen.note(alert)
                            yield _named(alert, name)
                        if acknowledge := reading.done(entry_id):
                            redis.execute_command(*acknowledge)
                except RedisError as error:
                    time.sleep(reading.pause_after(error))
        finally:
            redis.close()

    async def _afollow(self, reading: Reading) -> AsyncIterator[Alert]:
        # With a socket time-out redis-py 8.1 on Python 3.11 swallows cancellations: ours instead.
        login = {**self._login(), "retry": AsyncRetry(NoBackoff(), 0), "socket_timeout": None}
        redis: Any = Redis.from_url(self.url, **login)
        try:
            while True:
                try:
                    asked = reading.command(time.monotonic())
                    reply = await _ask(redis, *asked)
                    for entry_id, fields in reading.entries(asked, reply):
                        alert = reading.wanted(entry_id, fields)
                        if alert is not None:
                            person = alert.person_id
                            look_up = ("HGET", self.reader.names, person)
                            name = await _ask(redis, *look_up) if person else None
                            reading.seen.note(alert)
                            yield _named(alert, name)
                        if acknowledge := reading.done(entry_id):
                            await _ask(redis, *acknowledge)
                except (RedisError, TimeoutError) as error:
                    await asyncio.sleep(reading.pause_after(error))
        finally:
            await redis.aclose()

    def _login(self) -> dict[str, Any]:
        # The protocol is pinned: replies differ between protocols 2 and 3.
        return {
            "username": self.reader.name,
            "password": self.password,
            "protocol": 2,
            "socket_connect_timeout": 5,
        }


def subscribe(
    url: str, name: str, password: str, api: str | None = None, key: str | None = None
) -> Subscription:
    """Return the subscriber's alerts, to be iterated over; nothing is connected before that."""
    return Subscription(url, Reader(name), password, api, key)


async def _ask(redis: Any, *command: Any) -> Any:
    async with asyncio.timeout(SILENCE_S):
        return await redis.execute_command(*command)


def _named(alert: Alert, name: bytes | None) -> Alert:
    return alert if name is None else replace(alert, name=name.decode())
