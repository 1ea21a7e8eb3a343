"""Finds out how soon an alert was there: after its picture, and after the first usable view."""

from dataclasses import dataclass
from pathlib import Path

from benchmarks.timeline import Timeline
from engine.alerts import AlertState
from engine.observations import MaskState
from engine.packets import entry_ms
from engine.rules import RuleKind
from ostiary.demo.truth import TrueFace, Truth, read_truth
from streams.ledger.alerts import AlertEntry

USABLE_PX = 56.0  # shorter side in the main picture: 28 in the sub-stream of half the size
USABLE_SHARE = 0.95


@dataclass(frozen=True, slots=True)
class AlertTime:
    """One opened alert: times in ms, None where its picture or its person could not be found."""

    kind: RuleKind
    after_picture_ms: float | None
    after_first_view_ms: float | None


def alert_times(
    entries: list[AlertEntry], timeline: Timeline, truths: dict[str, Path]
) -> list[AlertTime]:
    """Return the times of every alert that was opened; truths: stream name → truth file."""
    timeline.times.load()
    read = {stream: read_truth(path) for stream, path in truths.items()}
    found = []
    for entry in entries:
        if entry.alert.state is not AlertState.OPENED:
            continue
        seen = timeline.picture_at(entry.alert.camera, entry.alert.seen_ns // 1_000_000)
        key = timeline.key(seen) if seen else None
        if key is None or key not in timeline.times.sent_ns:
            found.append(AlertTime(entry.alert.kind, None, None))
            continue
        arrived_ms = entry_ms(entry.cursor)
        after_ms = arrived_ms - timeline.times.sent_ns[key] / 1e6
        truth = read.get(key[0].removesuffix("-sub"))
        ago = None if truth is None else first_view_ago(truth, timeline.times.index[key], entry)
        first_ms = None if ago is None else after_ms + ago * 1000 * step_s(truth)
        found.append(AlertTime(entry.alert.kind, after_ms, first_ms))
    return found


def step_s(truth: Truth | None) -> float:
    """Return the seconds from one picture to the next."""
    if truth is None:
        return 0.04
    return (truth.pictures[1].pts - truth.pictures[0].pts) / 90_000


def first_view_ago(truth: Truth, index: int, entry: AlertEntry) -> int | None:
    """Return how many pictures before this one the alert's person was first usable."""
    faces = [face for face in truth.pictures[index].faces if matches(face, entry.alert.kind)]
    ages = []
    for face in faces:
        age = 0
        while age < index and usable(truth, index - age - 1, face.person):
            age += 1
        ages.append(age)
    return min(ages, default=None)


def matches(face: TrueFace, kind: RuleKind) -> bool:
    """Whether an alert of this kind can be about this face."""
    return {
        RuleKind.UNMASKED: face.mask is MaskState.MISSING,
        RuleKind.MASK_INCORRECT: face.mask is MaskState.INCORRECT,
        RuleKind.UNKNOWN: not face.enrolled,
    }.get(kind, False)


def usable(truth: Truth, index: int, person: str) -> bool:
    """Whether a picture shows a person whole and large enough."""
    for face in truth.pictures[index].faces:
        if face.person == person:
            x1, y1, x2, y2 = face.box
            return face.visible >= USABLE_SHARE and min(x2 - x1, y2 - y1) >= USABLE_PX
    return False
