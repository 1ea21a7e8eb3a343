"""Whatever is killed in the whole demo comes back, and every alert stays one story with one id."""

import json
import signal
import threading
from collections.abc import Iterator
from typing import Any

import psutil
import pytest
from fakes.installation import eventually, free_port
from fakes.whole_system import WholeSystem, one_story_each, whole_system

from ostiary.client import subscribe

pytestmark = [pytest.mark.fault, pytest.mark.slow, pytest.mark.timeout(900)]

BACK_WITHIN_S = 90.0


class Desk:
    """A subscriber that is connected all the time, through our own client."""

    def __init__(self, system: WholeSystem, port: int) -> None:
        done = system.installation.ostiary("subscriber", "add", "night-desk", "--json")
        assert done.returncode == 0, done.stderr
        told: dict[str, Any] = json.loads(done.stdout)
        self.received: list[tuple[str, int]] = []
        url = f"redis://127.0.0.1:{port}"
        self._alerts = subscribe(url, "night-desk", told["password"])
        self._thread = threading.Thread(target=self._receive, daemon=True)
        self._thread.start()

    def _receive(self) -> None:
        for alert in self._alerts:
            self.received.append((alert.id, alert.revision))


@pytest.fixture(scope="module")
def port() -> int:
    return free_port()


@pytest.fixture(scope="module")
def system(port: int) -> Iterator[WholeSystem]:
    with whole_system("--set", f"ledger.listen_port={port}") as running:
        yield running


@pytest.fixture(scope="module")
def desk(system: WholeSystem, port: int) -> Desk:
    return Desk(system, port)


def children_named(system: WholeSystem, word: str) -> list[psutil.Process]:
    found = []
    for one in system.installation.children():
        try:
            line = " ".join(one.cmdline())
            if word in line or one.cwd() == str(system.installation.home / word):
                found.append(one)
        except psutil.Error:
            continue
    return found


def goes_on(system: WholeSystem) -> bool:
    return system.analysed("lobby") > 0.5 and system.analysed("studio") > 0.5


@pytest.mark.parametrize(
    "word", ["streams.codecs.child", "worker", "ingest", "gateway", "rtsp_server", "bus", "ledger"]
)
def test_what_is_killed_comes_back_and_alerts_go_on(
    system: WholeSystem, desk: Desk, word: str
) -> None:
    assert eventually(lambda: goes_on(system), BACK_WITHIN_S), system.installation.said()
    victims = children_named(system, word)
    assert victims, [one.cmdline() for one in system.installation.children()]
    before = len(system.revisions())
    victims[0].send_signal(signal.SIGKILL)
    assert eventually(lambda: not victims[0].is_running(), 10)

    def more() -> bool:
        try:
            return goes_on(system) and len(system.revisions()) > before
        except AssertionError:
            return False  # the gateway or the ledger is not back yet

    assert eventually(more, BACK_WITHIN_S), system.installation.said()
    one_story_each(system.revisions())


def test_the_subscriber_got_every_revision_once(system: WholeSystem, desk: Desk) -> None:
    """After all those kills: what stands on `alerts` is what the subscriber received."""

    def same() -> bool:
        written = {(one["id"], one["revision"]) for one in system.revisions()}
        return written <= set(desk.received)

    assert eventually(same, 60)
    assert len(desk.received) == len(set(desk.received))


def test_nobody_known_has_two_open_alerts_of_one_rule(system: WholeSystem, desk: Desk) -> None:
    """An id is a hash of rule and visit: two of one person would be two visits at once."""
    active: dict[str, tuple[str, str | None]] = {}
    for one in system.revisions():
        active.pop(one["id"], None)
        if one["state"] in ("opened", "updated"):
            active[one["id"]] = (one["kind"], one["name"])
        known = [key for key in active.values() if key[1] is not None]
        assert len(known) == len(set(known)), active


def test_killed_workers_cameras_go_to_the_other_with_their_alerts() -> None:
    """Two workers; the owner of the lobby dies; the other goes on within 5 s, ids unchanged."""
    with whole_system(workers=2) as system:
        assert eventually(lambda: goes_on(system), BACK_WITHIN_S)

        def open_alert() -> dict[str, Any] | None:
            last = {one["id"]: one for one in system.revisions()}
            alive = [one for one in last.values() if one["state"] in ("opened", "updated")]
            return alive[-1] if alive else None

        assert eventually(lambda: open_alert() is not None, 60)
        alert = open_alert()
        assert alert is not None
        owner = next(one for one in system.get("/status")["cameras"] if one["id"] == "lobby")
        workers = children_named(system, "worker")
        victim = _process_of(owner["worker"], workers)
        victim.send_signal(signal.SIGKILL)

        def elsewhere() -> bool:
            found = next(one for one in system.get("/status")["cameras"] if one["id"] == "lobby")
            return found["worker"] not in (None, owner["worker"])

        assert eventually(elsewhere, 15)

        def finished() -> bool:
            return any(
                one["id"] == alert["id"] and one["state"] in ("closed", "withdrawn")
                for one in system.revisions()
            )

        assert eventually(finished, 90)
        one_story_each(system.revisions())


def _process_of(worker_id: str, workers: list[psutil.Process]) -> psutil.Process:
    """A worker's id ends with its process id."""
    return next(one for one in workers if worker_id.endswith(f"-{one.pid}"))
