"""Knows who takes analyses, one after another, and which models may be chosen. Knows no bus."""

import asyncio
import shutil
from collections.abc import Mapping, Sequence

import httpx
import structlog

from ostiary.jobs.errand import Bench, Errand
from streams.gateway.analyst import Nobody
from workers.manifest import load_models

TASKS = ("mask", "expression")
WITHIN_S = 30.0

log = structlog.get_logger("analysis")


class JobDesk:
    """Does analyses one at a time; takes the next only when the last has ended."""

    def __init__(self, api: str, bench: Bench) -> None:
        self.bench = bench
        # This machine's own gateway, whose certificate names another host.
        self._client = httpx.AsyncClient(
            base_url=api,
            verify=False,  # noqa: S501
            trust_env=False,
            timeout=WITHIN_S,
        )
        self._wanted: asyncio.Queue[tuple[str, str]] = asyncio.Queue(1)
        self._busy = False

    async def models(self) -> Mapping[str, Sequence[str]]:
        """Return the models that may be chosen, by task; the shipped one first."""
        entries = load_models(self.bench.home).entries
        return {task: [one.label for one in entries if one.role == task] for task in TASKS}

    async def take(self, job_id: str, token: str) -> None:
        """Promise to do an analysis. Raises Nobody while another one is in hand."""
        if self._busy:
            raise Nobody("another analysis is in hand")
        self._busy = True
        self._wanted.put_nowait((job_id, token))

    async def run(self) -> None:
        """Do what was promised, until cancelled; then the one in hand is given up."""
        try:
            while True:
                job_id, token = await self._wanted.get()
                try:
                    await self._do(job_id, token)
                finally:
                    self._busy = False
        finally:
            self._empty()
            await self._client.aclose()

    async def _do(self, job_id: str, token: str) -> None:
        self._empty()
        try:
            await Errand(self._client, self.bench, job_id).run(token)
        except httpx.HTTPError as error:
            log.warning("analysis_not_claimed", id=job_id, reason=str(error))
        finally:
            self._empty()

    def _empty(self) -> None:
        shutil.rmtree(self.bench.folder, ignore_errors=True)
