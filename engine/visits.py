"""Knows one visit's state as the ledger keeps it. Does not know how a visit is found again."""

import hashlib
import json
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Self

from engine.alerts import AlertRevision
from engine.boxes import Box
from engine.observations import Knowledge, MaskState
from engine.rfc3339 import from_rfc3339, to_rfc3339
from engine.rules import Standing


def visit_id(camera: str, token: int, number: int, opened_ns: int) -> str:
    """Return a visit's id, 32 hex digits, from the track it began with."""
    seed = f"visit\0{camera}\0{token}\0{number}\0{opened_ns}"
    return hashlib.sha256(seed.encode()).hexdigest()[:32]


@dataclass(frozen=True, slots=True)
class KeptAlert:
    """An alert's newest revision, with the rule that it belongs to."""

    rule_id: str
    revision: AlertRevision


@dataclass(frozen=True, slots=True)
class VisitState:
    """One person before one camera, across short gaps and id switches; no vectors.

    box: where the face was last seen, 0..1 of the picture. standing: what stands about the
    visit, its `opened_ns` is the visit's beginning. ended: the visit is over, its alerts too.
    Times are whole milliseconds, in ns UTC.
    """

    id: str
    camera: str
    seen_ns: int
    box: Box
    standing: Standing
    alerts: tuple[KeptAlert, ...] = ()
    ended: bool = False

    @property
    def opened_ns(self) -> int:
        """When the visit began, ns UTC."""
        return self.standing.opened_ns

    @property
    def person_id(self) -> str | None:
        """Who it is, if known."""
        return self.standing.person_id

    def record(self) -> dict[str, Any]:
        """Return the state as the ledger keeps it."""
        standing, box = self.standing, self.box
        return {
            "id": self.id,
            "camera": self.camera,
            "opened_at": to_rfc3339(standing.opened_ns),
            "seen_at": to_rfc3339(self.seen_ns),
            "ended": self.ended,
            "box": [round(side, 5) for side in (box.x1, box.y1, box.x2, box.y2)],
            "face_px": round(standing.face_px, 1),
            "mask": {
                "state": None if standing.mask is None else standing.mask.value,
                "probability": round(standing.mask_probability, 4),
                "views": standing.mask_views,
            },
            "who": {
                "knowledge": standing.knowledge.value,
                "person_id": standing.person_id,
                "score": round(standing.who_score, 4),
                "views": standing.who_views,
            },
            "alerts": [
                {"rule": kept.rule_id, "alert": kept.revision.record()} for kept in self.alerts
            ],
        }

    def to_json(self) -> str:
        """Return the state as one line of JSON."""
        return json.dumps(self.record(), separators=(",", ":"))

    @classmethod
    def from_record(cls, found: Mapping[str, Any]) -> Self:
        """Read a state; KeyError or ValueError if it is none. Unknown keys are passed over."""
        x1, y1, x2, y2 = (float(side) for side in found["box"])
        return cls(
            id=str(found["id"]),
            camera=str(found["camera"]),
            seen_ns=from_rfc3339(found["seen_at"]),
            box=Box(x1, y1, x2, y2),
            standing=_standing(found),
            alerts=tuple(
                KeptAlert(str(kept["rule"]), AlertRevision.from_record(kept["alert"]))
                for kept in found["alerts"]
            ),
            ended=bool(found["ended"]),
        )

    @classmethod
    def from_json(cls, text: str | bytes) -> Self:
        """Read one line of JSON that `to_json` wrote."""
        return cls.from_record(json.loads(text))


def _standing(found: Mapping[str, Any]) -> Standing:
    mask, who = found["mask"], found["who"]
    return Standing(
        opened_ns=from_rfc3339(found["opened_at"]),
        face_px=float(found["face_px"]),
        mask=None if mask["state"] is None else MaskState(mask["state"]),
        mask_probability=float(mask["probability"]),
        mask_views=int(mask["views"]),
        knowledge=Knowledge(who["knowledge"]),
        person_id=who["person_id"],
        who_score=float(who["score"]),
        who_views=int(who["views"]),
    )
