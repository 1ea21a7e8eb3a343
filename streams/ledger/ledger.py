"""Knows the whole ledger as one thing to connect to. Does not know who uses which part."""

from typing import Final

from redis.asyncio import Redis

from streams.bus.connection import connect as connect_to
from streams.bus.keys import PREFIX
from streams.ledger.access import Keys
from streams.ledger.alerts import Alerts
from streams.ledger.cameras import Cameras
from streams.ledger.changes import Changes
from streams.ledger.durability import inspect
from streams.ledger.fences import Fences
from streams.ledger.functions import Functions, answer
from streams.ledger.models import ChosenModels
from streams.ledger.people import People
from streams.ledger.subscribers import Subscribers
from streams.ledger.visits import Visits
from streams.secrets import SecretBox
from streams.valkey import USER

KEY_CHECK: Final = f"{PREFIX}secret:check"


class Ledger:
    """The durable server: cameras, people, keys, subscribers, visits, alerts, fences."""

    def __init__(self, redis: Redis, box: SecretBox, wait_aof: bool = False) -> None:
        self.redis = redis
        self._box = box
        self._functions = Functions(redis, wait_aof)
        self.cameras = Cameras(redis, box)
        self.people = People(redis, box)
        self.keys = Keys(redis)
        self.models = ChosenModels(redis)
        self.subscribers = Subscribers(redis, self.keys)
        self.visits = Visits(redis, self._functions)
        self.fences = Fences(self._functions, self.visits)
        self.alerts = Alerts(redis, self._functions)
        self.changes = Changes(redis)

    @classmethod
    async def connect(cls, url: str, password: str | None, box: SecretBox) -> "Ledger":
        """Connect, check the key and load the functions.

        password: of our own user on an embedded ledger; None where the URL holds what is needed.
        Raises WrongKey, and what redis-py raises while the server is away.
        """
        redis = connect_to(url, None if password is None else USER, password)
        try:
            found = await inspect(redis)
            ledger = cls(redis, box, wait_aof=found.can_wait and not found.always)
            await ledger.check()
        except BaseException:
            await redis.aclose()
            raise
        return ledger

    async def check(self) -> None:
        """See that the ledger answers, was sealed with our key, and has our functions.

        Raises WrongKey, and what redis-py raises while the server is away.
        """
        await answer(self.redis.set(KEY_CHECK, self._box.seal(KEY_CHECK.encode()), nx=True))
        self._box.unseal(await answer(self.redis.get(KEY_CHECK)))
        await self._functions.load()

    async def aclose(self) -> None:
        """Close every connection."""
        await self.redis.aclose()
