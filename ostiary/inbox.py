"""Knows what stands in a subscriber's inbox and what to ask for next. Has no connection.

Theory of operation. First come the entries that were delivered to this consumer before and not
acknowledged, then those left by consumers that are gone, then new ones. After a lost connection
it begins anew with the first, and what was delivered meanwhile is acknowledged in silence.
"""

import json
import socket
from collections import OrderedDict
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, Final

from redis.exceptions import AuthenticationError, NoPermissionError, ResponseError
from redis.exceptions import ConnectionError as RedisConnectionError
from redis.exceptions import TimeoutError as RedisTimeoutError

PREFIX: Final = "ostiary:"
GAP: Final = "gap"
COUNT: Final = 32
BLOCK_MS: Final = 2000
CLAIM_AFTER_MS: Final = 60_000
FIRST_PAUSE_S: Final = 0.1
LONGEST_PAUSE_S: Final = 5.0
REMEMBERED: Final = 10_000
AWAY: Final = (RedisConnectionError, RedisTimeoutError, OSError)

Fields = Mapping[bytes, bytes]
Command = tuple[str | int, ...]


@dataclass(frozen=True, slots=True)
class Alert:
    """One revision of an alert, as it stands in the inbox.

    cursor: where it stands; `replay(cursor)` goes on after it. name: of the person, if known and
    not erased since. `kind` "gap": the inbox was full, `dropped` alerts are missing before here
    (the API still has them for 30 days); then the other fields are empty.
    """

    cursor: str
    kind: str
    id: str = ""
    revision: int = 0
    camera: str = ""
    state: str = ""
    active: bool = False
    severity: str = ""
    person_id: str | None = None
    name: str | None = None
    opened_at: str = ""
    seen_at: str = ""
    evidence: Mapping[str, Any] = field(default_factory=dict)
    dropped: int = 0


def parse(entry_id: bytes, fields: Fields) -> Alert | None:
    """Read one inbox entry; None for what this version does not understand."""
    cursor = entry_id.decode()
    try:
        if b"gap" in fields:
            return Alert(cursor, GAP, dropped=int(json.loads(fields[b"gap"])["dropped"]))
        found = json.loads(fields[b"alert"])
        return Alert(
            cursor=cursor,
            kind=str(found["kind"]),
            id=str(found["id"]),
            revision=int(found["revision"]),
            camera=str(found["camera"]),
            state=str(found["state"]),
            active=bool(found["active"]),
            severity=str(found["severity"]),
            person_id=(found["subject"] or {}).get("person_id"),
            opened_at=str(found["opened_at"]),
            seen_at=str(found["seen_at"]),
            evidence=dict(found["evidence"]),
        )
    except (AttributeError, KeyError, TypeError, ValueError):
        return None


class Seen:
    """The newest revision of each alert delivered so far. Bound: 10,000, the oldest go."""

    def __init__(self) -> None:
        self._revisions: OrderedDict[str, int] = OrderedDict()

    def covers(self, alert: Alert) -> bool:
        """Return whether this revision, or one above it, was delivered."""
        return alert.kind != GAP and alert.revision <= self._revisions.get(alert.id, 0)

    def note(self, alert: Alert) -> None:
        """Remember a delivery."""
        if alert.kind == GAP:
            return
        self._revisions[alert.id] = alert.revision
        self._revisions.move_to_end(alert.id)
        while len(self._revisions) > REMEMBERED:
            self._revisions.popitem(last=False)


@dataclass(frozen=True, slots=True)
class Reader:
    """Who reads. consumer: several processes that share the work need a name each, and the same
    one after a restart, so that what was not acknowledged comes again.
    """

    name: str
    consumer: str = field(default_factory=socket.gethostname)

    @property
    def inbox(self) -> str:
        return f"{PREFIX}inbox:{self.name}"

    @property
    def names(self) -> str:
        return f"{PREFIX}names:{self.name}"


@dataclass(slots=True)
class Reading:
    """One pass over an inbox. cursor: read after it and acknowledge nothing; None: as a group."""

    reader: Reader
    cursor: str | None = None
    backlog: str | None = "0"
    claimed_s: float = float("-inf")
    connected: bool = False
    pause_s: float = FIRST_PAUSE_S
    seen: Seen = field(default_factory=Seen)

    def command(self, now_s: float) -> Command:
        """Return the next command to read with."""
        wait = ("COUNT", COUNT, "BLOCK", BLOCK_MS, "STREAMS", self.reader.inbox)
        if self.cursor is not None:
            return ("XREAD", *wait, self.cursor)
        group = (self.reader.name, self.reader.consumer)
        if self.backlog is not None:
            return ("XREADGROUP", "GROUP", *group, *wait, self.backlog)
        if now_s - self.claimed_s >= CLAIM_AFTER_MS / 1000:
            self.claimed_s = now_s
            return ("XAUTOCLAIM", self.reader.inbox, *group, CLAIM_AFTER_MS, "0", "COUNT", COUNT)
        return ("XREADGROUP", "GROUP", *group, *wait, ">")

    def entries(self, asked: Command, reply: Any) -> list[tuple[bytes, Fields | None]]:
        """Return the entries in the reply to `command`; call `done` after each."""
        self.connected, self.pause_s = True, FIRST_PAUSE_S
        found = reply[1] if asked[0] == "XAUTOCLAIM" else reply[0][1] if reply else []
        if not found and self.backlog is not None:
            self.backlog = None
        return [(entry_id, fields) for entry_id, fields in found]

    def wanted(self, entry_id: bytes, fields: Fields | None) -> Alert | None:
        """Return the alert to deliver; None for one delivered before, unknown, or gone since."""
        if not fields or self._told_before(fields):
            return None
        alert = parse(entry_id, fields)
        return None if alert is None or self.seen.covers(alert) else alert

    def done(self, entry_id: bytes) -> Command | None:
        """Go on after an entry; return how to acknowledge it."""
        if self.cursor is not None:
            self.cursor = entry_id.decode()
            return None
        if self.backlog is not None:
            self.backlog = entry_id.decode()
        return ("XACK", self.reader.inbox, self.reader.name, entry_id.decode())

    def pause_after(self, error: Exception) -> float:
        """Return how long to wait before trying again; raise what waiting cannot mend."""
        refused = isinstance(error, AuthenticationError | NoPermissionError)
        # A ledger that has just restarted may not know its users yet; at first it is a mistake.
        if refused and not self.connected:
            raise error
        missing = isinstance(error, ResponseError) and "NOGROUP" in str(error)
        if not (refused or missing or isinstance(error, AWAY)):
            raise error
        self.backlog, self.claimed_s = "0", float("-inf")
        pause_s, self.pause_s = self.pause_s, min(2 * self.pause_s, LONGEST_PAUSE_S)
        return pause_s

    def _told_before(self, fields: Fields) -> bool:
        """Whether a gap speaks only of what this cursor is past already."""
        if self.cursor is None or b"gap" not in fields:
            return False
        return _order(json.loads(fields[b"gap"])["last"]) <= _order(self.cursor)


def _order(entry_id: str) -> tuple[int, int]:
    ms, _, number = entry_id.partition("-")
    return int(ms), int(number or 0)
