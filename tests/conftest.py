"""Knows the fixtures every room's tests share: real Valkey servers of their own."""

import asyncio
import shutil
import signal
import tempfile
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

import pytest
from hypothesis import settings

from streams.valkey import EmbeddedValkey, ValkeyPlan

PASSWORD = "the-password-of-a-test-server"
MakeServer = Callable[..., "Server"]


def pytest_configure() -> None:
    """Hear the terminal's signals even where the shell that started this ignores them.

    `nohup` and a background job pass that on to every child, and tests interrupt children.
    """
    for number in (signal.SIGINT, signal.SIGHUP):
        if signal.getsignal(number) is signal.SIG_IGN:
            signal.signal(number, signal.default_int_handler)
    settings.register_profile("house", deadline=None)  # on a busy machine time proves nothing
    settings.load_profile("house")


@dataclass(slots=True)
class Server:
    """A real Valkey on a socket of its own; `kill` is a crash, `restart` keeps the files."""

    running: EmbeddedValkey

    @property
    def plan(self) -> ValkeyPlan:
        return self.running.plan

    @property
    def url(self) -> str:
        return self.running.url

    @property
    def password(self) -> str:
        return self.plan.password

    def start(self) -> None:
        asyncio.run(self.running.start())

    def stop(self) -> None:
        asyncio.run(self.running.stop())

    def kill(self) -> None:
        asyncio.run(self.running.kill())

    def restart(self) -> None:
        self.stop()
        self.start()


@pytest.fixture
def make_server() -> Iterator[MakeServer]:
    """Yield a function that starts servers; all of them are gone after the test."""
    folder = Path(tempfile.mkdtemp(prefix="ostiary-"))  # short: socket paths are bounded
    servers: list[Server] = []

    def make(
        kind: Literal["bus", "ledger"],
        memory_bytes: int | None = None,
        listen_port: int | None = None,
        password: str = PASSWORD,
    ) -> Server:
        name = f"{kind}{len(servers)}"
        plan = ValkeyPlan(
            kind, folder / name, folder / f"{name}.sock", password, memory_bytes, listen_port
        )
        server = Server(EmbeddedValkey(plan))
        servers.append(server)
        server.start()
        return server

    try:
        yield make
    finally:
        for server in servers:
            server.kill()
        shutil.rmtree(folder, ignore_errors=True)


@pytest.fixture
def bus_server(make_server: MakeServer) -> Server:
    """A bus: volatile, 64 MiB."""
    return make_server("bus", memory_bytes=64 * 2**20)


@pytest.fixture
def ledger_server(make_server: MakeServer) -> Server:
    """A ledger: durable, every write on the disk before it is confirmed."""
    return make_server("ledger")
