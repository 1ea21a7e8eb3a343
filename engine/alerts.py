"""Knows one alert's record, its revisions and its states. Does not know rules' reasons to exist.

Theory of operation. An alert is one evolving record per rule and visit. Its id is a hash of the
two, so whoever owns the camera next continues the same record. Each change is a new revision
with the whole record; a reader that has seen a revision drops every one that is not above it.
`active` says whether the rule is broken now; `state` says where the record stands in its life.
A withdrawn record may be taken up again within its visit: the id stays, the revision grows.
"""

import hashlib
import json
from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import StrEnum
from typing import Any, Final, Self

from engine.rfc3339 import from_rfc3339, to_rfc3339
from engine.rules import RuleKind, Severity


class AlertState(StrEnum):
    """Where an alert's record stands in its life."""

    OPENED = "opened"
    UPDATED = "updated"
    CLOSED = "closed"
    WITHDRAWN = "withdrawn"


class AlertEvent(StrEnum):
    """What can happen to an alert."""

    OPEN = "open"
    CHANGE = "change"
    CLOSE = "close"
    WITHDRAW = "withdraw"


class AlertReason(StrEnum):
    """Why an alert was withdrawn, or closed otherwise than by the end of its visit."""

    RECOGNISED = "recognised"
    MISTAKEN = "mistaken"
    ERASED = "erased"
    HANDED_OVER = "handed_over"
    RULE_REMOVED = "rule_removed"
    CAMERA_CHANGED = "camera_changed"


OVER: Final = frozenset({AlertState.CLOSED, AlertState.WITHDRAWN})

# A pair that is not here is a defect and raises. None: there is no record yet.
TRANSITIONS: Final[Mapping[tuple[AlertState | None, AlertEvent], AlertState]] = {
    (None, AlertEvent.OPEN): AlertState.OPENED,
    (AlertState.OPENED, AlertEvent.CHANGE): AlertState.UPDATED,
    (AlertState.OPENED, AlertEvent.CLOSE): AlertState.CLOSED,
    (AlertState.OPENED, AlertEvent.WITHDRAW): AlertState.WITHDRAWN,
    (AlertState.UPDATED, AlertEvent.CHANGE): AlertState.UPDATED,
    (AlertState.UPDATED, AlertEvent.CLOSE): AlertState.CLOSED,
    (AlertState.UPDATED, AlertEvent.WITHDRAW): AlertState.WITHDRAWN,
    (AlertState.WITHDRAWN, AlertEvent.CHANGE): AlertState.UPDATED,
}


def next_state(state: AlertState | None, event: AlertEvent) -> AlertState:
    """Return the state after an event; ValueError for a pair that the table does not hold."""
    try:
        return TRANSITIONS[state, event]
    except KeyError:
        raise ValueError(f"an alert that is {state} cannot {event}") from None


def alert_id(rule_id: str, visit_id: str) -> str:
    """Return the id of the one alert of a rule and a visit: 32 hex digits."""
    return hashlib.sha256(f"alert\0{rule_id}\0{visit_id}".encode()).hexdigest()[:32]


@dataclass(frozen=True, slots=True)
class Evidence:
    """What an alert rests on.

    votes: how many views were counted. score, threshold: of the statement, 0..1.
    models: purpose to "name@version". snapshot: id of the best picture so far.
    """

    votes: int
    score: float
    threshold: float
    models: Mapping[str, str] = field(default_factory=dict)
    snapshot: str | None = None


@dataclass(frozen=True, slots=True)
class AlertRevision:
    """One revision of an alert: the whole record. Times are whole milliseconds, in ns UTC."""

    id: str
    revision: int
    kind: RuleKind
    camera: str
    state: AlertState
    active: bool
    person_id: str | None
    severity: Severity
    opened_ns: int
    seen_ns: int
    evidence: Evidence
    reason: AlertReason | None = None

    @property
    def over(self) -> bool:
        """Whether nothing is going on any more: closed or withdrawn."""
        return self.state in OVER

    def record(self) -> dict[str, Any]:
        """Return the record as the contract writes it; `reason` stands in it only if there is."""
        evidence = self.evidence
        found: dict[str, Any] = {
            "id": self.id,
            "revision": self.revision,
            "kind": self.kind.value,
            "camera": self.camera,
            "state": self.state.value,
            "active": self.active,
            "subject": None if self.person_id is None else {"person_id": self.person_id},
            "severity": self.severity.value,
            "opened_at": to_rfc3339(self.opened_ns),
            "seen_at": to_rfc3339(self.seen_ns),
            "evidence": {
                "votes": evidence.votes,
                "score": round(evidence.score, 4),
                "threshold": evidence.threshold,
                "models": dict(evidence.models),
                "snapshot": evidence.snapshot,
            },
        }
        if self.reason is not None:
            found["reason"] = self.reason.value
        return found

    def to_json(self) -> str:
        """Return the record as one line of JSON."""
        return json.dumps(self.record(), separators=(",", ":"))

    @classmethod
    def from_record(cls, found: Mapping[str, Any]) -> Self:
        """Read a record; KeyError or ValueError if it is none. Unknown keys are passed over."""
        evidence = found["evidence"]
        subject, reason = found["subject"], found.get("reason")
        return cls(
            id=str(found["id"]),
            revision=int(found["revision"]),
            kind=RuleKind(found["kind"]),
            camera=str(found["camera"]),
            state=AlertState(found["state"]),
            active=bool(found["active"]),
            person_id=None if subject is None else str(subject["person_id"]),
            severity=Severity(found["severity"]),
            opened_ns=from_rfc3339(found["opened_at"]),
            seen_ns=from_rfc3339(found["seen_at"]),
            evidence=Evidence(
                votes=int(evidence["votes"]),
                score=float(evidence["score"]),
                threshold=float(evidence["threshold"]),
                models=dict(evidence["models"]),
                snapshot=evidence["snapshot"],
            ),
            reason=None if reason is None else AlertReason(reason),
        )

    @classmethod
    def from_json(cls, text: str | bytes) -> Self:
        """Read one line of JSON that `to_json` wrote."""
        return cls.from_record(json.loads(text))
