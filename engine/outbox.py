"""Knows which alert revisions still wait for the ledger. Does not know how they get there.

Theory of operation. Revisions leave in the order in which their alerts came to wait. One that
was handed out may have been written although nobody said so; it stays as it is and is handed out
again, and the ledger passes over what it knows. All others merge with the next revision of the
same alert: nobody outside has seen them. So at most two entries wait for one alert.
"""

from collections.abc import Iterable
from dataclasses import dataclass, replace

from engine.alerts import AlertReason, AlertRevision, AlertState

CAPACITY = 1000


@dataclass(slots=True)
class _Waiting:
    revision: AlertRevision
    opening: bool  # the ledger may never have heard of this alert
    tried: bool = False


class Outbox:
    """One camera's revisions that the ledger has not confirmed.

    Bound: `capacity`. When full the oldest closed or withdrawn one goes and is counted in
    `dropped`; open ones never go: a camera has fewer open alerts than the bound.
    """

    def __init__(self, capacity: int = CAPACITY) -> None:
        self._capacity = capacity
        self._waiting: list[_Waiting] = []
        self.dropped = 0
        self.merged = 0

    def __len__(self) -> int:
        return len(self._waiting)

    def put(self, revisions: Iterable[AlertRevision]) -> None:
        """Take new revisions, oldest first; ValueError where an alert's revision does not grow."""
        for revision in revisions:
            self._put(revision)

    def _put(self, revision: AlertRevision) -> None:
        last = next(
            (one for one in reversed(self._waiting) if one.revision.id == revision.id), None
        )
        if last is not None and revision.revision <= last.revision.revision:
            raise ValueError(f"alert {revision.id}: revision {revision.revision} does not grow")
        if last is None or last.tried:
            self._waiting.append(_Waiting(revision, revision.state is AlertState.OPENED))
        else:
            last.revision = _merge(last, revision)
            self.merged += 1
        self._shrink()

    def _shrink(self) -> None:
        while len(self._waiting) > self._capacity:
            over = (place for place, one in enumerate(self._waiting) if one.revision.over)
            place = next(over, None)
            if place is None:
                return
            del self._waiting[place]
            self.dropped += 1

    def take(self) -> AlertRevision | None:
        """Return the revision to write next, or None; it waits on until `confirm`."""
        if not self._waiting:
            return None
        first = self._waiting[0]
        first.tried = True
        return first.revision

    def confirm(self, revision: AlertRevision) -> None:
        """The ledger has this revision, or a newer one."""
        self._waiting = [
            one
            for one in self._waiting
            if one.revision.id != revision.id or one.revision.revision > revision.revision
        ]

    def hand_over(self) -> tuple[AlertRevision, ...]:
        """Empty the box of a worker that was fenced out; return what it may still hand in.

        Alerts that the ledger may never have heard of come closed, with the reason; changes of
        alerts that it knows are the next owner's affair.
        """
        openings = [one.revision for one in self._waiting if one.opening]
        newest = {one.revision.id: one.revision for one in self._waiting}
        self._waiting = []
        return tuple(_handed_over(newest[revision.id]) for revision in openings)


def _merge(earlier: _Waiting, later: AlertRevision) -> AlertRevision:
    """One record for two: nobody outside has seen an opening that is merged away."""
    if earlier.opening and not later.over:
        return replace(later, state=AlertState.OPENED)
    return later


def _handed_over(revision: AlertRevision) -> AlertRevision:
    if revision.over:
        return revision
    return replace(revision, state=AlertState.CLOSED, active=False, reason=AlertReason.HANDED_OVER)
