"""Knows how desks are opened, changed and closed as cameras change hands. Analyses nothing.

Theory of operation. A desk that is closed is written under its own fence number, before the camera
is claimed under a new one: whoever claims first learns the visits as they stood, and the closed
desk may say nothing more. So while a closed desk still waits for the ledger its camera is neither
let go nor taken, and a camera is handed over only while the ledger takes writes. One step sees one
roster: ownership must not act on a change that its desk has not heard of.
"""

from collections import deque
from collections.abc import Mapping
from dataclasses import dataclass, field, replace

import structlog

from config.cameras import Camera
from engine.observations import Knowledge
from engine.purpose import Purpose
from engine.rules import IDENTITY_KINDS
from engine.visits import VisitState
from streams.bus import appearances, heartbeats, observations
from streams.bus.run import bus_run
from streams.clock import now_ns
from streams.ledger.ledger import Ledger
from workers.analysis import Analysis
from workers.desk import Desk, DeskPlan, open_desk
from workers.models import alert_models
from workers.ownership import Lost, Ownership, Taken
from workers.roster import Roster
from workers.writing import flush

log = structlog.get_logger()

Cameras = Mapping[str, Camera]  # by id


@dataclass(slots=True)
class Keeping:
    """The cameras that this worker keeps, each with its desk. Call step() four times a second."""

    ledger: Ledger
    roster: Roster
    analysis: Analysis
    ownership: Ownership
    leaving: list[Desk] = field(default_factory=list)  # closed, unwritten: at most two a camera
    _ended: set[str] = field(default_factory=set)  # closed here; ownership has yet to let go
    _changes: deque[Taken | Lost] = field(default_factory=deque)  # survive a server going away
    _run: str = ""

    async def step(self) -> None:
        """Bring desks in line with what is registered and what is owned."""
        bus, cameras = self.analysis.tools.bus, self.roster.cameras
        await self._watch_bus()
        await self._follow_settings(cameras)
        workers = await heartbeats.live_workers(bus)
        offered = self._offered(cameras)
        self._changes += await self.ownership.step(offered, workers, now_ns())
        while self._changes:
            change = self._changes[0]
            if isinstance(change, Taken):
                await self._open(change)
            else:
                self._ended.discard(change.camera)
                await self._close(change, cameras.get(change.camera))
            self._changes.popleft()
        moving = self.ownership.to_hand_over(workers, now_ns())
        if moving is not None and moving in self.analysis.desks:
            await self._hand_over(moving, cameras.get(moving))

    async def flush(self) -> None:
        """Write what waits, of desks in use and of those that were closed."""
        for desk in list(self.analysis.desks.values()):
            await flush(self.ledger, desk)
        for desk in list(self.leaving):
            await self._write_left(desk)

    async def leave(self) -> None:
        """Hand every camera over: what waits goes to the ledger, then the leases go."""
        async with self.analysis.turn.changing():
            for desk in self.analysis.desks.values():
                desk.leave(desk.camera)
        await self.flush()
        for camera_id in list(self.ownership.holdings):
            await self.ownership.give_up(camera_id, now_ns())

    async def _watch_bus(self) -> None:
        """Begin anew where the bus was restarted: cursors, leases, what was already seen."""
        tools = self.analysis.tools
        run = await bus_run(tools.bus)
        if self._run and run != self._run:
            log.warning("bus restarted")
            for holding in self.ownership.holdings.values():
                holding.renewed_ns = 0
            await tools.intake.begin_anew()
            await tools.clock.measure(tools.bus)
        self._run = run

    async def _follow_settings(self, cameras: Cameras) -> None:
        """Apply changed settings while the camera's token is still good.

        Other rules or another password keep tracks and visits; another use ends them.
        """
        for camera_id, holding in list(self.ownership.holdings.items()):
            now = cameras.get(camera_id)
            if now == holding.camera or camera_id in self._ended:
                continue
            desk = self.analysis.desks.get(camera_id)
            if desk is not None and desk.token != holding.token:
                desk = None  # the camera was lost and taken again; its new desk is still to come
            if now is not None and desk is not None and same_use(now, holding.camera):
                async with self.analysis.turn.changing():
                    desk.change(now, now_ns())
                holding.camera = now
                self.analysis.written.set()
            else:
                self._ended.add(camera_id)
                await self._close(Lost(camera_id, "removed" if now is None else "changed"), now)

    def _offered(self, cameras: Cameras) -> Cameras:
        """Return the cameras as ownership may see them.

        One whose closed desk still waits stays with whoever holds it, and is taken by nobody here.
        One that was closed here is let go even if its settings came back meanwhile.
        """
        offered, waiting = dict(cameras), self._waiting()
        for camera_id in waiting | self._ended:
            holding = self.ownership.holdings.get(camera_id)
            if camera_id in waiting and holding is not None:
                offered[camera_id] = holding.camera
            elif camera_id in waiting or (
                holding is not None and offered.get(camera_id) == holding.camera
            ):
                offered.pop(camera_id, None)
        return offered

    def _waiting(self) -> set[str]:
        return {desk.camera.id for desk in self.leaving}

    async def _hand_over(self, camera_id: str, now: Camera | None) -> None:
        await self.ledger.check()  # raises while nobody could take the camera
        await self._close(Lost(camera_id, "handed over"), now)
        if camera_id in self._waiting():
            self._ended.add(camera_id)  # the ledger went just now: let go when all is written
        else:
            await self.ownership.give_up(camera_id, now_ns())

    async def _open(self, taken: Taken) -> None:
        tools, camera = self.analysis.tools, taken.camera
        looks = await appearances.read(tools.bus, camera.id)
        plan = DeskPlan(self.roster.gallery, alert_models(tools.models), tools.sampling)
        goes_on, of_other_use = by_use(taken)
        desk = open_desk(replace(taken, visits=goes_on), plan, looks, now_ns())
        desk.change(camera, now_ns())  # alerts of rules that went while nobody owned the camera
        last = await observations.newest(tools.bus, camera.id)
        if last is not None and last.role is desk.stream.role:
            desk.high_water = (last.epoch_ms, last.pts)
        await tools.intake.begin(desk.stream)
        async with self.analysis.turn.changing():
            desk.watch.replace_models(alert_models(tools.models))  # it may have changed meanwhile
            self.analysis.desks[camera.id] = desk
        if of_other_use:
            before = open_desk(replace(taken, visits=of_other_use), plan, (), now_ns())
            before.leave(None)
            self.leaving.append(before)
            await self._write_left(before)

    async def _close(self, lost: Lost, now: Camera | None) -> None:
        """Close a camera's desk; `now` is the camera as it is registered, None if it is no more."""
        async with self.analysis.turn.changing():
            desk = self.analysis.desks.pop(lost.camera, None)
            if desk is None:
                return
            desk.leave(now)
            self.leaving.append(desk)
        log.info("camera given up", camera=lost.camera, reason=lost.reason)
        self.analysis.tools.intake.end(desk.stream)
        await self._write_left(desk)

    async def _write_left(self, desk: Desk) -> None:
        """Write what a closed desk has left, and forget the desk once nothing waits."""
        if await flush(self.ledger, desk):
            self.leaving = [one for one in self.leaving if one is not desk]


def same_use(first: Camera, second: Camera) -> bool:
    """Whether two settings of a camera differ in rules or connection alone."""
    return (first.purpose, first.analysis_role) == (second.purpose, second.analysis_role)


def by_use(taken: Taken) -> tuple[tuple[VisitState, ...], tuple[VisitState, ...]]:
    """Return the visits that go on, and those of a former use.

    A visit does not say what its camera was for; but where nobody may be named, one that knows
    somebody is of a use that ended while nobody owned the camera.
    """
    if taken.camera.purpose is Purpose.PEOPLE:
        return taken.visits, ()
    named = [names_somebody(one) for one in taken.visits]
    goes_on = tuple(one for one, known in zip(taken.visits, named, strict=True) if not known)
    return goes_on, tuple(one for one, known in zip(taken.visits, named, strict=True) if known)


def names_somebody(visit: VisitState) -> bool:
    """Whether a visit, or one of its alerts, rests on who somebody is."""
    return visit.standing.knowledge is not Knowledge.UNDECIDED or any(
        kept.revision.person_id is not None or kept.revision.kind in IDENTITY_KINDS
        for kept in visit.alerts
    )
