"""Knows which servers are embedded and keeps them alive. Does not know what they hold."""

import asyncio
import time
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

from config.schema import Settings
from ostiary.supervisor.restart import Lives, after_end
from ostiary.supervisor.terminal import Terminal
from streams.secrets import SecretBox
from streams.servers import FOR_BUS, FOR_LEDGER, open_box
from streams.valkey import EmbeddedValkey, ValkeyFailed, ValkeyPlan, socket_path


@dataclass(frozen=True, slots=True)
class KeptServer:
    """An embedded server, and what must be done whenever it began a new life."""

    server: EmbeddedValkey
    again: Callable[[], Awaitable[None]]


def plans(settings: Settings, home: Path, box: SecretBox) -> list[ValkeyPlan]:
    """The servers that nobody named by a URL, and which therefore run here."""
    found = []
    if settings.bus.url is None:
        found.append(_plan("bus", home, box.derive(FOR_BUS), settings))
    if settings.ledger.url is None:
        found.append(_plan("ledger", home, box.derive(FOR_LEDGER), settings))
    return found


def _plan(
    kind: Literal["bus", "ledger"], home: Path, password: str, settings: Settings
) -> ValkeyPlan:
    bus = kind == "bus"
    return ValkeyPlan(
        kind=kind,
        folder=home / kind,
        socket=socket_path(home, kind),
        password=password,
        memory_bytes=settings.bus.memory_bytes if bus else None,
        listen_port=None if bus else settings.ledger.listen_port,
    )


async def keep_server(kept: KeptServer, terminal: Terminal) -> None:
    """Start the server again whenever it ends, until cancelled."""
    name = kept.server.plan.kind
    lives = Lives()
    started_ns = time.monotonic_ns()
    while True:
        code = await kept.server.wait()
        step = after_end(lives, started_ns, time.monotonic_ns())
        lives = step.lives
        terminal.say(name, f"ended ({ending(code)}); starts again", "warning")
        await asyncio.sleep(step.delay_s)
        started_ns = time.monotonic_ns()
        try:
            await kept.server.start()
            await kept.again()
        except ValkeyFailed as error:
            terminal.say(name, str(error), "error")
            continue
        terminal.say(name, "runs again")


def ending(code: int) -> str:
    """An exit status in words: a signal by its number, else the code."""
    return f"signal {-code}" if code < 0 else f"exit code {code}"


class NotEmbedded(Exception):
    """A URL names this server, so it runs elsewhere."""


async def serve_alone(settings: Settings, kind: Literal["bus", "ledger"]) -> None:
    """Run one embedded server until cancelled, for a process manager other than `up`.

    Raises NotEmbedded, BadKeyFile, ValkeyFailed (also where the server ends by itself).
    """
    home = settings.home
    box = open_box(settings, create=True)
    chosen = [plan for plan in plans(settings, home, box) if plan.kind == kind]
    if not chosen:
        raise NotEmbedded(f"{kind}.url names another server: there is none to run here.")
    server = EmbeddedValkey(chosen[0])
    await server.start()
    try:
        code = await server.wait()
    finally:
        await server.stop()
    raise ValkeyFailed(f"The {kind} ended by itself ({ending(code)}); see {chosen[0].log}.")
