"""Knows how to run a real gateway on test servers and talk to it. Knows no expected answer."""

import asyncio
import base64
import contextlib
import json
import socket
import time
from collections.abc import AsyncIterator, Awaitable, Callable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import httpx
import numpy as np

from config.cameras import Camera
from config.schema import GatewaySettings, Settings
from engine.alerts import AlertRevision, AlertState, Evidence
from engine.rules import RuleKind, Severity
from streams.bus import requests
from streams.gateway import app
from streams.gateway.parts import Parts
from streams.ledger.access import AccessRole, KeyRequest
from streams.viewer.figures import ViewerFigures
from streams.viewer.hub import Answer
from streams.viewer.negotiation import OfferRefused
from tests.fakes.source_home import settings_for

WITHIN_S = 20.0
OFFER = "v=0\r\no=- 1 1 IN IP4 127.0.0.1\r\n"


@dataclass
class CountingHub:
    """A hub that sends nothing: it remembers who watches what."""

    open: dict[str, str] = field(default_factory=dict)
    refuse: bool = False

    @property
    def sessions(self) -> Mapping[str, str]:
        return self.open

    def figures(self) -> ViewerFigures:
        return ViewerFigures(len(self.open), 0)

    async def run(self) -> None:
        await asyncio.Event().wait()

    async def offer(self, camera: Camera, offer_sdp: str) -> Answer:
        if self.refuse:
            raise OfferRefused(409, "the camera sends no picture: waiting")
        session_id = f"s-{len(self.open)}-{camera.id}"
        self.open[session_id] = camera.id
        return Answer(session_id, "v=0\r\n")

    async def close(self, session_id: str) -> None:
        self.open.pop(session_id, None)

    async def close_all(self) -> None:
        self.open.clear()


@dataclass
class Gateway:
    """A gateway that serves, its parts, and a client with the first admin's key."""

    parts: Parts
    url: str
    hub: Any
    admin: httpx.AsyncClient
    group: asyncio.TaskGroup

    async def client(self, role: str, cameras: list[str] | None = None) -> httpx.AsyncClient:
        """Return a client with a new key of this role."""
        granted = None if cameras is None else frozenset(cameras)
        new = await self.parts.ledger.keys.create(KeyRequest(AccessRole(role), granted, "test"))
        await self.parts.directory.refresh("key")
        return self.with_key(new.plain)

    def with_key(self, plain: str) -> httpx.AsyncClient:
        """Return a client that sends this key."""
        headers = {"authorization": f"Bearer {plain}"}
        return httpx.AsyncClient(base_url=self.url, headers=headers, timeout=WITHIN_S)

    async def camera(self, **more: Any) -> dict[str, Any]:
        """Add a camera over the API; `lobby`, for people and masks, unless said otherwise."""
        body = {
            "id": "lobby",
            "url": "rtsp://127.0.0.1:8554/lobby",
            "purpose": "people",
            "mask_required": True,
            **more,
        }
        answer = await self.admin.post("/api/v1/cameras", json=body)
        assert answer.status_code == 201, answer.text
        return answer.json()

    async def alert(self, number: int, **more: Any) -> AlertRevision:
        """Write an alert's revision as a worker would."""
        camera = more.get("camera", "lobby")
        token = await self.parts.ledger.fences.issue(camera)
        await self.parts.ledger.fences.claim(camera, token)
        alert = an_alert(number, **more)
        await self.parts.ledger.alerts.write(alert, token)
        return alert

    def serving(self, kind: str, answer: requests.Answer) -> None:
        """Answer requests of a kind, as a worker or ingest would."""
        self.group.create_task(requests.serve(self.parts.bus, kind, answer, "test"))


def an_alert(number: int, **more: Any) -> AlertRevision:
    """Return an alert; its times are now."""
    now_ns = time.time_ns() // 1_000_000 * 1_000_000
    fields: dict[str, Any] = {
        "id": f"{number:032x}",
        "revision": 1,
        "kind": RuleKind.UNMASKED,
        "camera": "lobby",
        "state": AlertState.OPENED,
        "active": True,
        "person_id": None,
        "severity": Severity.WARNING,
        "opened_ns": now_ns,
        "seen_ns": now_ns,
        "evidence": Evidence(14, 0.97, 0.8, {"mask": "m@1"}, more.pop("snapshot", None)),
    }
    return AlertRevision(**{**fields, **more})


def a_worker(parts: Parts, refused: frozenset[int] = frozenset()) -> requests.Answer:
    """Return what answers enrolments: photos whose index is in `refused` are blurred."""

    async def answer(fields: Mapping[str, bytes]) -> dict[str, Any]:
        count = sum(name.startswith("photo") for name in fields)
        verdicts = [
            {"accepted": one not in refused, "reason": "blurred" if one in refused else None}
            for one in range(count)
        ]
        vector = parts.box.seal(np.full(128, 0.5, "<f2").tobytes())
        photos = [
            {
                "index": one,
                "crop": base64.b64encode(parts.box.seal(fields[f"photo{one}"])).decode(),
                "vector": base64.b64encode(vector).decode(),
                "model": "sface@1",
            }
            for one in range(count)
            if one not in refused
        ]
        return {"verdicts": verdicts, "photos": photos}

    return answer


@dataclass(frozen=True, slots=True)
class Event:
    """One server-sent event."""

    id: str
    kind: str
    data: dict[str, Any]


async def events(lines: AsyncIterator[str]) -> AsyncIterator[Event]:
    """Yield the events of a stream of lines, comments left out."""
    fields: dict[str, str] = {}
    async for line in lines:
        if not line:
            if "data" in fields:
                data = json.loads(fields["data"])
                yield Event(fields.get("id", ""), fields.get("event", "message"), data)
            fields = {}
            continue
        name, _, value = line.partition(": ")
        fields[name] = value


async def until(holds: Callable[[], Awaitable[bool]], within_s: float = WITHIN_S) -> None:
    """Ask again and again until something holds; fail after a deadline."""
    async with asyncio.timeout(within_s):
        while not await holds():
            await asyncio.sleep(0.02)


def free_port() -> int:
    """Return a port that nobody listens on."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


def gateway_settings(home: Path, bus: Any, ledger: Any) -> Settings:
    """Return settings for a gateway on two test servers and a free port."""
    settings = settings_for(home, bus, ledger)
    return settings.model_copy(update={"gateway": GatewaySettings(port=free_port())})


@contextlib.asynccontextmanager
async def running_gateway(settings: Settings, hub: Any = None) -> AsyncIterator[Gateway]:
    """Run a gateway until the block ends; it must end within its second."""
    parts = app.open_parts(settings, hub or CountingHub())
    new = await parts.ledger.keys.create(KeyRequest(AccessRole.ADMIN, None, "first"))
    url = f"http://127.0.0.1:{settings.gateway.port}"
    headers = {"authorization": f"Bearer {new.plain}"}
    async with (
        httpx.AsyncClient(base_url=url, headers=headers, timeout=WITHIN_S) as admin,
        asyncio.TaskGroup() as group,
    ):
        serving = group.create_task(app.serve(parts))
        helpers = []
        made = group.create_task
        gateway = Gateway(parts, url, parts.watchers.hub, admin, _Kept(made, helpers))

        async def ready() -> bool:
            with contextlib.suppress(httpx.ConnectError):
                return (await admin.get("/readyz")).status_code == 200
            return False

        await until(ready)
        try:
            yield gateway
        finally:
            for task in (*helpers, serving):
                task.cancel()


class _Kept:
    """A task group that remembers what it started, so that a test can end it."""

    def __init__(self, make: Callable[..., Any], kept: list[Any]) -> None:
        self._make = make
        self._kept = kept

    def create_task(self, work: Any) -> Any:
        task = self._make(work)
        self._kept.append(task)
        return task
