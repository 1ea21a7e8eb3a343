"""Knows what must stand in the ledger and the home before processes start. Starts none."""

import asyncio
from dataclasses import dataclass
from pathlib import Path

from config.cameras import Camera
from config.schema import Settings
from ostiary.supervisor.home import write_private
from streams.bus.connection import AWAY
from streams.bus.run import bus_run
from streams.ledger.access import AccessRole, KeyRequest
from streams.ledger.ledger import Ledger
from streams.secrets import SecretBox
from streams.servers import ledger_password, ledger_url, open_box, open_bus

WAIT_FOR_SERVERS_S = 60.0
LOOK_AGAIN_S = 0.25
ADMIN_LABEL = "first admin key"
CLI_LABEL = "command line of this machine"


@dataclass(frozen=True, slots=True)
class Prepared:
    """What the set-up found and made."""

    first_admin_key: str | None
    cli_key: str
    taken_over: tuple[str, ...]  # cameras of the API that the file now names


def cli_key_file(home: Path) -> Path:
    """The command line's own key."""
    return home / "cli.key"


def admin_key_file(home: Path) -> Path:
    """Where the first admin key is put when no terminal can show it."""
    return home / "admin.key"


async def prepare(settings: Settings, home: Path, box: SecretBox) -> Prepared:
    """Check the servers, load the ledger's functions, make the first keys, enter file cameras.

    Raises WrongKey where the ledger was sealed with another key, and what redis raises.
    """
    await name_bus(settings, box)
    ledger = await open_ledger(settings, box)
    try:
        await ledger.subscribers.apply_acl()
        first = await _first_admin_key(ledger)
        cli_key = await _cli_key(ledger, home)
        taken_over = await _file_cameras(ledger, settings)
    finally:
        await ledger.aclose()
    return Prepared(first, cli_key, taken_over)


async def prepare_alone(settings: Settings) -> str:
    """Prepare servers that something else has started, waiting for them; return what to say.

    Raises BadKeyFile, WrongKey, and what redis raises if they are not there in time.
    """
    settings.home.mkdir(parents=True, exist_ok=True, mode=0o700)
    box = open_box(settings, create=True)
    async with asyncio.timeout(WAIT_FOR_SERVERS_S):
        while True:
            try:
                prepared = await prepare(settings, settings.home, box)
                break
            except AWAY:
                await asyncio.sleep(LOOK_AGAIN_S)
    if prepared.first_admin_key is None:
        return "Everything was prepared before."
    file = admin_key_file(settings.home)
    write_private(file, prepared.first_admin_key)
    return f"The first admin key was written to {file}."


async def open_ledger(settings: Settings, box: SecretBox) -> Ledger:
    """Connect to the ledger; its functions are loaded on the way."""
    return await Ledger.connect(ledger_url(settings), ledger_password(settings, box), box)


async def name_bus(settings: Settings, box: SecretBox) -> None:
    """Give the bus's present life its name."""
    bus = open_bus(settings, box)
    try:
        await bus_run(bus)
    finally:
        await bus.aclose()


async def apply_users(settings: Settings, box: SecretBox) -> None:
    """Give subscribers their access again after the ledger's restart."""
    ledger = await open_ledger(settings, box)
    try:
        await ledger.subscribers.apply_acl()
    finally:
        await ledger.aclose()


async def _first_admin_key(ledger: Ledger) -> str | None:
    if any(
        key.role is AccessRole.ADMIN and key.label != CLI_LABEL for key in await ledger.keys.all()
    ):
        return None
    return (await ledger.keys.create(KeyRequest(AccessRole.ADMIN, None, ADMIN_LABEL))).plain


async def _cli_key(ledger: Ledger, home: Path) -> str:
    file = cli_key_file(home)
    if file.exists():
        plain = file.read_text("utf-8").strip()
        if await ledger.keys.verify(plain) is not None:
            return plain
    for key in await ledger.keys.all():
        if key.label == CLI_LABEL:
            await ledger.keys.revoke(key.id)
    plain = (await ledger.keys.create(KeyRequest(AccessRole.ADMIN, None, CLI_LABEL))).plain
    write_private(file, plain)
    return plain


async def _file_cameras(ledger: Ledger, settings: Settings) -> tuple[str, ...]:
    """Make the ledger's file cameras those of the file; one of the API that it names gives way."""
    stored = {camera.id: camera for camera in await ledger.cameras.all()}
    taken_over = []
    for camera in settings.cameras.values():
        before = stored.get(camera.id)
        if before is not None and before.managed_by == "api":
            taken_over.append(camera.id)
        if before is None or _meaning(before) != _meaning(camera):
            await ledger.cameras.put(camera)
    for before in stored.values():
        if before.managed_by == "file" and before.id not in settings.cameras:
            await ledger.cameras.remove(before.id)
    return tuple(taken_over)


def _meaning(camera: Camera) -> dict[str, object]:
    """Everything that was set, without the ledger's own count of changes."""
    return camera.model_dump(exclude={"revision"})
