"""Knows the open alerts of one camera and when each needs a new revision. Writes none of them."""

import hashlib
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, replace

from engine.alerts import (
    AlertEvent,
    AlertReason,
    AlertRevision,
    AlertState,
    Evidence,
    alert_id,
    next_state,
)
from engine.rfc3339 import whole_ms
from engine.rules import IDENTITY_KINDS, Rule, RuleKind, Standing, holds, refuted
from engine.visits import KeptAlert

SECOND_NS = 1_000_000_000
BETTER_SCORE = 0.05
BETTER_QUALITY = 0.15
BETTER_EVERY_S = 1.0  # better evidence is told at most this often; what has changed, at once


@dataclass(frozen=True, slots=True)
class Thresholds:
    """What a statement needed, for the record: mask share, cosine of a name, of nobody."""

    mask: float
    known: float
    unknown: float


@dataclass(frozen=True, slots=True)
class Finding:
    """One rule before one visit, now.

    ripe: the rule has held for its dwell. quality: of the visit's usable face in the picture in
    hand, 0..1; None if it shows none, so that no snapshot can be taken of it.
    """

    rule: Rule
    visit_id: str
    standing: Standing
    seen_ns: int
    ripe: bool
    quality: float | None


@dataclass(frozen=True, slots=True)
class Change:
    """A new revision, and whether its snapshot is to be taken from the picture in hand."""

    revision: AlertRevision
    snapshot_wanted: bool


@dataclass(frozen=True, slots=True)
class Closing:
    """What the end of a visit leaves: the closing revisions, and all its alerts' last ones."""

    revisions: tuple[AlertRevision, ...]
    kept: tuple[KeptAlert, ...]


@dataclass(slots=True)
class _Entry:
    rule_id: str
    newest: AlertRevision
    told_ns: int
    quality: float  # of the snapshot
    score: float  # the best that was told


class AlertBook:
    """The alerts of one camera's open visits: one per rule and visit, revisions that grow."""

    def __init__(self, models: Mapping[str, str], thresholds: Thresholds) -> None:
        self.models = dict(models)  # by role, as evidence states them
        self._thresholds = thresholds
        self._visits: dict[str, dict[str, _Entry]] = {}  # visit id, rule id
        self._restored: set[str] = set()

    def restore(self, visit_id: str, alerts: Iterable[KeptAlert]) -> None:
        """Go on with the alerts of a visit that another owner has opened.

        An alert that is first opened now begins at revision 2: revision 1 is left to what the
        other owner, if it lives, may still hand in as closed.
        """
        self._restored.add(visit_id)
        for kept in alerts:
            newest = kept.revision
            quality = 0.0 if newest.evidence.snapshot is None else 1.0
            entry = _Entry(kept.rule_id, newest, newest.seen_ns, quality, newest.evidence.score)
            self._visits.setdefault(visit_id, {})[kept.rule_id] = entry

    def kept(self, visit_id: str) -> tuple[KeptAlert, ...]:
        """Return the newest revisions of a visit's alerts, by rule."""
        entries = self._visits.get(visit_id, {})
        return tuple(KeptAlert(rule_id, entry.newest) for rule_id, entry in entries.items())

    def judge(self, finding: Finding, now_ns: int) -> Change | None:
        """Return the new revision that a finding makes necessary, if any."""
        entry = self._visits.get(finding.visit_id, {}).get(finding.rule.id)
        broken = holds(finding.rule, finding.standing, now_ns)
        if entry is None:
            return self._open(finding, now_ns) if broken and finding.ripe else None
        newest = entry.newest
        if newest.state is AlertState.CLOSED:
            return None
        if newest.state is AlertState.WITHDRAWN:
            again = broken and finding.ripe
            return self._change(entry, finding, True, now_ns) if again else None
        if refuted(finding.rule, finding.standing):
            return Change(self._withdraw(entry, finding, now_ns), False)
        # Who was unknown and is now undecided is still told of: nothing has been learnt.
        active = broken and (newest.active or finding.ripe)
        active = active or (newest.active and finding.rule.kind in IDENTITY_KINDS)
        if self._worth_telling(entry, finding, active, now_ns):
            return self._change(entry, finding, active, now_ns)
        return None

    def close(self, visit_id: str, seen_ns: int, reason: AlertReason | None) -> "Closing":
        """End a visit: close its alerts; they are forgotten here."""
        entries = self._visits.pop(visit_id, {}).values()
        self._restored.discard(visit_id)
        told = []
        for entry in entries:
            if not entry.newest.over:
                event = AlertEvent.CLOSE
                told.append(
                    self._tell(entry, _revised(entry.newest, event, seen_ns, False, reason))
                )
        kept = tuple(KeptAlert(entry.rule_id, entry.newest) for entry in entries)
        return Closing(tuple(told), kept)

    def withdraw(
        self, visit_id: str, rule_id: str, reason: AlertReason, now_ns: int
    ) -> AlertRevision | None:
        """Take back the alert of a rule and visit if it is open; return the revision."""
        entry = self._visits.get(visit_id, {}).get(rule_id)
        if entry is None or entry.newest.over:
            return None
        return self._tell(
            entry, _revised(entry.newest, AlertEvent.WITHDRAW, now_ns, active=False, reason=reason)
        )

    def forget(self, person_id: str, now_ns: int) -> list[AlertRevision]:
        """Take an erased person out of all open alerts; return the revisions that say so."""
        told = []
        for entry in [one for entries in self._visits.values() for one in entries.values()]:
            if entry.newest.person_id != person_id:
                continue
            was_over = entry.newest.over
            entry.newest = replace(entry.newest, person_id=None)
            if not was_over:
                about = entry.newest.kind is RuleKind.PERSON
                event = AlertEvent.WITHDRAW if about else AlertEvent.CHANGE
                active = entry.newest.active and not about
                told.append(
                    self._tell(
                        entry,
                        _revised(entry.newest, event, now_ns, active, AlertReason.ERASED),
                    )
                )
        return told

    def _open(self, finding: Finding, now_ns: int) -> Change:
        rule = finding.rule
        name = alert_id(rule.id, finding.visit_id)
        shown = finding.quality is not None
        revision = AlertRevision(
            id=name,
            revision=2 if finding.visit_id in self._restored else 1,
            kind=rule.kind,
            camera=rule.camera,
            state=next_state(None, AlertEvent.OPEN),
            active=True,
            person_id=finding.standing.person_id,
            severity=rule.severity,
            opened_ns=whole_ms(now_ns),
            seen_ns=whole_ms(finding.seen_ns),
            evidence=self._evidence(finding, snapshot_id(name, now_ns) if shown else None),
        )
        entry = _Entry(rule.id, revision, now_ns, finding.quality or 0.0, revision.evidence.score)
        self._visits.setdefault(finding.visit_id, {})[rule.id] = entry
        return Change(revision, shown)

    def _change(self, entry: _Entry, finding: Finding, active: bool, now_ns: int) -> Change:
        snapshot = entry.newest.evidence.snapshot
        wanted = active and self._better_picture(entry, finding)
        if wanted:
            snapshot = snapshot_id(entry.newest.id, now_ns)
            entry.quality = finding.quality or 0.0
        evidence = replace(entry.newest.evidence, snapshot=snapshot)
        if active:
            evidence = self._evidence(finding, snapshot)
        revision = replace(
            _revised(entry.newest, AlertEvent.CHANGE, finding.seen_ns, active=active),
            person_id=finding.standing.person_id,
            evidence=evidence,
        )
        entry.told_ns = now_ns
        return Change(self._tell(entry, revision), wanted)

    def _withdraw(self, entry: _Entry, finding: Finding, now_ns: int) -> AlertRevision:
        unknown = finding.rule.kind is RuleKind.UNKNOWN
        reason = AlertReason.RECOGNISED if unknown else AlertReason.MISTAKEN
        newest = replace(entry.newest, person_id=finding.standing.person_id)
        entry.told_ns = now_ns
        return self._tell(
            entry, _revised(newest, AlertEvent.WITHDRAW, finding.seen_ns, False, reason)
        )

    def _worth_telling(self, entry: _Entry, finding: Finding, active: bool, now_ns: int) -> bool:
        newest = entry.newest
        if active != newest.active or finding.standing.person_id != newest.person_id:
            return True
        if not active or now_ns - entry.told_ns < BETTER_EVERY_S * SECOND_NS:
            return False
        surer = self._evidence(finding, None).score >= entry.score + BETTER_SCORE
        likelier = surer and finding.rule.kind is not RuleKind.UNKNOWN
        return likelier or self._better_picture(entry, finding)

    def _better_picture(self, entry: _Entry, finding: Finding) -> bool:
        if finding.quality is None:
            return False
        missing = entry.newest.evidence.snapshot is None
        return missing or finding.quality >= entry.quality + BETTER_QUALITY

    def _evidence(self, finding: Finding, snapshot: str | None) -> Evidence:
        standing, kind = finding.standing, finding.rule.kind
        limits = self._thresholds
        if kind in IDENTITY_KINDS:
            threshold = limits.unknown if kind is RuleKind.UNKNOWN else limits.known
            score = round(standing.who_score, 4)
            return Evidence(standing.who_views, score, threshold, self.models, snapshot)
        score = round(standing.mask_probability, 4)
        return Evidence(standing.mask_views, score, limits.mask, self.models, snapshot)

    def _tell(self, entry: _Entry, revision: AlertRevision) -> AlertRevision:
        entry.newest = revision
        entry.score = max(entry.score, revision.evidence.score)
        return revision


def snapshot_id(alert: str, now_ns: int) -> str:
    """Return the id of the picture of an alert at a moment; the same when replayed."""
    return "e-" + hashlib.sha256(f"snapshot\0{alert}\0{now_ns}".encode()).hexdigest()[:32]


def _revised(
    newest: AlertRevision,
    event: AlertEvent,
    seen_ns: int,
    active: bool,
    reason: AlertReason | None = None,
) -> AlertRevision:
    return replace(
        newest,
        revision=newest.revision + 1,
        state=next_state(newest.state, event),
        active=active,
        seen_ns=max(newest.seen_ns, whole_ms(seen_ns)),
        reason=reason,
    )
