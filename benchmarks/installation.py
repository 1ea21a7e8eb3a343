"""Starts a whole installation of its own for a measurement, and the cameras that feed it."""

import asyncio
import contextlib
import json
import os
import shutil
import signal
import socket
import sys
import tempfile
from collections.abc import AsyncIterator, Mapping
from dataclasses import dataclass
from pathlib import Path

import httpx
from pydantic import SecretStr
from redis.asyncio import Redis

from config.cameras import Camera, parse_address
from config.schema import Settings
from engine.purpose import Purpose
from streams.ledger.ledger import Ledger
from streams.servers import ledger_password, ledger_url, open_box, open_bus

READY_WITHIN_S = 180.0
PASSWORD = "benchmark"
CACHE = Path.home() / ".cache" / "ostiary-benchmarks"


@dataclass(frozen=True, slots=True)
class Generator:
    """The RTSP server process: its port, its pid, and the log of what it sent when."""

    port: int
    pid: int
    send_times: Path

    def camera(self, camera_id: str, stream: str, sub: str | None = None) -> Camera:
        """Return a camera with all rules on, on one of the generator's streams."""
        main = f"rtsp://127.0.0.1:{self.port}"
        return Camera(
            id=camera_id,
            url=parse_address(f"{main}/{stream}").url,
            sub_url=f"{main}/{sub}" if sub else None,
            username="demo",
            password=SecretStr(PASSWORD),
            mask_required=True,
            alert_unknown=True,
            purpose=Purpose.PEOPLE,
        )


@dataclass(frozen=True, slots=True)
class Installation:
    """A running system: its process, its servers, its page."""

    pid: int
    home: Path
    port: int
    bus: Redis
    ledger: Ledger

    @property
    def key(self) -> str:
        """The key with which the command line talks to the gateway."""
        return (self.home / "cli.key").read_text().strip()


@contextlib.asynccontextmanager
async def installation(*flags: str) -> AsyncIterator[Installation]:
    """Run `ostiary up` on a home of its own; converted networks are kept between runs.

    flags: "section.key=value", as `--set` takes them.
    """
    home = Path(tempfile.mkdtemp(prefix="ostiary-bench-"))
    networks = CACHE / "networks"
    if networks.exists():
        shutil.copytree(networks, home / "cache" / "networks")
    port = free_port()
    process = await asyncio.create_subprocess_exec(
        sys.executable, "-m", "ostiary.cli", "--home", str(home),
        "--set", f"gateway.port={port}", *(part for one in flags for part in ("--set", one)),
        "up",
        stdout=asyncio.subprocess.DEVNULL, stderr=asyncio.subprocess.DEVNULL,
    )  # fmt: skip
    try:
        await _ready(process, port)
        with contextlib.suppress(FileExistsError):
            shutil.copytree(home / "cache" / "networks", networks)
        settings = Settings(home=home)
        box = open_box(settings)
        ledger = await Ledger.connect(ledger_url(settings), ledger_password(settings, box), box)
        yield Installation(process.pid, home, port, open_bus(settings, box), ledger)
        await ledger.aclose()
    finally:
        if process.returncode is None:
            process.send_signal(signal.SIGINT)
            await process.wait()
        shutil.rmtree(home, ignore_errors=True)


async def _ready(process: asyncio.subprocess.Process, port: int) -> None:
    async with httpx.AsyncClient() as client, asyncio.timeout(READY_WITHIN_S):
        while True:
            if process.returncode is not None:
                raise RuntimeError(f"ostiary up ended with {process.returncode}")
            with contextlib.suppress(httpx.HTTPError):
                if (await client.get(f"http://127.0.0.1:{port}/readyz")).status_code == 200:
                    return
            await asyncio.sleep(0.25)


@contextlib.asynccontextmanager
async def generator(files: Mapping[str, Path], stagger_ms: int = 37) -> AsyncIterator[Generator]:
    """Serve files as cameras in a process of their own, each so much later than the one before."""
    folder = Path(tempfile.mkdtemp(prefix="ostiary-bench-"))
    log = folder / "sent.jsonl"
    names = [f"--file={name}={path}" for name, path in files.items()]
    process = await asyncio.create_subprocess_exec(
        sys.executable, "-m", "ostiary.demo.rtsp_server", *names, "--send-times", str(log),
        "--password-env", "OSTIARY_BENCH", "--stagger-ms", str(stagger_ms),
        env={**os.environ, "OSTIARY_BENCH": PASSWORD}, stdout=asyncio.subprocess.PIPE,
    )  # fmt: skip
    try:
        assert process.stdout is not None
        line = await asyncio.wait_for(process.stdout.readline(), 120)
        yield Generator(json.loads(line)["port"], process.pid, log)
    finally:
        if process.returncode is None:
            process.terminate()
            await process.wait()
        shutil.rmtree(folder, ignore_errors=True)


def free_port() -> int:
    """Return a port that nobody listens on now."""
    with socket.socket() as listener:
        listener.bind(("127.0.0.1", 0))
        return int(listener.getsockname()[1])
