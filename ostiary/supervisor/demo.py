"""Knows how the demo is brought up: scenes, their RTSP server, cameras and people.

Does not know how scenes are drawn, nor how cameras are pulled.
"""

import asyncio
import os
import socket
import sys
import time
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any, Final
from urllib.parse import urlsplit

import httpx

from ostiary.demo.plan import PLAN, USER, DemoCamera, DemoPerson
from ostiary.supervisor.children import Child, ChildPlan
from ostiary.supervisor.logs import RotatedFile, Said
from ostiary.supervisor.terminal import Terminal

HOST: Final = "127.0.0.1"
FIRST_PORT: Final = 8554  # RTSP's usual alternative
PORTS: Final = 200
PASSWORD_VARIABLE: Final = "OSTIARY_DEMO_PASSWORD"  # noqa: S105  # its name, not its value
WORKER_WITHIN_S: Final = 120.0
TRIES: Final = 5
POLL_S: Final = 0.3


class DemoFailed(Exception):
    """The demo could not be set up; the text says which part and where to look."""


@dataclass(frozen=True, slots=True)
class DemoPlace:
    """Where the demo keeps its files, and what opens the API and its RTSP server."""

    home: Path
    api: str
    key: str
    password: str

    @property
    def folder(self) -> Path:
        """Where rendered scenes are kept; OSTIARY_DEMO_CACHE shares them among homes."""
        return Path(os.environ.get("OSTIARY_DEMO_CACHE") or self.home / "demo")


class Demo:
    """The demo of one installation; doing it again changes nothing."""

    def __init__(self, place: DemoPlace, terminal: Terminal) -> None:
        self._place = place
        self._terminal = terminal
        self._client = httpx.AsyncClient(
            base_url=place.api + "/api/v1",
            headers={"Authorization": f"Bearer {place.key}"},
            verify=False,  # noqa: S501  # this machine's own gateway
            trust_env=False,
            timeout=90,
        )

    async def render(self) -> Path:
        """Render the scenes that are not there yet; return their folder. Raises DemoFailed."""
        command = (sys.executable, "-m", "ostiary.supervisor.render", str(self._place.folder))
        log = RotatedFile(self._place.home / "logs" / "demo-scenes.log")
        folders: list[Path] = []
        with self._terminal.progress("Drawing the demo's scenes (once)") as bar:

            def note(said: Said) -> None:
                if said.event == "rendering":
                    bar(int(said.values["done"]), int(said.values["total"]))
                elif said.event == "rendered":
                    folders.append(Path(said.values["folder"]))

            code = await Child(ChildPlan("demo", command), log, note).run()
        if code != 0 or not folders:
            raise DemoFailed(f"The demo's scenes were not drawn: {log.path} says why.")
        return folders[0]

    def server(self, folder: Path, port: int) -> ChildPlan:
        """The process that serves the scenes as cameras."""
        module = (sys.executable, "-m", "ostiary.demo.rtsp_server")
        flags = ("--media", str(folder), "--host", HOST, "--port", str(port), "--user", USER)
        password = {PASSWORD_VARIABLE: self._place.password}
        return ChildPlan("demo", (*module, *flags, "--password-env", PASSWORD_VARIABLE), password)

    async def port(self) -> int:
        """The port of the last run where it is free, else the first free one."""
        addresses = [
            urlsplit(str(one["url"])) for one in (await self._cameras()).values() if _is_ours(one)
        ]
        candidates: list[int] = [address.port for address in addresses if address.port]
        candidates += range(FIRST_PORT, FIRST_PORT + PORTS)
        for port in candidates:
            if _is_free(port):
                return port
        raise DemoFailed(f"No port from {FIRST_PORT} to {FIRST_PORT + PORTS} is free.")

    async def enrol(self) -> None:
        """Enrol the demo's people who are not there, once a worker can look at them."""
        there = {one["name"] for one in (await self._get("/people"))["people"]}
        missing = [person for person in PLAN.people if person.name not in there]
        if not missing:
            return
        until_s = time.monotonic() + WORKER_WITHIN_S
        while not (await self._get("/status"))["workers"]:
            if time.monotonic() > until_s:
                raise DemoFailed("No worker came up, so nobody was enrolled: see the logs.")
            await asyncio.sleep(POLL_S)
        for person in missing:
            self._terminal.say("demo", f"enrols {person.name}")
            await self._again(partial(self._enrol, person))

    async def add_cameras(self, port: int) -> None:
        """Add the demo's cameras, or put their addresses right; others of that name stay."""
        there = await self._cameras()
        for camera in PLAN.cameras:
            found = there.get(camera.id)
            wanted = self._fields(camera, port)
            if found is None:
                body = {"id": camera.id, "kind": "rtsp", **_switches(camera), **wanted}
                await self._again(partial(self._send, "POST", "/cameras", body))
                self._terminal.say("demo", f"added camera {camera.id}")
            elif not _is_ours(found):
                self._terminal.say("demo", f"camera {camera.id} is your own: left alone", "warning")
            else:
                path = f"/cameras/{camera.id}"
                await self._again(partial(self._send, "PATCH", path, wanted))

    async def aclose(self) -> None:
        """Close the connections."""
        await self._client.aclose()

    def _fields(self, camera: DemoCamera, port: int) -> dict[str, str]:
        base = f"rtsp://{HOST}:{port}/"
        found = {"url": base + camera.stream}
        if camera.sub_stream:
            found["sub_url"] = base + camera.sub_stream
        return {**found, "username": USER, "password": self._place.password}

    async def _cameras(self) -> dict[str, dict[str, Any]]:
        return {one["id"]: one for one in (await self._get("/cameras"))["cameras"]}

    async def _enrol(self, person: DemoPerson) -> None:
        files = [
            ("photos", (path.name, path.read_bytes(), "application/octet-stream"))
            for path in person.photos
        ]
        data = {"name": person.name, "consent": person.consent}
        answer = await self._client.post("/people", data=data, files=files)
        _demand(answer, f"{person.name} was not enrolled")

    async def _send(self, method: str, path: str, body: Mapping[str, Any]) -> None:
        _demand(await self._client.request(method, path, json=dict(body)), f"{method} {path}")

    async def _get(self, path: str) -> dict[str, Any]:
        found: dict[str, Any] = {}

        async def get() -> None:
            answer = await self._client.get(path)
            _demand(answer, path)
            found.update(answer.json())

        await self._again(get)
        return found

    async def _again(self, call: Callable[[], Awaitable[None]]) -> None:
        """Call, and again a few times where the gateway is away for a moment."""
        for left in range(TRIES - 1, -1, -1):
            try:
                await call()
                return
            except (httpx.HTTPError, _Busy) as error:
                if not left:
                    raise DemoFailed(f"The demo's set-up gave up: {error}.") from error
                await asyncio.sleep(1.0)


class _Busy(Exception):
    """The gateway asks to come back in a moment."""


def _demand(answer: httpx.Response, what: str) -> None:
    if answer.status_code == 503:
        raise _Busy(f"{what}: {answer.text[:200]}")
    if answer.is_error:
        raise DemoFailed(f"{what}: {answer.text[:200]}")


def _is_ours(camera: Mapping[str, Any]) -> bool:
    """Whether a camera is the demo's, and not somebody's own of the same name."""
    address = urlsplit(str(camera.get("url") or ""))
    streams = {one.id: one.stream for one in PLAN.cameras}
    return (
        address.hostname == HOST
        and camera.get("username") == USER
        and address.path == f"/{streams.get(camera['id'])}"
    )


def _switches(camera: DemoCamera) -> dict[str, Any]:
    return {
        "purpose": camera.purpose,
        "because": camera.because,
        "mask_required": camera.mask_required,
        "alert_unknown": camera.alert_unknown,
    }


def _is_free(port: int) -> bool:
    with socket.socket(socket.AF_INET, socket.SOCK_STREAM) as trial:
        trial.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            trial.bind((HOST, port))
        except OSError:
            return False
    return True
