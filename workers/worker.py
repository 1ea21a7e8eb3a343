"""Knows the worker process: what runs beside what, and how it begins and ends."""

import asyncio
import os
import secrets
from collections.abc import Awaitable, Callable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from typing import Final, NoReturn

import cv2
import structlog
from redis.asyncio import Redis
from redis.exceptions import ResponseError

from config.schema import Settings
from engine.catchup import CatchUpSettings
from engine.gallery import Gallery
from engine.sampling import SamplingSettings
from streams.bus import appearances, heartbeats, requests
from streams.bus.clock import MEASURE_EVERY_S, BusClock
from streams.bus.connection import AWAY
from streams.bus.heartbeats import WorkerStatus
from streams.clock import now_ns
from streams.codecs.pool import DecoderPool, PoolSettings
from streams.ledger.functions import Fenced, NotDurable
from streams.ledger.ledger import Ledger
from streams.servers import home, ledger_password, ledger_url, open_box, open_bus
from workers.analysis import Analysis, Tools
from workers.beat import Losses, camera_record
from workers.embedding import embedder_of
from workers.enrolment import Enrolment
from workers.intake import Intake
from workers.keeping import Keeping
from workers.manifest import load_manifest
from workers.models import Models
from workers.ownership import LOOK_EVERY_S, Ownership
from workers.roster import Listeners, Roster
from workers.runtime.conversion import convert_in_child
from workers.snapshots import Snapshots
from workers.switching import Switching, Workshop

AGAIN_AFTER_S: Final = 0.25
RELEASE_WITHIN_S: Final = 0.9

log = structlog.get_logger()


@dataclass(slots=True)
class Worker:
    """One worker: the cameras it owns, and the tasks that serve them."""

    id: str
    settings: Settings
    ledger: Ledger
    tools: Tools
    roster: Roster
    enrolment: Enrolment
    analysis: Analysis
    keeping: Keeping
    switching: Switching
    losses: Losses = field(default_factory=Losses)

    @property
    def bus(self) -> Redis:
        """The bus's client."""
        return self.tools.bus

    async def serve(self) -> None:
        """Run until cancelled, then flush and release everything within a second."""
        await self.roster.load()
        await self.switching.want(self.roster.models)
        await self.switching.step()  # before the first picture
        listeners = Listeners(self._regard, self._erase, self.switching.want)
        try:
            async with asyncio.TaskGroup() as tasks:
                for step, pause_s in (
                    (self.keeping.step, LOOK_EVERY_S),
                    (self._beat, 1.0),
                    (self._measure, MEASURE_EVERY_S),
                    (self.tools.intake.step, 0.0),
                    *[(self.analysis.step, 0.0)] * self.tools.lanes,
                    (self._write, 0.0),
                    (self._send_snapshots, 0.5),
                    (self.switching.step, 0.0),
                    (self._answer, 0.0),
                    (self._tell_of_models, 0.0),
                    (self._tell_of_people, 0.0),
                ):
                    tasks.create_task(patiently(step, pause_s))
                tasks.create_task(patiently(lambda: self.roster.follow(listeners), 0.0))
        finally:
            await self._leave()

    async def _beat(self) -> None:
        tools, desks, worker = self.tools, self.analysis.desks, self.settings.worker
        figures = {
            camera_id: camera_record(desk, tools.pool, tools.intake, now_ns())
            for camera_id, desk in desks.items()
        }
        lost = {
            **self.losses.of([*desks.values(), *self.keeping.leaving]),
            "snapshots": tools.snapshots.dropped,
            "decoders": tools.pool.children_lost,
        }
        owned = tuple(sorted(desks))
        models = self.switching.statuses
        status = WorkerStatus(self.id, worker.device, worker.capacity, owned, figures, lost, models)
        await heartbeats.write_heartbeat(self.bus, status)

    async def _measure(self) -> None:
        await self.tools.clock.measure(self.bus)

    async def _write(self) -> None:
        """Write what waits; woken by each turn, and looking every quarter of a second."""
        try:
            async with asyncio.timeout(AGAIN_AFTER_S):
                await self.analysis.written.wait()
        except TimeoutError:
            pass
        self.analysis.written.clear()
        await self.keeping.flush()

    async def _send_snapshots(self) -> None:
        await self.tools.snapshots.send(self.bus, now_ns())

    async def _answer(self) -> None:
        await requests.serve(self.bus, "enrolment", self.enrolment.answer, self.id)

    async def _tell_of_models(self) -> None:
        await requests.serve(self.bus, "model", self.switching.answer, self.id)

    async def _tell_of_people(self) -> None:
        await requests.serve(self.bus, "separability", self.roster.separability, self.id)

    async def _regard(self, gallery: Gallery) -> None:
        async with self.analysis.turn.changing():
            for desk in self.analysis.desks.values():
                desk.watch.replace_gallery(gallery)

    async def _erase(self, person_id: str) -> None:
        async with self.analysis.turn.changing():
            for desk in self.analysis.desks.values():
                desk.keep(desk.watch.erase_person(person_id, now_ns()))
                await appearances.forget(self.bus, desk.camera.id)
        await self.ledger.people.confirm_erasure(person_id, self.id)

    async def _leave(self) -> None:
        """Hand everything over: what waits goes to the ledger, leases and heartbeat go."""
        try:
            async with asyncio.timeout(RELEASE_WITHIN_S):
                await self.keeping.leave()
                await heartbeats.end_heartbeat(self.bus, self.id)
        except (TimeoutError, *AWAY, ResponseError, NotDurable) as error:
            log.warning("not all released", error=type(error).__name__)


async def patiently(step: Callable[[], Awaitable[object]], pause_s: float) -> NoReturn:
    """Run a step for ever; while a server is away or takes no writes, wait and try again.

    Fenced here is a camera that another worker claimed first: it is looked at again later.
    """
    while True:
        try:
            await step()
        except (*AWAY, ResponseError, NotDurable, Fenced) as error:
            log.warning("server away", step=getattr(step, "__name__", "step"), error=str(error))
            await asyncio.sleep(AGAIN_AFTER_S)
        await asyncio.sleep(pause_s)


async def run(settings: Settings) -> None:
    """Run one worker until cancelled."""
    box = open_box(settings)
    bus, clock = open_bus(settings, box), BusClock()
    ledger = await Ledger.connect(ledger_url(settings), ledger_password(settings, box), box)
    analysis, worker = settings.analysis, settings.worker
    loop = asyncio.get_running_loop()
    lanes, batch = (worker.threads, 1) if worker.device == "cpu" else (1, None)
    with ThreadPoolExecutor(lanes, thread_name_prefix="networks") as executor:
        models = await loop.run_in_executor(executor, load_models, settings)
        pool_settings = decoder_pool(settings)
        await clock.measure(bus)
        try:
            async with DecoderPool(pool_settings, lambda: clock.now_ms(now_ns())) as pool:
                sampling = SamplingSettings(
                    full_hz=analysis.pictures_per_s, idle_hz=analysis.idle_pictures_per_s
                )
                intake = Intake(bus, pool, analysis.pictures_per_s)
                tools = Tools(
                    bus, clock, models, pool, intake, Snapshots(box), executor, lanes, batch,
                    sampling, analysis.staleness_budget_ms,
                )  # fmt: skip
                worker_id = f"w-{secrets.token_hex(3)}-{os.getpid()}"
                roster = Roster(ledger, embedder_of(*models.network("embedder"), executor))
                turns = Analysis(tools, rate_hz=analysis.pictures_per_s)
                owner = Ownership(bus, ledger.fences, worker_id)
                await Worker(
                    id=worker_id,
                    settings=settings,
                    ledger=ledger,
                    tools=tools,
                    roster=roster,
                    enrolment=Enrolment(models, pool, box, executor),
                    analysis=turns,
                    keeping=Keeping(ledger, roster, turns, owner),
                    switching=Switching(turns, workshop(settings), roster),
                ).serve()
        finally:
            await ledger.aclose()
            await bus.aclose()


def decoder_pool(settings: Settings) -> PoolSettings:
    """Return how pictures are decoded."""
    worker, budget_ms = settings.worker, settings.analysis.staleness_budget_ms
    catch_up = CatchUpSettings(budget_ms=budget_ms)
    return PoolSettings(worker.decoders, worker.decoder_memory_bytes, catch_up=catch_up)


def workshop(settings: Settings) -> Workshop:
    """Return where other networks are looked for and made ready."""
    place, worker = home(settings), settings.worker
    return Workshop(place, place / "cache" / "networks", worker.device, worker.threads)


def load_models(settings: Settings) -> Models:
    """Load and warm the networks; converted ones are cached in the home."""
    cache = workshop(settings).cache
    cv2.setNumThreads(1)  # lanes are the parallelism
    if settings.worker.device == "cpu":
        convert_in_child(load_manifest().values(), cache)
    models = Models.load(
        settings.worker.device,
        cache,
        settings.worker.threads,
        settings.analysis.detect_size_px,
    )
    models.warm(640, 360)
    models.warm(1280, 720)
    return models
