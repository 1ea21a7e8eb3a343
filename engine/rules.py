"""Knows when what stands about a visit breaks a rule. Does not know alerts or networks."""

from collections.abc import Mapping
from dataclasses import dataclass
from enum import StrEnum
from types import MappingProxyType
from typing import Final

from engine.observations import Knowledge, MaskState
from engine.purpose import Purpose

SECOND_NS: Final = 1_000_000_000


class RuleKind(StrEnum):
    """What a rule looks for."""

    UNMASKED = "unmasked"
    MASK_INCORRECT = "mask_incorrect"
    UNKNOWN = "unknown"
    PERSON = "person"
    CAMERA_DOWN = "camera_down"


class Severity(StrEnum):
    """How loud an alert is; the order is from quiet to loud."""

    INFO = "info"
    WARNING = "warning"
    CRITICAL = "critical"


# Kinds that need to know who somebody is, allowed on people cameras alone.
IDENTITY_KINDS: Final = frozenset({RuleKind.UNKNOWN, RuleKind.PERSON})


@dataclass(frozen=True, slots=True)
class Rule:
    """One rule of one camera.

    dwell_s: how long the statement must have stood before the rule counts.
    grace_s: silence after the visit's beginning (time to put a mask on).
    min_face_px: shorter side of the largest face seen in the visit, source pixels.
    person_id: whom a `person` rule looks for; None elsewhere.
    """

    id: str
    kind: RuleKind
    camera: str
    dwell_s: float = 0.5
    grace_s: float = 0.0
    min_face_px: float = 32.0
    severity: Severity = Severity.WARNING
    person_id: str | None = None

    def __post_init__(self) -> None:
        if (self.kind is RuleKind.PERSON) != (self.person_id is not None):
            raise ValueError(f"rule {self.id}: exactly the kind `person` names a person")
        if min(self.dwell_s, self.grace_s, self.min_face_px) < 0:
            raise ValueError(f"rule {self.id}: dwell, grace and face size cannot be negative")


DEFAULT_DWELL_S: Final[Mapping[RuleKind, float]] = MappingProxyType(
    {
        RuleKind.UNMASKED: 0.5,
        RuleKind.MASK_INCORRECT: 0.5,
        RuleKind.UNKNOWN: 0.7,
        RuleKind.PERSON: 0.0,
        RuleKind.CAMERA_DOWN: 10.0,
    }
)


def default_rule(kind: RuleKind, camera: str, person_id: str | None = None) -> Rule:
    """Return the rule that `--mask-required` and `--alert-unknown` stand for, with a stable id."""
    suffix = f".{person_id}" if person_id is not None else ""
    return Rule(
        id=f"{camera}.{kind}{suffix}",
        kind=kind,
        camera=camera,
        dwell_s=DEFAULT_DWELL_S[kind],
        person_id=person_id,
    )


def check_purpose(rules: tuple[Rule, ...], purpose: Purpose) -> None:
    """Raise ValueError where a rule needs to know who somebody is and the camera may not."""
    wrong = [rule.id for rule in rules if rule.kind in IDENTITY_KINDS]
    if wrong and purpose is not Purpose.PEOPLE:
        raise ValueError(f"rules {', '.join(wrong)} need purpose people, the camera has {purpose}")


@dataclass(frozen=True, slots=True)
class Standing:
    """What stands about one visit: the last decided statements, None or undecided before.

    face_px: shorter side of the largest face seen in the visit, source pixels.
    """

    opened_ns: int
    face_px: float = 0.0
    mask: MaskState | None = None
    mask_probability: float = 0.0
    mask_views: int = 0
    knowledge: Knowledge = Knowledge.UNDECIDED
    person_id: str | None = None
    who_score: float = 0.0
    who_views: int = 0


def holds(rule: Rule, standing: Standing, now_ns: int) -> bool:
    """Return whether the visit breaks the rule now, dwell left aside.

    `camera_down` is about a source, never about a visit, so it never holds here.
    """
    if standing.face_px < rule.min_face_px:
        return False
    if now_ns - standing.opened_ns < rule.grace_s * SECOND_NS:
        return False
    broken = {
        RuleKind.UNMASKED: standing.mask is MaskState.MISSING,
        RuleKind.MASK_INCORRECT: standing.mask is MaskState.INCORRECT,
        RuleKind.UNKNOWN: standing.knowledge is Knowledge.UNKNOWN,
        RuleKind.PERSON: standing.person_id == rule.person_id,
    }
    return broken.get(rule.kind, False)


def refuted(rule: Rule, standing: Standing) -> bool:
    """Return whether an alert of this rule has turned out wrong, rather than being over.

    A mask put on ends what was true; a name for somebody unknown shows that it never was.
    """
    if rule.kind is RuleKind.UNKNOWN:
        return standing.knowledge is Knowledge.KNOWN
    if rule.kind is RuleKind.PERSON:
        undecided = standing.knowledge is Knowledge.UNDECIDED
        return not undecided and standing.person_id != rule.person_id
    return False


class Dwell:
    """Since when each rule holds for one visit; one object per visit."""

    def __init__(self) -> None:
        self._held_since_ns: dict[str, int] = {}

    def update(self, rule: Rule, broken: bool, now_ns: int) -> bool:
        """Note whether the rule holds now; return whether it has held for its dwell."""
        if not broken:
            self._held_since_ns.pop(rule.id, None)
            return False
        since_ns = self._held_since_ns.setdefault(rule.id, now_ns)
        return now_ns - since_ns >= rule.dwell_s * SECOND_NS
