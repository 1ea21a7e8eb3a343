"""Knows how a test asks for analyses over HTTP, and how it plays or starts who does them."""

import asyncio
import contextlib
import os
import sys
from dataclasses import dataclass, field
from typing import Any

import httpx
import psutil

from config.schema import AnalysesSettings
from tests.fakes.live_gateway import gateway_settings

DONE_WITHIN_S = 240.0


def settings_with(home, bus, ledger, **bounds):
    """Settings of a gateway whose analyses have these bounds."""
    settings = gateway_settings(home, bus, ledger)
    return settings.model_copy(update={"analyses": AnalysesSettings(**{"niceness": 0} | bounds)})


async def sent(client, files, **wish):
    """Send files {name: bytes} and start; return the analysis."""
    job = (await client.post("/api/v1/analyses", json=wish)).json()
    for number, (name, data) in enumerate(files.items()):
        answer = await put(client, job["id"], number, data, name)
        assert answer.status_code == 200, answer.text
    answer = await client.post(f"/api/v1/analyses/{job['id']}/start")
    assert answer.status_code == 200, answer.text
    return answer.json()


async def put(client, job_id, number, data, name="door.jpg"):
    """Send one file."""
    url = f"/api/v1/analyses/{job_id}/files/{number}"
    return await client.put(url, params={"name": name}, content=data)


async def shown(client, job_id):
    """Return how far an analysis is."""
    return (await client.get(f"/api/v1/analyses/{job_id}")).json()


async def until(client, job_id, *states):
    """Return an analysis once it is in one of these states."""
    found = None
    try:
        async with asyncio.timeout(DONE_WITHIN_S):
            while (found := await shown(client, job_id)).get("state") not in states:
                await asyncio.sleep(0.05)
    except TimeoutError:
        raise AssertionError(f"it stayed {found}") from None
    return found


@dataclass
class ByHand:
    """A process that analyses, played by the test: it takes what the bus asks and waits."""

    gateway: Any
    asked: asyncio.Queue = field(default_factory=asyncio.Queue)

    def __post_init__(self):
        self.gateway.serving("analysis", self._answer)

    async def _answer(self, fields):
        if fields["what"] == b"models":
            return {"models": {"mask": ["m@1", "m@2"], "expression": ["e@1"]}}
        await self.asked.put({name: value.decode() for name, value in fields.items()})
        return {"taken": True}

    async def claim(self):
        """Take the next analysis; return its pass' client and what the claim said."""
        async with asyncio.timeout(20):
            asked = await self.asked.get()
        told = await self.spend(asked)
        assert told.status_code == 200, told.text
        return self.work(asked["id"], told.json()["pass"]), told.json(), asked

    async def spend(self, asked):
        """Try a token."""
        async with self.work(asked["id"], asked["token"]) as client:
            return await client.post("claim")

    def work(self, job_id, plain):
        """A client of the routes of work."""
        return httpx.AsyncClient(
            base_url=f"{self.gateway.url}/api/v1/analyses/{job_id}/work/",
            headers={"authorization": f"Bearer {plain}"},
            timeout=20,
        )


@dataclass
class JobProcess:
    """`ostiary analyze --job` as the supervisor starts it."""

    process: Any

    def children(self):
        """The processes that open what was sent: none, or one."""
        found = psutil.Process(self.process.pid).children()
        return [one for one in found if "ostiary.jobs.child" in one.cmdline()]

    async def child(self):
        """Wait for the one that opens what was sent."""
        async with asyncio.timeout(60):
            while not (found := self.children()):
                await asyncio.sleep(0.02)
        return found[0]


@contextlib.asynccontextmanager
async def job_process(settings):
    """Run `ostiary analyze --job` on these settings until the block ends; nothing is left."""
    environment = {name: value for name, value in os.environ.items() if "OSTIARY" not in name}
    environment |= {
        "OSTIARY_HOME": str(settings.home),
        "OSTIARY__BUS__URL": settings.bus.url.get_secret_value(),
        "OSTIARY__LEDGER__URL": settings.ledger.url.get_secret_value(),
        "OSTIARY__GATEWAY__PORT": str(settings.gateway.port),
        "OSTIARY__ANALYSES__NICENESS": str(settings.analyses.niceness),
    }
    process = await asyncio.create_subprocess_exec(
        sys.executable, "-m", "ostiary.cli", "analyze", "--job", env=environment
    )
    try:
        yield JobProcess(process)
        assert process.returncode is None, "the waiting process ended by itself"
    finally:
        children = psutil.Process(process.pid).children() if process.returncode is None else []
        with contextlib.suppress(ProcessLookupError):
            process.terminate()
        await process.wait()
        psutil.wait_procs(children, timeout=5)
        assert not [one for one in children if one.is_running()]
