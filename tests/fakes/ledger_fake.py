"""A ledger in memory: what a worker needs of it, with the real one's rules and no server."""

from collections.abc import Collection
from dataclasses import dataclass, field

from engine.alerts import AlertRevision
from engine.visits import VisitState
from streams.ledger.alerts import AlertEntry, WriteResult, without_person
from streams.ledger.functions import Fenced
from streams.ledger.visits import without_visitor


@dataclass(slots=True)
class FakeLedger:
    """`fences`, `alerts` and `visits` in one; `away` makes every call raise ConnectionError."""

    issued: dict[str, int] = field(default_factory=dict)
    accepted: dict[str, int] = field(default_factory=dict)
    entries: list[AlertEntry] = field(default_factory=list)
    states: dict[str, VisitState] = field(default_factory=dict)
    erased: set[str] = field(default_factory=set)
    away: bool = False

    @property
    def fences(self) -> "FakeFences":
        return FakeFences(self)

    @property
    def alerts(self) -> "FakeAlerts":
        return FakeAlerts(self)

    @property
    def visits(self) -> "FakeVisits":
        return FakeVisits(self)

    def reach(self) -> None:
        if self.away:
            raise ConnectionError("the ledger is away")

    def demand(self, camera: str, token: int) -> None:
        accepted = self.accepted.get(camera, 0)
        if token < accepted:
            raise Fenced(f"token {token} is below {accepted}")

    def open_visits(self, camera: str) -> list[VisitState]:
        found = [one for one in self.states.values() if one.camera == camera and not one.ended]
        return [without_visitor(one) if one.person_id in self.erased else one for one in found]


@dataclass(frozen=True, slots=True)
class FakeFences:
    ledger: FakeLedger

    async def issue(self, camera: str) -> int:
        self.ledger.reach()
        known = (self.ledger.issued.get(camera, 0), self.ledger.accepted.get(camera, 0))
        self.ledger.issued[camera] = max(known) + 1
        return self.ledger.issued[camera]

    async def claim(self, camera: str, token: int) -> list[VisitState]:
        self.ledger.reach()
        self.ledger.demand(camera, token)
        self.ledger.accepted[camera] = token
        return self.ledger.open_visits(camera)


@dataclass(frozen=True, slots=True)
class FakeAlerts:
    ledger: FakeLedger

    async def write(self, alert: AlertRevision, token: int) -> WriteResult:
        self.ledger.reach()
        stored = await self.get(alert.id)
        if not (alert.over and stored is None):
            self.ledger.demand(alert.camera, token)
        if stored is not None and alert.revision <= stored.alert.revision:
            return WriteResult(stored.cursor, written=False)
        kept = without_person(alert) if alert.person_id in self.ledger.erased else alert
        cursor = f"{len(self.ledger.entries) + 1}-1"
        self.ledger.entries.append(AlertEntry(cursor, kept))
        return WriteResult(cursor, written=True)

    async def get(self, alert_id: str) -> AlertEntry | None:
        self.ledger.reach()
        found = [one for one in self.ledger.entries if one.alert.id == alert_id]
        return found[-1] if found else None

    async def newest(self) -> str:
        self.ledger.reach()
        return self.ledger.entries[-1].cursor if self.ledger.entries else "0-0"

    async def read(self, cursor: str, count: int = 100, block_ms: int = 0) -> list[AlertEntry]:
        self.ledger.reach()
        after = int(cursor.split("-")[0])
        return self.ledger.entries[after : after + count]

    async def page(
        self, since: str = "0", limit: int = 100, cameras: Collection[str] | None = None
    ) -> list[AlertEntry]:
        found = await self.read(since, len(self.ledger.entries))
        return [one for one in found if cameras is None or one.alert.camera in cameras][:limit]


@dataclass(frozen=True, slots=True)
class FakeVisits:
    ledger: FakeLedger

    async def save(self, visit: VisitState, token: int) -> bool:
        self.ledger.reach()
        self.ledger.demand(visit.camera, token)
        before = self.ledger.states.get(visit.id)
        if before is not None and before.ended and not visit.ended:
            return False
        gone = visit.person_id in self.ledger.erased
        self.ledger.states[visit.id] = without_visitor(visit) if gone else visit
        return True

    async def open(self, camera: str) -> list[VisitState]:
        self.ledger.reach()
        return self.ledger.open_visits(camera)
