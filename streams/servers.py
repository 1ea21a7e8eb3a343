"""Knows how a process reaches its bus, its ledger and its key. Does not know what it does there."""

from pathlib import Path
from typing import Final

from redis.asyncio import Redis

from config.schema import Settings
from streams.bus.connection import connect
from streams.secrets import SecretBox
from streams.valkey import USER, socket_path

FOR_BUS: Final = "bus"  # what SecretBox.derive is asked for
FOR_LEDGER: Final = "ledger"


def home(settings: Settings) -> Path:
    """Return the folder of all state, absolute."""
    return settings.home.expanduser().absolute()


def key_file(settings: Settings) -> Path:
    """Return where the installation's key stands."""
    return settings.secrets.key_file or home(settings) / "secret.key"


def open_box(settings: Settings, create: bool = False) -> SecretBox:
    """Open the installation's key; create it only where everything starts."""
    return SecretBox.open(key_file(settings), create)


def bus_url(settings: Settings) -> str:
    """Return the bus's URL: the operator's, else the embedded server's socket."""
    if settings.bus.url is not None:
        return settings.bus.url.get_secret_value()
    return f"unix://{socket_path(home(settings), 'bus')}"


def ledger_url(settings: Settings) -> str:
    """Return the ledger's URL: the operator's, else the embedded server's socket."""
    if settings.ledger.url is not None:
        return settings.ledger.url.get_secret_value()
    return f"unix://{socket_path(home(settings), 'ledger')}"


def open_bus(settings: Settings, box: SecretBox) -> Redis:
    """Return a client of the bus; nothing is sent yet."""
    if settings.bus.url is not None:
        return connect(bus_url(settings))  # a foreign server: its URL holds user and password
    return connect(bus_url(settings), USER, box.derive(FOR_BUS))


def ledger_password(settings: Settings, box: SecretBox) -> str | None:
    """Return the embedded ledger's password; None where the operator's URL holds it."""
    return None if settings.ledger.url is not None else box.derive(FOR_LEDGER)
