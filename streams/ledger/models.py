"""Knows which networks were chosen for the live system. Does not know which there are."""

from collections.abc import Mapping
from typing import Final, Literal, get_args

from redis.asyncio import Redis

from streams.ledger.records import Records

Task = Literal["mask", "expression", "embedder"]
TASKS: Final[tuple[Task, ...]] = get_args(Task)  # whose networks may change while all runs


class ChosenModels:
    """One label ("name@version") a task; a task without one uses what is shipped."""

    def __init__(self, redis: Redis) -> None:
        self._records = Records(redis, "model", len(TASKS))

    async def all(self) -> Mapping[str, str]:
        """Return the chosen label by task."""
        found = await self._records.all()
        return {task: fields[b"label"].decode() for task, fields in found.items()}

    async def choose(self, task: Task, label: str | None) -> None:
        """Keep a choice, None for what is shipped; every worker hears of it, even if it stood."""
        if label is None:
            await self._records.remove(task)
        else:
            await self._records.put(task, {"label": label})
