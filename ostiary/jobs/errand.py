"""Knows one analysis from its claim to its end: fetch, have it done, return. Opens no file itself.

The gateway is asked over HTTP alone, so that both need not share a disk. Each answer to `progress`
also says whether the analysis is still wanted; where it is not, the process ends at once.
"""

import asyncio
import json
import os
import signal
import sys
from asyncio.subprocess import Process
from collections.abc import AsyncIterator, Mapping
from contextlib import suppress
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Final

import httpx
import structlog

import streams
from ostiary.jobs.feeding import feed
from ostiary.jobs.order import Order
from streams.codecs.link import ENVIRONMENT

BEAT_S: Final = 0.5
AWAY_S: Final = 10.0  # without the gateway, then nobody wants it any more
READ_BYTES: Final = 1 << 20
LINE_BYTES: Final = 1 << 20
ROOT: Final = Path(streams.__file__).parents[1]

log = structlog.get_logger("analysis")


class Unwanted(Exception):
    """The analysis was cancelled, has expired, or its gateway is gone."""


class CannotReturn(Exception):
    """The gateway refuses a result; the message says why."""


@dataclass(frozen=True, slots=True)
class Bench:
    """What an errand works with. folder: its own, emptied before and after."""

    folder: Path
    home: Path
    memory_bytes: int
    detect_size_px: int = 640
    niceness: int = 19
    people: Path | None = None


@dataclass(slots=True)
class Errand:
    """One analysis; `client` reaches the gateway."""

    client: httpx.AsyncClient
    bench: Bench
    job_id: str
    process: Process | None = None
    _pass: dict[str, str] = field(default_factory=dict, repr=False)
    _progress: dict[str, Any] = field(default_factory=dict)
    _problems: list[dict[str, Any]] = field(default_factory=list)
    _reason: str | None = None
    _ended: bool = False

    async def run(self, token: str) -> None:
        """Do it all. Raises httpx.HTTPError where the token opens nothing."""
        claimed = await self._claim(token)
        log.info("analysis_begins", id=self.job_id, files=len(claimed["files"]))
        try:
            async with asyncio.TaskGroup() as group:
                beat = group.create_task(self._beat())
                reason = await self._work(claimed)
                beat.cancel()
            end = {"reason": reason, "problems": self._problems}
            await self._post("end", end)
            log.info("analysis_ended", id=self.job_id, reason=reason)
        except* (Unwanted, httpx.HTTPError) as group_error:
            why = str(group_error.exceptions[0]) or type(group_error.exceptions[0]).__name__
            log.info("analysis_given_up", id=self.job_id, reason=why)

    def _url(self, path: str) -> str:
        return f"/api/v1/analyses/{self.job_id}/work/{path}"

    async def _claim(self, token: str) -> dict[str, Any]:
        headers = {"authorization": f"Bearer {token}"}
        answer = await self.client.post(self._url("claim"), headers=headers)
        answer.raise_for_status()
        claimed: dict[str, Any] = answer.json()
        self._pass = {"authorization": f"Bearer {claimed['pass']}"}
        return claimed

    async def _post(self, path: str, body: Mapping[str, Any]) -> None:
        answer = await self.client.post(self._url(path), json=body, headers=self._pass)
        if answer.status_code in (401, 404, 410):
            raise Unwanted(_told(answer))
        answer.raise_for_status()

    async def _beat(self) -> None:
        """Say how far it is, again and again, until nobody wants to know."""
        loop = asyncio.get_running_loop()
        heard_s = loop.time()
        while True:
            try:
                await self._post("progress", self._progress)
                heard_s = loop.time()
            except httpx.HTTPError as error:
                if loop.time() - heard_s > AWAY_S:
                    raise Unwanted("the gateway does not answer") from error
            await asyncio.sleep(BEAT_S)

    async def _work(self, claimed: Mapping[str, Any]) -> str | None:
        """Fetch, have it done, return the results; the reason where that failed."""
        order = Order(
            folder=self.bench.folder,
            home=self.bench.home,
            names={one["number"]: one["name"] for one in claimed["files"]},
            purpose=claimed["purpose"],
            language=claimed["language"],
            models=claimed["models"],
            detect_size_px=self.bench.detect_size_px,
            niceness=self.bench.niceness,
            file_bytes=int(claimed["result_bytes"]),
            people=self.bench.people,
            camera=claimed["camera"],
        )
        limit_s = float(claimed["time_limit_s"])
        for folder in (order.given(0).parent, order.out):
            folder.mkdir(parents=True, mode=0o700)
        try:
            async with asyncio.timeout(limit_s):
                for number in () if order.camera else order.names:
                    await self._fetch(number, order.given(number))
                reason = await self._have_done(order)
                if reason is None:
                    await self._return(order.out)
                return reason
        except TimeoutError:
            return f"it took longer than {limit_s / 60:.3g} min: send less at once"
        except CannotReturn as error:
            return str(error)

    async def _fetch(self, number: int, place: Path) -> None:
        url = self._url(f"files/{number}")
        async with self.client.stream("GET", url, headers=self._pass) as answer:
            answer.raise_for_status()
            with place.open("xb") as file:
                async for chunk in answer.aiter_bytes(READ_BYTES):
                    await asyncio.to_thread(file.write, chunk)

    async def _have_done(self, order: Order) -> str | None:
        """Have the confined process do it; return the reason where it failed."""
        self.process = process = await asyncio.create_subprocess_exec(
            sys.executable, "-s", "-m", "ostiary.jobs.child", str(os.getpid()),
            str(self.bench.memory_bytes),
            stdin=asyncio.subprocess.PIPE, stdout=asyncio.subprocess.PIPE, cwd=ROOT,
            env=ENVIRONMENT, start_new_session=True, limit=LINE_BYTES,
        )  # fmt: skip
        feeding: asyncio.Task[None] | None = None
        try:
            assert process.stdin is not None and process.stdout is not None
            # A process that was killed at once; uvloop says RuntimeError.
            with suppress(BrokenPipeError, ConnectionResetError, RuntimeError):
                process.stdin.write(json.dumps(order.as_json()).encode() + b"\n")
                await process.stdin.drain()
            if order.camera:
                url = self._url("camera")
                feeding = asyncio.create_task(feed(self.client, url, self._pass, process.stdin))
            async for line in process.stdout:
                await self._hear(json.loads(line))
            code = await process.wait()
        except (ValueError, KeyError, TypeError):
            return "the process that analysed it said what cannot be read"
        finally:
            if feeding is not None:
                feeding.cancel()
            with suppress(ProcessLookupError):
                os.killpg(process.pid, signal.SIGKILL)
            await process.wait()
        return self._reason if self._ended else _ending(code)

    async def _hear(self, said: Mapping[str, Any]) -> None:
        match said["event"]:
            case "seen":
                with suppress(httpx.TransportError):  # whoever waits shows the next picture
                    await self._post("camera", said["said"])
            case "progress":
                self._progress = {"share": said["share"], "file": said["file"]}
            case "problem":
                self._problems.append({"file": said["file"], "message": said["message"]})
            case "end":
                self._ended, self._reason = True, said["reason"] and str(said["reason"])[:300]

    async def _return(self, out: Path) -> None:
        for place in await asyncio.to_thread(_files_of, out):
            answer = await self.client.put(
                self._url(f"results/{place.name}"), content=_bytes_of(place), headers=self._pass
            )
            if answer.status_code in (413, 429, 507):
                raise CannotReturn(_told(answer))
            if answer.status_code in (401, 404, 410):
                raise Unwanted(_told(answer))
            answer.raise_for_status()


def _files_of(folder: Path) -> list[Path]:
    """Return a folder's plain files; what hostile input may have made there besides is left."""
    return sorted(one for one in folder.iterdir() if one.is_file() and not one.is_symlink())


async def _bytes_of(place: Path) -> AsyncIterator[bytes]:
    with place.open("rb") as file:
        while data := await asyncio.to_thread(file.read, READ_BYTES):
            yield data


def _ending(code: int) -> str:
    if code < 0:
        return f"the process that analysed it was killed (signal {-code})"
    return f"the process that analysed it failed (exit code {code}); the log has its trace"


def _told(answer: httpx.Response) -> str:
    with suppress(ValueError, KeyError, TypeError):
        return str(answer.json()["error"])
    return f"HTTP {answer.status_code}"
