"""`ostiary alerts tail`: nothing is lost or doubled while gateway and ledger die under it."""

import asyncio
import json
import signal
import subprocess
import sys
import threading
from collections.abc import Iterator

import pytest
from fakes.installation import Installation, MakeInstallation, eventually
from fakes.ledger_records import a_person, an_alert

from config.load import Request, load
from ostiary.supervisor.setup import open_ledger
from streams.servers import open_box

pytestmark = [pytest.mark.fault, pytest.mark.slow, pytest.mark.timeout(300)]


@pytest.fixture(scope="module")
def here(make_installation: MakeInstallation) -> Installation:
    one = make_installation()
    one.start()
    return one


def raise_alerts(here: Installation, numbers: range, person: str | None = None) -> None:
    """Write alerts as a worker would: under the camera's fence."""
    settings = load(Request(home=here.home, environ={})).settings

    async def main() -> None:
        ledger = await open_ledger(settings, open_box(settings))
        try:
            token = await ledger.fences.issue("lobby")
            await ledger.fences.claim("lobby", token)
            for number in numbers:
                await ledger.alerts.write(an_alert(number, person_id=person), token)
        finally:
            await ledger.aclose()

    asyncio.run(main())


class Tail:
    """A running `alerts tail --json`, and the lines it has printed."""

    def __init__(self, here: Installation, *flags: str) -> None:
        self.found: list[dict] = []
        self.process = subprocess.Popen(
            [sys.executable, "-m", "ostiary.cli", "alerts", "tail", "--json", *flags],
            env=here.environ,
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
        )
        self._reader = threading.Thread(target=self._read, daemon=True)
        self._reader.start()

    def _read(self) -> None:
        for line in self.process.stdout or ():
            self.found.append(json.loads(line))

    def numbers(self) -> list[int]:
        return [int(alert["id"], 16) for alert in self.found]

    def end(self) -> int:
        self.process.send_signal(signal.SIGINT)
        code = self.process.wait(20)
        self._reader.join(20)
        return code


@pytest.fixture
def tail(here: Installation) -> Iterator[Tail]:
    one = Tail(here, "--since", "0")
    yield one
    if one.process.poll() is None:
        one.process.kill()
        one.process.wait(20)


def test_nothing_is_lost_or_doubled_while_servers_die(here: Installation, tail: Tail) -> None:
    raise_alerts(here, range(1, 4))
    assert eventually(lambda: tail.numbers() == [1, 2, 3]), tail.numbers()
    here.child("gateway").kill()
    raise_alerts(here, range(4, 7))
    assert eventually(lambda: tail.numbers() == [1, 2, 3, 4, 5, 6], 90), tail.numbers()
    here.child("ledger").kill()
    assert eventually(lambda: writes(here, range(7, 9)), 60)
    assert eventually(lambda: tail.numbers() == list(range(1, 9)), 90), tail.numbers()
    cursors = [alert["cursor"] for alert in tail.found]
    assert len(set(cursors)) == len(cursors)
    assert tail.end() == 0


def writes(here: Installation, numbers: range) -> bool:
    from redis.exceptions import RedisError

    try:
        raise_alerts(here, numbers)
    except (RedisError, OSError):
        return False
    return True


def test_a_cursor_goes_on_where_it_was(here: Installation) -> None:
    raise_alerts(here, range(20, 23))
    lines = here.ostiary("alerts", "tail", "--json", "--no-follow", "--since", "0").stdout
    found = [json.loads(line) for line in lines.splitlines()]
    after = found[-2]["cursor"]
    rest = here.ostiary("alerts", "tail", "--json", "--no-follow", "--since", after).stdout
    assert [json.loads(line)["id"] for line in rest.splitlines()] == [found[-1]["id"]]


def test_lines_for_people_hold_the_name(here: Installation) -> None:
    settings = load(Request(home=here.home, environ={})).settings

    async def enrol() -> None:
        ledger = await open_ledger(settings, open_box(settings))
        try:
            await ledger.people.put(a_person("p-77", "Ada [Lovelace]"))
        finally:
            await ledger.aclose()

    asyncio.run(enrol())
    raise_alerts(here, range(40, 41), "p-77")
    assert eventually(
        lambda: "Ada [Lovelace]" in here.ostiary("alerts", "tail", "--no-follow").stdout
    )
    text = here.ostiary("alerts", "tail", "--no-follow").stdout
    line = next(one for one in text.splitlines() if "Ada" in one)
    assert "unknown" in line
    assert "lobby" in line
    assert "opened" in line
