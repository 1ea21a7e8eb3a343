"""The embedded servers: private from the first start, alone in their folder, gone with us."""

import asyncio
import os
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

import pytest
from redis.asyncio import Redis
from redis.asyncio.retry import Retry
from redis.backoff import NoBackoff
from redis.exceptions import OutOfMemoryError, RedisError

import streams.valkey as valkey
from streams.valkey import EmbeddedValkey, ValkeyFailed, ValkeyPlan, arguments, socket_path

pytestmark = [pytest.mark.integration, pytest.mark.slow]


def connect(server: Any, **changes: Any) -> Redis:
    once = Retry(NoBackoff(), 0)
    chosen = {"username": "ostiary", "password": server.password, "protocol": 2, "retry": once}
    chosen |= changes
    return Redis(unix_socket_path=str(server.plan.socket), **chosen)


async def ask(redis: Redis, *command: Any) -> Any:
    try:
        return await redis.execute_command(*command)
    finally:
        await redis.aclose()


def test_without_a_password_nothing_works_from_the_first_start(bus_server: Any) -> None:
    for username, password in ((None, None), ("default", ""), ("ostiary", "wrong")):
        with pytest.raises(RedisError, match=r"uthenticat|invalid username-password"):
            asyncio.run(ask(connect(bus_server, username=username, password=password), "PING"))
    assert asyncio.run(ask(connect(bus_server), "PING"))


def test_no_secret_stands_on_the_command_line_or_in_a_file(ledger_server: Any) -> None:
    command = Path(f"/proc/{ledger_server.running.pid}/cmdline").read_text()
    assert ledger_server.password not in command
    assert ledger_server.password not in " ".join(arguments(ledger_server.plan))
    for file in ledger_server.plan.folder.rglob("*"):
        assert file.is_dir() or ledger_server.password.encode() not in file.read_bytes()
    assert ledger_server.plan.aclfile.stat().st_mode & 0o077 == 0
    assert ledger_server.plan.folder.stat().st_mode & 0o077 == 0


def test_the_ledger_remembers_after_a_crash_and_the_bus_forgets(
    ledger_server: Any, bus_server: Any
) -> None:
    for server in (ledger_server, bus_server):
        asyncio.run(ask(connect(server), "SET", "ostiary:word", "kept"))
        server.kill()
        server.start()
    assert asyncio.run(ask(connect(ledger_server), "GET", "ostiary:word")) == b"kept"
    assert asyncio.run(ask(connect(bus_server), "GET", "ostiary:word")) is None


def test_a_full_bus_refuses_and_evicts_nothing(make_server: Any) -> None:
    server = make_server("bus", memory_bytes=4 * 2**20)

    async def fill() -> int:
        redis = connect(server)
        written = 0
        try:
            with pytest.raises(OutOfMemoryError):
                for written in range(1000):
                    await redis.set(f"ostiary:{written}", b"x" * 100_000)
            assert await redis.dbsize() == written
            return written
        finally:
            await redis.aclose()

    assert 20 <= asyncio.run(fill()) < 60


def test_users_made_later_survive_a_restart_and_ours_follows_the_key(ledger_server: Any) -> None:
    asyncio.run(ask(connect(ledger_server), "ACL", "SETUSER", "night", "on", ">pw", "+ping"))
    asyncio.run(ask(connect(ledger_server), "ACL", "SAVE"))
    ledger_server.restart()
    assert asyncio.run(ask(connect(ledger_server, username="night", password="pw"), "PING"))
    with pytest.raises(RedisError, match="uthenticat"):
        asyncio.run(ask(connect(ledger_server, username=None, password=None), "PING"))


def test_its_log_is_bounded(ledger_server: Any) -> None:
    ledger_server.stop()
    ledger_server.plan.log.write_text("x" * 2_000_000)
    ledger_server.start()
    assert ledger_server.plan.log.stat().st_size < 100_000
    ledger_server.restart()
    logs = sorted(one.name for one in ledger_server.plan.folder.glob("*log*"))
    assert logs == ["valkey.log", "valkey.log.1"]


def test_a_folder_belongs_to_one_server_at_a_time(
    ledger_server: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(valkey, "READY_WITHIN_S", 0.2)
    second = EmbeddedValkey(ledger_server.plan)
    with pytest.raises(ValkeyFailed, match="another Valkey"):
        asyncio.run(second.start())
    assert asyncio.run(ask(connect(ledger_server), "PING"))


def test_whoever_supervises_learns_of_the_end(bus_server: Any) -> None:
    async def watch() -> int:
        async with asyncio.timeout(5), asyncio.TaskGroup() as tasks:
            waiting = tasks.create_task(bus_server.running.wait())
            await asyncio.sleep(0)
            os.kill(bus_server.running.pid, 9)
        return waiting.result()

    assert asyncio.run(watch()) == -9
    assert bus_server.running.pid is None


def test_a_server_that_cannot_start_says_why(tmp_path: Path) -> None:
    folder = tmp_path / "ledger"
    plan = ValkeyPlan("ledger", folder, tmp_path / "s", "pw", listen_port=1)
    (folder / "appendonlydir").mkdir(parents=True)
    (folder / "appendonlydir" / "appendonly.aof.manifest").write_text("nonsense\n")
    with pytest.raises(ValkeyFailed, match="ended at its start"):
        asyncio.run(EmbeddedValkey(plan).start())


CHILD = """
import asyncio, sys
from pathlib import Path
from streams.valkey import EmbeddedValkey, ValkeyPlan
folder = Path(sys.argv[1])
server = EmbeddedValkey(ValkeyPlan("bus", folder / "bus", folder / "s", "pw"))
async def main():
    await server.start()
    print(server.pid, flush=True)
    await asyncio.Event().wait()
asyncio.run(main())
"""


def test_it_dies_with_a_killed_parent(tmp_path: Path) -> None:
    parent = subprocess.Popen(
        [sys.executable, "-c", CHILD, str(tmp_path)], stdout=subprocess.PIPE, text=True
    )
    assert parent.stdout is not None
    pid = int(parent.stdout.readline())
    parent.kill()
    parent.wait()
    until_s = time.monotonic() + 10
    while _alive(pid):
        assert time.monotonic() < until_s
        time.sleep(0.02)


def _alive(pid: int) -> bool:
    try:
        return Path(f"/proc/{pid}/stat").read_text().split()[2] != "Z"
    except FileNotFoundError:
        return False


def test_a_long_home_gets_a_short_socket_and_a_short_one_its_own(tmp_path: Path) -> None:
    assert socket_path(Path("/srv/o"), "bus") == Path("/srv/o/run/bus.sock")
    long = Path("/srv") / ("x" * 120)
    assert len(os.fsencode(socket_path(long, "ledger"))) <= 107
    assert socket_path(long, "ledger") != socket_path(long, "bus")
    assert socket_path(long, "bus") != socket_path(long / "y", "bus")


def test_the_listener_is_opened_by_its_setting_alone_and_on_loopback(tmp_path: Path) -> None:
    closed = arguments(ValkeyPlan("ledger", tmp_path, tmp_path / "s", "pw"))
    assert closed[closed.index("--port") + 1] == "0"
    opened = arguments(ValkeyPlan("ledger", tmp_path, tmp_path / "s", "pw", listen_port=6380))
    assert opened[opened.index("--port") + 1] == "6380"
    assert opened[opened.index("--bind") + 1] == "127.0.0.1"
