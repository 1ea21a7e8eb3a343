"""Knows which alert revisions still wait for the ledger. Does not know how they get there.

Theory of operation. Revisions leave in the order in which their alerts came to wait. One that
was handed out may have been written although nobody said so; it stays as it is and is handed out
again, and the ledger passes over what it knows. All others merge with the next revision of the
same alert: nobody outside has seen them. So at most two entries wait for one alert.
"""

from collections.abc import Iterable
from dataclasses import dataclass, replace

from engine.alerts import AlertReason, AlertRevision, AlertState
from engine.visits import VisitState

CAPACITY = 1000


@dataclass(slots=True, eq=False)
class _Waiting:
    revision: AlertRevision
    opening: bool  # the ledger may never have heard of this alert
    tried: bool = False


class Outbox:
    """One camera's revisions that the ledger has not confirmed.

    Bound: `capacity`. When full the oldest closed or withdrawn one goes and is counted in
    `dropped`; open ones never go: a camera has fewer open alerts than the bound
    (`engine.watch` bounds its open visits).
    """

    def __init__(self, capacity: int = CAPACITY) -> None:
        self._capacity = capacity
        self._waiting: list[_Waiting] = []
        self.dropped = 0

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
        self._shrink()

    def _shrink(self) -> None:
        while len(self._waiting) > self._capacity:
            over = [one for one in self._waiting if one.revision.over and not one.tried]
            if not over:
                return
            # Rather a whole alert that nobody has heard of than the end of one that somebody has.
            self._waiting.remove(next((one for one in over if one.opening), over[0]))
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

    def hand_over(self) -> None:
        """Keep what a worker that was fenced out may still hand in; again, it changes nothing.

        Alerts that the ledger may never have heard of stay as closed, with the reason; changes of
        alerts that it knows are the next owner's affair.
        """
        newest = {one.revision.id: one.revision for one in self._waiting}
        openings = [one.revision.id for one in self._waiting if one.opening]
        self._waiting = [_Waiting(_handed_over(newest[name]), opening=True) for name in openings]


def _merge(earlier: _Waiting, later: AlertRevision) -> AlertRevision:
    """One record for two: nobody outside has seen an opening that is merged away."""
    if earlier.opening and not later.over:
        return replace(later, state=AlertState.OPENED)
    return later


def _handed_over(revision: AlertRevision) -> AlertRevision:
    # Revision 1, for the next owner's opening of the same alert is 2 and must count as newer.
    return replace(
        revision,
        revision=1,
        state=AlertState.CLOSED,
        active=False,
        reason=AlertReason.HANDED_OVER,
    )


class VisitBox:
    """One camera's visit states that the ledger has not confirmed: the newest of each visit.

    While alerts wait, an ended visit is written as one that goes on, with its closing alerts: who
    takes over then finds them and hands them in again. Only afterwards is it written as ended.
    Bound: `capacity`. When full the oldest one goes, an ended one first, counted in `dropped`.
    """

    def __init__(self, capacity: int = CAPACITY) -> None:
        self._capacity = capacity
        self._waiting: dict[str, VisitState] = {}
        self._announced: set[str] = set()  # ended visits of which the ledger has the closing alerts
        self.dropped = 0

    def __len__(self) -> int:
        return len(self._waiting)

    def put(self, visits: Iterable[VisitState]) -> None:
        """Take new states; each replaces what waits of the same visit."""
        for visit in visits:
            self._waiting[visit.id] = visit
            self._announced.discard(visit.id)
            if len(self._waiting) > self._capacity:
                ended = (one.id for one in self._waiting.values() if one.ended)
                gone = next(ended, next(iter(self._waiting)))
                del self._waiting[gone]
                self._announced.discard(gone)
                self.dropped += 1

    def clear(self) -> None:
        """Forget what waits: it is the next owner's affair."""
        self._waiting.clear()
        self._announced.clear()

    def take(self, alerts_wait: bool) -> VisitState | None:
        """Return the state to write next, or None; it waits on until `confirm`."""
        for visit in self._waiting.values():
            if not (visit.ended and alerts_wait):
                return visit
            if visit.id not in self._announced:
                return replace(visit, ended=False)
        return None

    def confirm(self, visit: VisitState) -> None:
        """The ledger has this state; a newer one that came meanwhile waits on."""
        waiting = self._waiting.get(visit.id)
        if waiting == visit:
            del self._waiting[visit.id]
            self._announced.discard(visit.id)
        elif waiting is not None and replace(waiting, ended=False) == visit:
            self._announced.add(visit.id)
