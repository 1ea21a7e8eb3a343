"""The two ways without our client that the README shows: redis-cli, and redis-py in ten lines."""

import json
import shutil
import socket
import subprocess
import sys
from dataclasses import dataclass
from typing import Any

import pytest
from fakes.ledger_real import owned, with_ledger
from fakes.ledger_records import a_person, an_alert

from streams.ledger.ledger import Ledger

pytestmark = [pytest.mark.integration, pytest.mark.slow]

TEN_LINES = """
import json, redis
ledger = redis.Redis(port=PORT, username="night-desk", password=PASSWORD, protocol=2)
inbox, names = "ostiary:inbox:night-desk", "ostiary:names:night-desk"
while True:
    reply = ledger.xreadgroup("night-desk", "desk-1", {inbox: ">"}, count=10, block=2000)
    for entry_id, fields in reply[0][1] if reply else []:
        alert = json.loads(fields.get(b"alert", b'{"kind": "gap"}'))
        person = (alert.get("subject") or {}).get("person_id")
        print(alert["kind"], alert.get("state"), person and ledger.hget(names, person))
        ledger.xack(inbox, "night-desk", entry_id)
"""


@dataclass(frozen=True, slots=True)
class Listening:
    """Where a subscriber connects, and its password."""

    port: int
    password: str


@pytest.fixture
def listening(make_server: Any) -> Listening:
    """A ledger that listens, with one alert in the inbox of night-desk."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
    server = make_server("ledger", listen_port=port)

    async def prepare(ledger: Ledger) -> str:
        new = await ledger.subscribers.add("night-desk")
        await ledger.people.put(a_person("p-19"))
        await ledger.alerts.write(an_alert(person_id="p-19"), await owned(ledger))
        return new.password

    return Listening(port, with_ledger(server, prepare))


@pytest.mark.skipif(shutil.which("redis-cli") is None, reason="redis-cli: apt install redis-tools")
def test_redis_cli_reads_and_acknowledges(listening: Listening) -> None:
    def ask(*command: str) -> str:
        login = [
            "redis-cli",
            "-p",
            str(listening.port),
            "--user",
            "night-desk",
            "--no-auth-warning",
        ]
        return subprocess.run(
            [*login, *command],
            env={"REDISCLI_AUTH": listening.password, "PATH": "/usr/bin:/bin"},
            capture_output=True,
            text=True,
            timeout=20,
            check=True,
        ).stdout

    inbox = "ostiary:inbox:night-desk"
    read = ask("XREADGROUP", "GROUP", "night-desk", "me", "BLOCK", "2000", "STREAMS", inbox, ">")
    _, entry_id, field, record = read.split("\n")[:4]
    assert field == "alert"
    assert json.loads(record) == an_alert(person_id="p-19").record()
    assert ask("HGET", "ostiary:names:night-desk", "p-19") == "Grace Hopper\n"
    assert ask("XACK", inbox, "night-desk", entry_id) == "1\n"
    assert "NOPERM" in ask("XADD", inbox, "*", "alert", "{}")


def test_redis_py_reads_in_ten_lines(listening: Listening) -> None:
    assert len(TEN_LINES.strip().splitlines()) == 10
    script = TEN_LINES.replace("PORT", str(listening.port)).replace(
        "PASSWORD", repr(listening.password)
    )
    with subprocess.Popen(
        [sys.executable, "-u", "-c", script], stdout=subprocess.PIPE, text=True
    ) as reader:
        assert reader.stdout is not None
        assert reader.stdout.readline() == "unknown opened b'Grace Hopper'\n"
        reader.kill()
