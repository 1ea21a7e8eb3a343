"""Knows how decoded pictures become observations on the bus. Decides no identity.

Each lane takes the pictures that waited longest, of cameras that no other lane is looking at: one
on a CPU, which gains nothing from a batch; all at once on a GPU, which has one lane.
"""

import asyncio
from collections.abc import Sequence
from concurrent.futures import Executor
from dataclasses import dataclass, field
from typing import Final

import structlog
from redis.asyncio import Redis
from redis.exceptions import ResponseError

from engine.observations import Observation
from engine.packets import entry_ms
from engine.sampling import SamplingSettings, rate_for_load
from streams.bus import appearances, observations
from streams.bus.clock import BusClock
from streams.bus.connection import AWAY
from streams.bus.packets import StreamKey
from streams.clock import monotonic_ns, now_ns
from streams.codecs.pool import DecoderPool, Picture
from workers.desk import Desk
from workers.intake import Intake
from workers.models import Models, observation_models
from workers.snapshots import Snapshots
from workers.thinking import Job, Thought, think
from workers.turn import Turn

SECOND_NS: Final = 1_000_000_000

log = structlog.get_logger()


@dataclass(frozen=True, slots=True)
class Tools:
    """What every turn uses."""

    bus: Redis
    clock: BusClock
    models: Models
    pool: DecoderPool
    intake: Intake
    snapshots: Snapshots
    executor: Executor
    lanes: int  # threads of the executor
    batch: int | None  # pictures that a lane takes at most; None: all there are
    sampling: SamplingSettings
    budget_ms: int


@dataclass(slots=True)
class Analysis:
    """What the lanes of one worker do with its desks; `turn` is held while desks are in use."""

    tools: Tools
    desks: dict[str, Desk] = field(default_factory=dict)
    turn: Turn = field(default_factory=Turn)
    written: asyncio.Event = field(default_factory=asyncio.Event)  # something waits for the ledger
    rate_hz: float = 8.0
    _looked_at: set[StreamKey] = field(default_factory=set)  # by a lane, just now
    _spare: bool = False  # time is left for closer looks
    _busy_ns: int = 0
    _rated_ns: int = 0

    async def step(self) -> None:
        """One lane: wait for pictures, a quarter of a second at most, and analyse them."""
        tools = self.tools
        await tools.pool.wait(0.25, self._looked_at)
        async with self.turn.analysing():
            pictures = tools.pool.take(self._looked_at, tools.batch)
            streams = {picture.stream for picture in pictures}
            self._looked_at |= streams
            try:
                await self._analyse(self._jobs(pictures))
            finally:
                for picture in pictures:
                    picture.release()
                self._looked_at -= streams
                tools.pool.look_again()
            self._tick()
        self._adapt()

    def _jobs(self, pictures: Sequence[Picture]) -> list[Job]:
        local_ns = now_ns()
        bus_ms = self.tools.clock.now_ms(local_ns)
        jobs = []
        for picture in pictures:
            desk = self.desks.get(picture.stream.camera)
            if desk is None or desk.stream != picture.stream:
                continue
            refused = desk.refuse(picture, bus_ms, self.tools.budget_ms)
            if refused is not None:
                desk.figures.drops[refused] += 1
                continue
            desk.note(picture, local_ns)
            jobs.append(Job(desk, picture, self._spare))
        return jobs

    async def _analyse(self, jobs: Sequence[Job]) -> None:
        if not jobs:
            return
        loop = asyncio.get_running_loop()
        try:
            thoughts, took_ns = await loop.run_in_executor(
                self.tools.executor, _think_timed, self.tools.models, jobs
            )
        except Exception:  # one camera's odd picture must not end the others' analysis
            log.exception("turn failed", cameras=[job.desk.camera.id for job in jobs])
            for job in jobs:
                job.desk.figures.drops["defect"] += 1
            return
        self._busy_ns += took_ns
        for thought in thoughts:
            self._keep(thought)
        self.written.set()
        for thought in thoughts:
            try:
                await self._publish(thought)
            except (*AWAY, ResponseError):  # away, or full
                thought.job.desk.figures.drops["bus_away"] += 1

    def _keep(self, thought: Thought) -> None:
        desk = thought.job.desk
        desk.keep(thought.result)
        for evidence_id, jpeg in thought.snapshots:
            self.tools.snapshots.add(evidence_id, desk.camera.id, jpeg)
        wanted_hz = desk.activity.wanted_hz(
            thought.job.look.moved, desk.watch.tracked, thought.job.picture.captured_ns
        )
        self.tools.intake.set_rate(desk.stream, min(wanted_hz, self.rate_hz))

    async def _publish(self, thought: Thought) -> None:
        desk, picture, bus = thought.job.desk, thought.job.picture, self.tools.bus
        observation = Observation(
            camera=desk.camera.id,
            role=picture.stream.role,
            epoch_ms=picture.epoch_ms,
            pts=picture.pts,
            captured_ns=picture.captured_ns,
            token=desk.token,
            tracks=thought.result.tracks,
            models=observation_models(self.tools.models, desk.camera.purpose),
        )
        entry_id = await observations.publish(bus, observation, self.tools.clock.now_ms(now_ns()))
        latency_ms = entry_ms(entry_id) - entry_ms(picture.entry_id)
        desk.figures.analysed(now_ns(), latency_ms)
        await appearances.write(bus, desk.camera.id, thought.result.appearances)

    def _tick(self) -> None:
        """Let time pass for cameras without pictures, so that their visits end."""
        local_ns = now_ns()
        for desk in self.desks.values():
            if desk.stream in self._looked_at:
                continue
            result = desk.tick(local_ns)
            if result is not None and (result.alerts or result.visits):
                desk.keep(result)
                self.written.set()

    def _adapt(self) -> None:
        """Lower or raise all cameras' rate alike, once a second, by how busy the turns are."""
        elapsed_ns = monotonic_ns() - self._rated_ns
        if elapsed_ns < SECOND_NS:
            return
        if self._rated_ns:
            busy = self._busy_ns / elapsed_ns / self.tools.lanes
            elapsed_s = elapsed_ns / SECOND_NS
            self.rate_hz = rate_for_load(self.rate_hz, busy, elapsed_s, self.tools.sampling)
            self._spare = busy < self.tools.sampling.busy_spare
        self._rated_ns, self._busy_ns = monotonic_ns(), 0


def _think_timed(models: Models, jobs: Sequence[Job]) -> tuple[list[Thought], int]:
    """Think, and say how many nanoseconds it took."""
    begun_ns = monotonic_ns()
    thoughts = think(models, jobs)
    return thoughts, monotonic_ns() - begun_ns
