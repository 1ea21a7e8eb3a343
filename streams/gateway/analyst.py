"""Knows how analyses get their turn, one at a time. Does not know who does the work."""

import asyncio
import contextlib
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any, Final, Protocol

from redis.asyncio import Redis

from config.schema import AnalysesSettings
from streams.bus.connection import AWAY
from streams.bus.requests import NobodyAnswered, TooManyRequests, ask
from streams.clock import monotonic_ns
from streams.gateway.analysis_jobs import Job, Jobs, Wish
from streams.gateway.metrics import Metrics

FOLDER: Final = "analyses"
LOOK_S: Final = 0.5
ANSWER_WITHIN_S: Final = 4.0
CLAIM_WITHIN_S: Final = 5.0

Models = Mapping[str, Sequence[str]]


class Nobody(Exception):
    """No process is there that analyses."""


class Desk(Protocol):
    """Where the processes that analyse are asked."""

    async def models(self) -> Models:
        """Return the models that may be chosen, by task. Raises Nobody."""

    async def take(self, job_id: str, token: str) -> None:
        """Ask one process to take an analysis. Raises Nobody."""


class BusDesk:
    """Asks over the bus; a request holds an id and a one-time token, never a file."""

    def __init__(self, bus: Redis) -> None:
        self._bus = bus

    async def models(self) -> Models:
        """Return the models that may be chosen, by task. Raises Nobody."""
        answer = await self._ask({"what": b"models"})
        return {task: [str(one) for one in labels] for task, labels in answer["models"].items()}

    async def take(self, job_id: str, token: str) -> None:
        """Ask one process to take an analysis. Raises Nobody."""
        fields = {"what": b"job", "id": job_id.encode(), "token": token.encode()}
        answer = await self._ask(fields)
        if not answer.get("taken"):
            raise Nobody(str(answer.get("busy", "the process that analyses refused")))

    async def _ask(self, fields: Mapping[str, bytes]) -> dict[str, Any]:
        try:
            return await ask(self._bus, "analysis", fields, ANSWER_WITHIN_S)
        except (NobodyAnswered, TooManyRequests, *AWAY) as error:
            raise Nobody("no process that analyses answers: see `ostiary status`") from error


class Analyst:
    """The analyses of one gateway and whose turn it is."""

    def __init__(
        self, home: Path, settings: AnalysesSettings, desk: Desk, metrics: Metrics
    ) -> None:
        self.jobs = Jobs(home / FOLDER, settings, metrics)
        self.desk = desk
        # Who is enrolled is sealed in the ledger, which the analysing process cannot open.
        self.purposes: tuple[str, ...] = ("none", "expression")
        self.reason_needed = True
        self.first = Wish()  # what the page offers first
        self.nobody: str | None = None
        self._changed = asyncio.Event()

    def changed(self) -> None:
        """Look again at whose turn it is."""
        self._changed.set()

    async def run(self) -> None:
        """Give analyses their turn, and erase what is old, until cancelled."""
        try:
            while True:
                self.jobs.sweep(now_s())
                if (job := self._next()) is not None:
                    await self._hand_over(job)
                self._changed.clear()
                with contextlib.suppress(TimeoutError):
                    async with asyncio.timeout(LOOK_S):
                        await self._changed.wait()
        finally:
            running = self.jobs.running()
            if running is not None and running.camera is not None:
                running.camera.end()  # or requests would wait for its pictures

    def _next(self) -> Job | None:
        queue = self.jobs.queue()
        return queue[0] if queue and self.jobs.running() is None else None

    async def _hand_over(self, job: Job) -> None:
        """Ask a process to take a job: a new token each time, so that an old one opens nothing."""
        token = self.jobs.new_token(job)
        try:
            await self.desk.take(job.id, token)
            self.nobody = None
        except Nobody as error:
            self.nobody = str(error)
            return
        # It has promised to claim: until then nobody else is asked, or the token would be old.
        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout(CLAIM_WITHIN_S):
                await job.claimed.wait()


def now_s() -> float:
    """Return the steady clock in seconds."""
    return monotonic_ns() / 1e9
