"""Knows how a test lets one worker keep cameras on a real bus and a real ledger."""

import asyncio
from concurrent.futures import ThreadPoolExecutor
from contextlib import asynccontextmanager
from dataclasses import dataclass

import cv2
import numpy as np
from fakes.ledger_real import BOX, inbox, with_ledger
from fakes.worker_scenes import BEGIN_NS, PORTRAITS, SECOND_NS, camera_of, picture_of, scene
from redis.exceptions import ResponseError

from engine.alerts import AlertReason, AlertRevision, AlertState
from engine.people import Person, Photo
from engine.purpose import Purpose
from engine.rules import RuleKind
from engine.sampling import SamplingSettings
from engine.visits import VisitState
from ostiary.demo.portraits import read_picture
from streams.bus import appearances, heartbeats, keys
from streams.bus.clock import BusClock
from streams.bus.connection import AWAY, connect
from streams.bus.heartbeats import WorkerStatus
from streams.clock import now_ns
from streams.codecs.pool import DecoderPool, PoolSettings
from streams.ledger.functions import Fenced, NotDurable
from streams.valkey import USER
from workers.analysis import Analysis, Tools
from workers.crops import ALIGNED
from workers.desk import Desk
from workers.embedding import embedder_of
from workers.intake import Intake
from workers.keeping import Keeping
from workers.ownership import Holding, Ownership
from workers.roster import Roster
from workers.snapshots import Snapshots
from workers.thinking import Job, think

EVERY_NS = SECOND_NS // 5
STAFF = "staff"  # subscribes to everything
ENROLLED = "obama"
GUARDED = camera_of("lobby", Purpose.PEOPLE, mask_required=True)
MASKED = camera_of("lobby", mask_required=True)  # masks alone: nobody is named
PLAIN = camera_of("lobby")
SERVER_TROUBLE = (*AWAY, ResponseError, NotDurable, Fenced)  # what a worker's step survives


@dataclass
class Bench:
    """One worker that keeps cameras; the test is its task group and its cameras' ingest."""

    ledger: object
    keeping: Keeping
    pictures: int = 0  # shown so far: each is a fifth of a second after the one before

    @property
    def tools(self) -> Tools:
        return self.keeping.analysis.tools

    @property
    def bus(self):
        return self.tools.bus

    @property
    def owner(self) -> Ownership:
        return self.keeping.ownership

    def desk(self, camera="lobby") -> Desk | None:
        return self.keeping.analysis.desks.get(camera)

    def holding(self, camera="lobby") -> Holding | None:
        return self.owner.holdings.get(camera)

    @property
    def read(self):
        """The streams that the intake reads."""
        return {(one.camera, one.role) for one in self.tools.intake.streams}

    async def register(self, *cameras, removed=()):
        """Set cameras up as the gateway does, and let the roster hear of it."""
        for camera in cameras:
            await self.ledger.cameras.put(camera)
        for camera_id in removed:
            await self.ledger.cameras.remove(camera_id)
        await self.keeping.roster.load()

    async def look(self, times=1):
        """Beat, then step; a server that is away ends the step, as it does in the worker."""
        for _ in range(times):
            try:
                await self.beat(self.owner.worker_id, *self.owner.holdings)
                await self.keeping.step()
            except SERVER_TROUBLE:
                return

    async def beat(self, worker, *cameras):
        await heartbeats.write_heartbeat(self.bus, WorkerStatus(worker, "cpu", 32, cameras))

    async def show(self, key=ENROLLED, pictures=12, camera="lobby"):
        """Let a camera see somebody walk; return the thoughts, with what they say written."""
        desk, thoughts = self.desk(camera), []
        for _ in range(pictures):
            pixels = scene((key, 60 + 6 * self.pictures, 60, 90))
            picture = picture_of(camera, pixels, BEGIN_NS + self.pictures * EVERY_NS)
            self.pictures += 1
            desk.note(picture, now_ns())
            thoughts += think(self.tools.models, [Job(desk, picture)])
            desk.keep(thoughts[-1].result)
            await appearances.write(self.bus, camera, thoughts[-1].result.appearances)
        await self.keeping.flush()
        return thoughts

    async def with_alert(self, camera=None, key=ENROLLED):
        """Let somebody stand there without a mask: the open visit, and its alerts by kind."""
        await self.enrol()
        await self.register(camera or GUARDED)
        await self.look()
        await self.show(key)
        (visit,) = await self.ledger.visits.open("lobby")
        return visit, {kept.revision.kind: kept.revision for kept in visit.alerts}

    async def enrol(self, key=ENROLLED):
        """Enrol somebody whose id is the portrait's name."""
        photo = np.ascontiguousarray(read_picture(PORTRAITS[key].photo)[..., :3])
        models = self.tools.models
        (faces,) = models.detect([photo])
        crops = models.crop(photo, faces.points[:1], ALIGNED)
        (vector,), (_, jpeg) = models.embed(crops), cv2.imencode(".jpg", crops[0])
        made = Photo("f-1", vector, models.versions["embedder"], jpeg.tobytes())
        await self.ledger.people.put(Person(key, key.title(), "signed", BEGIN_NS, (made,)))
        await self.keeping.roster.load()

    async def told(self, kind=None) -> list[AlertRevision]:
        """Every revision that the staff's inbox holds, in the order of writing."""
        entries = [fields["alert"] for _, fields in await inbox(self.ledger, STAFF)]
        found = [AlertRevision.from_record(one) for one in entries]
        return [one for one in found if kind in (None, one.kind)]

    async def kept(self, visit_id) -> VisitState:
        """A visit as the ledger has it, open or ended."""
        key = keys.record("visit", visit_id)
        return VisitState.from_json(await self.ledger.redis.hget(key, "state"))

    async def leave(self):
        """End as the worker does."""
        await self.keeping.leave()
        await heartbeats.end_heartbeat(self.bus, self.owner.worker_id)

    def another(self, name="w-2") -> "Bench":
        """Another worker on the same servers, with the same networks."""
        return Bench(self.ledger, keeping_of(name, self.ledger, self.tools))


def changed(camera, **settings):
    """The camera with other settings."""
    return camera.model_copy(update=settings)


def is_one_story(revisions):
    """Assert that revisions grow, one opening comes first, and what is over is told once."""
    numbers = [one.revision for one in revisions]
    assert len({one.id for one in revisions}) == 1
    assert numbers == sorted(set(numbers))
    assert [one.state is AlertState.OPENED for one in revisions] == [True] + [False] * (
        len(numbers) - 1
    )
    assert [one.over for one in revisions] == [False] * (len(numbers) - 1) + [True]


@asynccontextmanager
async def outage(bench, server, how):
    """The ledger is away, or takes no writes."""
    if how == "away":
        await server.running.kill()
    else:
        await bench.ledger.redis.config_set("maxmemory", 1)
    yield
    if how == "away":
        await server.running.start()
    else:
        await bench.ledger.redis.config_set("maxmemory", 0)


async def has_ended(bench, visit, alerts):
    """The visit is over, and so is its alert: told once, with the reason."""
    assert (await bench.kept(visit.id)).ended
    assert await bench.ledger.visits.open("lobby") == []
    told = await bench.told()
    is_one_story(told)
    assert told[-1].id == alerts[RuleKind.UNMASKED].id
    assert told[-1].reason is AlertReason.CAMERA_CHANGED


def keeping_of(name, ledger, tools: Tools) -> Keeping:
    roster = Roster(ledger, embedder_of(*tools.models.network("embedder"), tools.executor))
    return Keeping(ledger, roster, Analysis(tools), Ownership(tools.bus, ledger.fences, name))


def on_bench(models, bus_server, ledger_server, body):
    """Run body(bench) within a minute; the decoders have no children, for nothing is decoded."""

    async def work(ledger):
        bus, clock = connect(bus_server.url, USER, bus_server.plan.password), BusClock()
        await clock.measure(bus)
        await ledger.subscribers.add(STAFF)
        pool = DecoderPool(PoolSettings(children=1))
        with ThreadPoolExecutor(1) as executor:
            tools = Tools(
                bus=bus,
                clock=clock,
                models=models,
                pool=pool,
                intake=Intake(bus, pool, 8.0),
                snapshots=Snapshots(BOX),
                executor=executor,
                lanes=1,
                batch=None,
                sampling=SamplingSettings(),
                budget_ms=500,
            )
            try:
                async with asyncio.timeout(60):
                    await body(Bench(ledger, keeping_of("w-1", ledger, tools)))
            finally:
                await bus.aclose()

    with_ledger(ledger_server, work)
