"""Alerts, visits and people as tests of the ledger need them."""

from dataclasses import replace

import numpy as np

from engine.alerts import AlertRevision, AlertState, Evidence
from engine.boxes import Box
from engine.observations import Knowledge
from engine.people import Person, Photo
from engine.rules import RuleKind, Severity, Standing
from engine.visits import VisitState

OPENED_NS = 1_795_000_000_000_000_000


def an_alert(number: int = 1, revision: int = 1, **changes: object) -> AlertRevision:
    """An opened `unknown` alert of the camera lobby; `number` makes its id."""
    alert = AlertRevision(
        id=f"{number:032x}",
        revision=revision,
        kind=RuleKind.UNKNOWN,
        camera="lobby",
        state=AlertState.OPENED if revision == 1 else AlertState.UPDATED,
        active=True,
        person_id=None,
        severity=Severity.WARNING,
        opened_ns=OPENED_NS,
        seen_ns=OPENED_NS + revision * 1_000_000,
        evidence=Evidence(3, 0.97, 0.8, {"mask": "mask@1"}, f"e-{number}-{revision}"),
    )
    return replace(alert, **changes)  # type: ignore[arg-type]


def a_visit(number: int = 1, person_id: str | None = None, **changes: object) -> VisitState:
    """An open visit before the camera lobby; `number` makes its id."""
    standing = Standing(
        opened_ns=OPENED_NS,
        knowledge=Knowledge.KNOWN if person_id else Knowledge.UNDECIDED,
        person_id=person_id,
    )
    visit = VisitState(f"{number:032x}", "lobby", OPENED_NS, Box(0.1, 0.1, 0.2, 0.2), standing)
    return replace(visit, **changes)  # type: ignore[arg-type]


def a_person(person_id: str = "p-19", name: str = "Grace Hopper", photos: int = 2) -> Person:
    """An enrolled person with random vectors of unit length."""
    source = np.random.default_rng(sum(person_id.encode()))
    made = []
    for number in range(photos):
        vector = source.standard_normal(128).astype(np.float32)
        crop = source.integers(0, 255, 3000, np.uint8).tobytes()
        made.append(Photo(f"f{number}", vector / np.linalg.norm(vector), "sface@1", crop))
    return Person(person_id, name, "signed 2026-11-22", OPENED_NS, tuple(made))
