"""Knows how desks are opened, changed and closed as cameras change hands. Analyses nothing."""

from collections import deque
from dataclasses import dataclass, field

import structlog

from config.cameras import Camera
from streams.bus import appearances, heartbeats, observations
from streams.bus.run import bus_run
from streams.clock import now_ns
from streams.ledger.ledger import Ledger
from workers.analysis import Analysis
from workers.desk import Desk, DeskPlan, open_desk
from workers.ownership import Lost, Ownership, Taken
from workers.roster import Roster
from workers.writing import flush

log = structlog.get_logger()


@dataclass(slots=True)
class Keeping:
    """The cameras that this worker keeps, each with its desk. Call step() four times a second."""

    ledger: Ledger
    roster: Roster
    analysis: Analysis
    ownership: Ownership
    leaving: list[Desk] = field(default_factory=list)  # lost, but not yet flushed
    _changes: deque[Taken | Lost] = field(default_factory=deque)  # survive a server going away
    _run: str = ""

    async def step(self) -> None:
        """Bring desks in line with what is registered and what is owned."""
        bus = self.analysis.tools.bus
        await self._watch_bus()
        await self._follow_settings()
        workers = await heartbeats.live_workers(bus)
        self._changes += await self.ownership.step(self.roster.cameras, workers, now_ns())
        while self._changes:
            change = self._changes[0]
            await (self._open(change) if isinstance(change, Taken) else self._close(change))
            self._changes.popleft()
        moving = self.ownership.to_hand_over(workers, now_ns())
        if moving is not None:
            await self._close(Lost(moving, "handed over"))
            await self.ownership.give_up(moving, now_ns())

    async def flush(self) -> None:
        """Write what waits, of desks in use and of those that were left."""
        for desk in list(self.analysis.desks.values()):
            await flush(self.ledger, desk)
        for desk in list(self.leaving):
            if await flush(self.ledger, desk):
                self.leaving.remove(desk)

    async def leave(self) -> None:
        """Hand every camera over: what waits goes to the ledger, then the leases go."""
        async with self.analysis.turn:
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

    async def _follow_settings(self) -> None:
        """Apply changed settings while the camera's token is still good.

        Other rules or another password keep tracks and visits; another use ends them.
        """
        for camera_id, holding in list(self.ownership.holdings.items()):
            now = self.roster.cameras.get(camera_id)
            if now == holding.camera:
                continue
            desk = self.analysis.desks.get(camera_id)
            if now is not None and desk is not None and same_use(now, holding.camera):
                async with self.analysis.turn:
                    desk.change(now, now_ns())
                holding.camera = now
                self.analysis.written.set()
            else:
                await self._close(Lost(camera_id, "removed" if now is None else "changed"))

    async def _open(self, taken: Taken) -> None:
        tools = self.analysis.tools
        looks = await appearances.read(tools.bus, taken.camera.id)
        versions = tools.models.versions
        # Alerts name the networks that they rest on, and none rests on an expression.
        named = {role: versions[role] for role in ("detector", "embedder", "mask")}
        plan = DeskPlan(self.roster.gallery, named, tools.sampling)
        desk = open_desk(taken, plan, looks, now_ns())
        last = await observations.newest(tools.bus, taken.camera.id)
        if last is not None and last.role is desk.stream.role:
            desk.high_water = (last.epoch_ms, last.pts)
        await tools.intake.begin(desk.stream)
        async with self.analysis.turn:
            self.analysis.desks[taken.camera.id] = desk

    async def _close(self, lost: Lost) -> None:
        async with self.analysis.turn:
            desk = self.analysis.desks.pop(lost.camera, None)
            if desk is None:
                return
            desk.leave(self.roster.cameras.get(lost.camera))
        log.info("camera given up", camera=lost.camera, reason=lost.reason)
        self.analysis.tools.intake.end(desk.stream)
        if not await flush(self.ledger, desk):
            self.leaving.append(desk)


def same_use(first: Camera, second: Camera) -> bool:
    """Whether two settings of a camera differ in rules or connection alone."""
    return (first.purpose, first.analysis_role) == (second.purpose, second.analysis_role)
