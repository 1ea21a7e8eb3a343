"""Knows the name of every key on both servers. Does not know what stands under them."""

from engine.packets import Role

PREFIX = "ostiary:"

ALERTS = PREFIX + "alerts"
BUS_RUN = PREFIX + "bus:run"
CHANGES = PREFIX + "changes"
EVIDENCE = PREFIX + "evidence"
LEASE_EVIDENCE = PREFIX + "lease:evidence"


def packets(camera: str, role: Role) -> str:
    """The stream of a camera's access units."""
    return f"{PREFIX}packets:{camera}:{role}"


def source(camera: str, role: Role) -> str:
    """The hash of a source's live state."""
    return f"{PREFIX}source:{camera}:{role}"


def observations(camera: str) -> str:
    """The stream of what a worker saw."""
    return f"{PREFIX}observations:{camera}"


def lease(camera: str) -> str:
    """The lease of the worker that owns a camera."""
    return f"{PREFIX}lease:{camera}"


def lease_source(camera: str) -> str:
    """The lease of the ingest that owns a camera's connection."""
    return f"{PREFIX}lease:source:{camera}"


def worker(worker_id: str) -> str:
    """The heartbeat of a worker."""
    return f"{PREFIX}worker:{worker_id}"


def appearance(camera: str) -> str:
    """The hash of open visits' vectors."""
    return f"{PREFIX}appearance:{camera}"


def request(kind: str) -> str:
    """The stream of requests of one kind."""
    return f"{PREFIX}request:{kind}"


def reply(request_id: str) -> str:
    """The list that one request's reply is pushed to."""
    return f"{PREFIX}reply:{request_id}"


def evidence_written(evidence_id: str) -> str:
    """The mark that a snapshot was written to its file."""
    return f"{PREFIX}evidence:written:{evidence_id}"


def fence(camera: str) -> str:
    """Ledger: the numbers issued and accepted for a camera."""
    return f"{PREFIX}fence:{camera}"


def record(kind: str, record_id: str) -> str:
    """Ledger: a record: camera, person, key, subscriber, visit or alert."""
    return f"{PREFIX}{kind}:{record_id}"


def open_visits(camera: str) -> str:
    """Ledger: the set of a camera's open visits."""
    return f"{PREFIX}visits:open:{camera}"


def inbox(subscriber: str) -> str:
    """Ledger: a subscriber's stream of alerts."""
    return f"{PREFIX}inbox:{subscriber}"


def names(subscriber: str) -> str:
    """Ledger: person id to name, of the people in a subscriber's inbox."""
    return f"{PREFIX}names:{subscriber}"
