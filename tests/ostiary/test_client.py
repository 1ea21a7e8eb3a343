"""The client against a real ledger: it resumes, acknowledges, reconnects and resolves names."""

import asyncio
import http.server
import os
import signal
import socket
import threading
from collections.abc import Callable, Iterator
from itertools import islice
from typing import Any

import pytest
from fakes.ledger_real import owned, with_ledger
from fakes.ledger_records import a_person, an_alert
from redis.exceptions import AuthenticationError

import ostiary.client
import ostiary.inbox
from ostiary.client import Alert, Subscription, subscribe
from streams.ledger.ledger import Ledger

pytestmark = [pytest.mark.integration, pytest.mark.slow]


def subscription(server: Any, name: str = "desk") -> Subscription:
    """Make a subscriber and return its subscription."""

    async def work(ledger: Ledger) -> str:
        return (await ledger.subscribers.add(name)).password

    return subscribe(server.url, name, with_ledger(server, work))


def write(server: Any, *numbers: int, **changes: Any) -> None:
    async def work(ledger: Ledger) -> None:
        token = await owned(ledger)
        for number in numbers:
            await ledger.alerts.write(an_alert(number, **changes), token)

    with_ledger(server, work)


def pending(server: Any) -> int:
    async def work(ledger: Ledger) -> int:
        return int((await ledger.redis.xpending("ostiary:inbox:desk", "desk"))["pending"])

    return with_ledger(server, work)


def numbers(alerts: Any) -> list[int]:
    return [int(alert.id, 16) for alert in alerts]


def test_three_lines_receive_kinds_and_names(make_server: Any) -> None:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
    server = make_server("ledger", listen_port=port)

    async def enrol(ledger: Ledger) -> str:
        await ledger.people.put(a_person("p-19"))
        return (await ledger.subscribers.add("night-desk")).password

    password = with_ledger(server, enrol)
    write(server, 1, person_id="p-19")
    write(server, 2)
    received = []
    for alert in subscribe(f"redis://127.0.0.1:{port}", "night-desk", password):
        received.append((alert.kind, alert.name))
        if len(received) == 2:
            break
    assert received == [("unknown", "Grace Hopper"), ("unknown", None)]


def test_what_was_treated_is_acknowledged_and_the_rest_comes_again(ledger_server: Any) -> None:
    desk = subscription(ledger_server)
    write(ledger_server, 1, 2, 3)
    first = iter(desk)
    assert numbers(islice(first, 2)) == [1, 2]  # asking for the second acknowledged the first
    first.close()  # type: ignore[attr-defined]
    assert pending(ledger_server) == 2
    again = iter(desk)
    assert numbers(islice(again, 2)) == [2, 3]
    write(ledger_server, 4)
    assert numbers(islice(again, 1)) == [4]
    again.close()  # type: ignore[attr-defined]
    assert pending(ledger_server) == 1


def test_a_repeat_is_dropped(ledger_server: Any) -> None:
    desk = subscription(ledger_server)
    write(ledger_server, 1)

    async def repeat(ledger: Ledger) -> None:
        (_, fields), *_ = await ledger.redis.xrange("ostiary:inbox:desk")
        await ledger.redis.xadd("ostiary:inbox:desk", fields)
        await ledger.redis.xadd("ostiary:inbox:desk", {"a-field-of-tomorrow": "?"})

    with_ledger(ledger_server, repeat)
    write(ledger_server, 2)
    assert numbers(islice(desk, 2)) == [1, 2]


def test_a_replay_begins_where_it_is_told_and_acknowledges_nothing(ledger_server: Any) -> None:
    desk = subscription(ledger_server)
    write(ledger_server, 1, 2, 3)
    everything = list(islice(desk.replay("0"), 3))
    assert numbers(everything) == [1, 2, 3]
    assert numbers(islice(desk.replay(everything[0].cursor), 2)) == [2, 3]
    assert pending(ledger_server) == 0
    assert numbers(islice(desk, 3)) == [1, 2, 3]


def test_one_cursor_is_valid_in_the_inbox_and_on_alerts(ledger_server: Any) -> None:
    desk = subscription(ledger_server)
    write(ledger_server, 1, 2)

    async def read(ledger: Ledger) -> list[str]:
        return [entry.cursor for entry in await ledger.alerts.read("0")]

    assert [alert.cursor for alert in islice(desk, 2)] == with_ledger(ledger_server, read)


@pytest.mark.parametrize("end", ["kill", "stop"])
def test_it_outlives_the_ledger(ledger_server: Any, end: str) -> None:
    desk = subscription(ledger_server)
    write(ledger_server, 1)
    received: list[int] = []
    arrived = threading.Condition()

    def read() -> None:
        for alert in desk:
            with arrived:
                received.append(int(alert.id, 16))
                arrived.notify()
            if len(received) == 3:
                return

    reader = threading.Thread(target=read)
    reader.start()
    wait_for(arrived, lambda: received == [1])
    getattr(ledger_server, end)()
    ledger_server.start()
    write(ledger_server, 2, 3)
    reader.join(30)
    assert received == [1, 2, 3]


def wait_for(condition: threading.Condition, wanted: Callable[[], bool]) -> None:
    with condition:
        assert condition.wait_for(wanted, 30)


def test_async_for_works_and_outlives_the_ledger_too(ledger_server: Any) -> None:
    desk = subscription(ledger_server)
    write(ledger_server, 1)

    async def read() -> list[int]:
        async with asyncio.timeout(30):
            alerts = aiter(desk)
            received = [int((await anext(alerts)).id, 16)]
            await asyncio.to_thread(ledger_server.kill)
            await ledger_server.running.start()
            await asyncio.to_thread(write, ledger_server, 2)
            received.append(int((await anext(alerts)).id, 16))
            replayed = desk.areplay("0")
            assert [int((await anext(replayed)).id, 16) for _ in range(2)] == [1, 2]
            return received

    assert asyncio.run(read()) == [1, 2]


def test_a_cancelled_reader_ends_at_once(ledger_server: Any) -> None:
    desk = subscription(ledger_server)

    async def read() -> None:
        async for _ in desk:
            pass

    async def cancel_often() -> None:
        for number in range(60):
            reading = asyncio.create_task(read())
            await asyncio.sleep(number / 2000)
            reading.cancel()
            done, _ = await asyncio.wait([reading], timeout=5)
            assert done
            assert reading.cancelled()

    asyncio.run(cancel_often())


def test_it_leaves_a_ledger_that_froze(ledger_server: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(ostiary.client, "SILENCE_S", 0.5)
    monkeypatch.setattr(ostiary.inbox, "BLOCK_MS", 100)
    desk = subscription(ledger_server)
    write(ledger_server, 1, 2)

    async def read() -> list[int]:
        async with asyncio.timeout(30):
            alerts = aiter(desk)
            received = [int((await anext(alerts)).id, 16)]
            os.kill(ledger_server.running.pid, signal.SIGSTOP)
            waiting = asyncio.create_task(anext(alerts))  # type: ignore[arg-type]
            await asyncio.wait([waiting], timeout=1.5)  # longer than it bears the silence
            os.kill(ledger_server.running.pid, signal.SIGCONT)
            return [*received, int((await waiting).id, 16)]

    assert asyncio.run(read()) == [1, 2]


def test_two_processes_share_the_alerts(ledger_server: Any) -> None:
    desk = subscription(ledger_server)
    one, other = iter(desk.as_consumer("one")), iter(desk.as_consumer("other"))
    write(ledger_server, 1)
    assert numbers(islice(one, 1)) == [1]
    write(ledger_server, 2)
    assert numbers(islice(other, 1)) == [2]


def test_a_wrong_password_is_said_at_once(ledger_server: Any) -> None:
    subscription(ledger_server)
    with pytest.raises(AuthenticationError):
        next(iter(subscribe(ledger_server.url, "desk", "wrong")))


def test_an_erased_name_is_not_resolved(ledger_server: Any) -> None:
    desk = subscription(ledger_server)

    async def enrol(ledger: Ledger) -> None:
        await ledger.people.put(a_person("p-19"))

    async def erase(ledger: Ledger) -> None:
        async def nobody() -> list[str]:
            return []

        async def drop(snapshots: object) -> None:
            return None

        await ledger.people.erase("p-19", nobody, drop)

    with_ledger(ledger_server, enrol)
    write(ledger_server, 1, person_id="p-19")
    assert next(desk.replay()).name == "Grace Hopper"
    with_ledger(ledger_server, erase)
    (alert,) = islice(desk.replay(), 1)
    assert (alert.person_id, alert.name) == ("p-19", None)


@pytest.fixture
def pictures() -> Iterator[str]:
    """An API that has the picture e-1 for the key `right`."""

    class Handler(http.server.BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            known = self.path == "/api/v1/evidence/e-1"
            allowed = self.headers["Authorization"] == "Bearer right"
            self.send_response(200 if known and allowed else 404 if allowed else 401)
            self.end_headers()
            self.wfile.write(b"JPEG")

        def log_message(self, *_: object) -> None:
            pass

    with http.server.ThreadingHTTPServer(("127.0.0.1", 0), Handler) as server:
        thread = threading.Thread(target=server.serve_forever, args=(0.01,))
        thread.start()
        yield f"http://127.0.0.1:{server.server_port}/"
        server.shutdown()
        thread.join()


def test_pictures_come_from_the_api(pictures: str) -> None:
    desk = subscribe("unix:///none", "desk", "pw", pictures, "right")
    assert desk.snapshot(Alert("1-1", "unknown", evidence={"snapshot": "e-1"})) == b"JPEG"
    assert desk.snapshot(Alert("1-1", "unknown", evidence={"snapshot": "e-2"})) is None
    assert desk.snapshot(Alert("1-1", "unknown", evidence={"snapshot": None})) is None
    with pytest.raises(ValueError, match="api=URL"):
        subscribe("unix:///none", "desk", "pw").snapshot(Alert("1-1", "unknown"))
    assert "right" not in repr(desk)
    assert "pw" not in repr(desk)
