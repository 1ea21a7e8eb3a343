"""Knows the order in which an installation starts, is kept running and stops.

Does not know what its processes do.
"""

import asyncio
import contextlib
import os
import shutil
import signal
import socket
import sys
import time
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path

from config.schema import Settings
from ostiary.supervisor.address import api_url
from ostiary.supervisor.children import Child, ChildPlan, ostiary_command
from ostiary.supervisor.home import only_one, write_private
from ostiary.supervisor.logs import RotatedFile
from ostiary.supervisor.restart import Lives, after_end
from ostiary.supervisor.servers import KeptServer, ending, keep_server, plans
from ostiary.supervisor.setup import (
    Prepared,
    admin_key_file,
    apply_users,
    name_bus,
    prepare,
)
from ostiary.supervisor.terminal import Terminal
from streams.secrets import SecretBox
from streams.servers import open_box
from streams.valkey import EmbeddedValkey

READY_POLL_S = 0.2
SLOW_START_S = 20.0
BESIDE = "status   (also: alerts tail, camera add, person enrol, doctor, --help)"


class PortTaken(Exception):
    """Another program listens where the gateway should."""


@dataclass(frozen=True, slots=True)
class Start:
    """What `ostiary up` was asked for."""

    settings: Settings
    flags: tuple[str, ...]  # by which each process finds the same settings
    demo: bool = False
    environment: dict[str, str] = field(default_factory=dict, repr=False)


async def up(start: Start, terminal: Terminal) -> None:
    """Run everything until SIGINT, SIGTERM or SIGHUP; then nothing is left behind.

    Raises AlreadyRunning, PortTaken, BadKeyFile, WrongKey, ValkeyFailed.
    """
    task = asyncio.current_task()
    loop = asyncio.get_running_loop()
    for number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
        # nohup asks to outlive the terminal; a shell's background job must still end by SIGINT.
        if number is not signal.SIGHUP or signal.getsignal(number) is not signal.SIG_IGN:
            loop.add_signal_handler(number, partial(_told_to_stop, task, terminal))
    home = start.settings.home
    home.mkdir(parents=True, exist_ok=True, mode=0o700)
    with only_one(home, api_url(start.settings), start.settings.tls.cert):
        _check_port(start.settings)
        box = open_box(start.settings, create=True)
        with contextlib.suppress(asyncio.CancelledError):
            await Supervisor(start, box, terminal).run()
    terminal.say("up", "everything has stopped")


def _told_to_stop(task: "asyncio.Task[None] | None", terminal: Terminal) -> None:
    if task is not None:
        task.cancel()
        terminal.say("up", "stopping (again to kill)" if task.cancelling() == 1 else "killing")


def _check_port(settings: Settings) -> None:
    host, port = settings.gateway.host, settings.gateway.port
    try:
        family = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM)[0][0]
        with socket.socket(family, socket.SOCK_STREAM) as trial:
            trial.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            trial.bind((host, port))
    except OSError as error:
        raise PortTaken(f"{host}:{port} cannot be listened on: {error.strerror}.") from error


class Supervisor:
    """One run of an installation: servers, set-up, processes, welcome."""

    def __init__(self, start: Start, box: SecretBox, terminal: Terminal) -> None:
        self._settings = start.settings
        self._home: Path = start.settings.home
        self._start = start
        self._box = box
        self._terminal = terminal

    async def run(self) -> None:
        """Start all, keep all, until cancelled; then processes end before their servers."""
        begun_ns = time.monotonic_ns()
        servers = [EmbeddedValkey(plan) for plan in plans(self._settings, self._home, self._box)]
        try:
            for server in servers:
                await server.start()
            prepared = await prepare(self._settings, self._home, self._box)
            for camera in prepared.taken_over:
                self._terminal.say("up", f"camera {camera} is now managed by the file", "warning")
            async with asyncio.TaskGroup() as tasks:
                for server in servers:
                    tasks.create_task(keep_server(self._kept(server), self._terminal))
                for plan in self._processes():
                    tasks.create_task(self.keep(plan))
                tasks.create_task(self._open(tasks, prepared, begun_ns))
        finally:
            await asyncio.gather(*(server.stop() for server in servers))

    def _kept(self, server: EmbeddedValkey) -> KeptServer:
        again = name_bus if server.plan.kind == "bus" else apply_users
        return KeptServer(server, partial(again, self._settings, self._box))

    def _processes(self) -> list[ChildPlan]:
        def plan(name: str, command: str) -> ChildPlan:
            words = (command, *self._start.flags)
            return ChildPlan(name, ostiary_command(*words), self._start.environment)

        workers = [plan(f"worker-{n + 1}", "worker") for n in range(self._settings.worker.count)]
        if workers:  # it needs what they need
            workers.append(self._analysis())
        return [plan("gateway", "gateway"), plan("ingest", "ingest"), *workers]

    def _analysis(self) -> ChildPlan:
        command = ostiary_command(*self._start.flags, "analyze", "--job")
        return ChildPlan("analysis", command, self._start.environment)

    async def keep(self, plan: ChildPlan) -> None:
        """Run a process, and again whenever it ends, until cancelled."""
        log = RotatedFile(self._home / "logs" / f"{plan.name}.log")
        lives = Lives()
        while True:
            child = Child(plan, log, partial(self._terminal.note, plan.name))
            started_ns = time.monotonic_ns()
            code = await child.run()
            step = after_end(lives, started_ns, time.monotonic_ns())
            lives = step.lives
            what = f"ended ({ending(code)}); starts again in {step.delay_s:.1f} s"
            self._terminal.say(plan.name, what, "warning")
            if code > 0 and (words := child.last_words()):
                self._terminal.say(plan.name, words, "error")
            await asyncio.sleep(step.delay_s)

    def _hand_over(self, prepared: Prepared) -> tuple[str, str]:
        """Say the first admin key on a terminal alone; else put it into a private file."""
        key = prepared.first_admin_key
        if key is None:
            return "Log in", f"with your key; a new one: {self._command()} key create --role admin"
        if self._terminal.interactive:
            return "Admin key", f"{key} (shown once: keep it)"
        file = admin_key_file(self._home)
        write_private(file, key)
        return "Admin key", f"written to {file}"

    async def _open(self, tasks: asyncio.TaskGroup, prepared: Prepared, begun_ns: int) -> None:
        """Wait until the page can be opened, bring up the demo, and say so."""
        key_row = self._hand_over(prepared)
        key = prepared.first_admin_key if self._terminal.interactive else None
        try:
            await self._until_ready()
            if self._start.demo:
                await self._bring_up_demo(tasks, prepared)
        except asyncio.CancelledError:
            if key:
                self._terminal.say("up", ": ".join(key_row))
            raise
        took_s = (time.monotonic_ns() - begun_ns) / 1e9
        self._terminal.welcome(
            page=f"{api_url(self._settings)}/" + (f"#key={key}" if key else ""),
            rows=[
                key_row,
                ("Beside it", f"{self._command()} {BESIDE}"),
                ("Logs", str(self._home / "logs")),
                ("Started", f"in {took_s:.1f} s, process {os.getpid()}"),
                ("Stop", "Ctrl-C"),
            ],
        )

    def _command(self) -> str:
        """How the command line is called from where this one was, for this home."""
        program = Path(sys.argv[0])
        if shutil.which("ostiary"):
            text = "ostiary"
        elif program.name == "ostiary":
            text = os.path.relpath(program)
        else:
            text = f"{Path(sys.executable).name} -m ostiary.cli"
        usual = Settings().home.expanduser()
        named = os.environ.get("OSTIARY_HOME")
        return text if named or self._home == usual else f"{text} --home {self._home}"

    async def _bring_up_demo(self, tasks: asyncio.TaskGroup, prepared: Prepared) -> None:
        from ostiary.supervisor.demo import Demo, DemoFailed, DemoPlace

        password = self._box.derive("demo")
        place = DemoPlace(self._home, api_url(self._settings), prepared.cli_key, password)
        demo = Demo(place, self._terminal)
        try:
            folder = await demo.render()
            port = await demo.port()
            tasks.create_task(self.keep(demo.server(folder, port)))
            try:
                await demo.enrol()
            finally:
                await demo.add_cameras(port)
        except DemoFailed as error:
            self._terminal.say("demo", str(error), "error")
        finally:
            await demo.aclose()

    async def _until_ready(self) -> None:
        import httpx

        begun_ns = time.monotonic_ns()
        said = False
        async with httpx.AsyncClient(verify=False, trust_env=False) as client:  # noqa: S501
            while True:
                try:
                    answer = await client.get(api_url(self._settings) + "/readyz", timeout=2)
                    if answer.status_code == 200:
                        return
                    why = answer.text[:200]
                except httpx.HTTPError:
                    why = "the gateway does not answer yet"
                if not said and time.monotonic_ns() - begun_ns > SLOW_START_S * 1e9:
                    said = True
                    self._terminal.say("up", f"not ready yet: {why}", "warning")
                await asyncio.sleep(READY_POLL_S)
