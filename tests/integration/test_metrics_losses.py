"""Every loss is told in /metrics with its reason: each is made to happen, and its figure rises."""

import asyncio
import contextlib
import os
import signal
from dataclasses import replace
from types import SimpleNamespace

import httpx
import pytest

from config.cameras import Camera
from engine.outbox import Outbox, VisitBox
from engine.packets import Codec, Role
from engine.visit_book import MAX_OPEN_VISITS
from streams import servers
from streams.bus.clock import BusClock
from streams.bus.packets import BusPacket, PacketWriter, Window
from streams.bus.sending import pipelined
from streams.clock import now_ns
from streams.codecs.pool import DecoderPool, PoolSettings, Unit
from streams.ingest.camera import IngestContext, PublishedStream
from streams.ingest.publisher import MemoryShare
from streams.viewer.hub import ViewerHub, ViewerSettings
from tests.fakes.codec_clips import DOOR, clip, entry_now
from tests.fakes.fake_source import FakeSource, Run
from tests.fakes.gateway_metrics import metric
from tests.fakes.ledger_real import BOX
from tests.fakes.ledger_records import a_visit, an_alert
from tests.fakes.live_camera import LiveCamera, now_ms
from tests.fakes.live_gateway import gateway_settings, running_gateway, until
from tests.fakes.whep_client import WhepClient
from tests.fakes.worker_scenes import camera_of, desk_of
from workers.intake import Intake
from workers.snapshots import KEPT, Snapshots
from workers.worker import Worker

pytestmark = [pytest.mark.integration, pytest.mark.slow]


@pytest.fixture
def settings(tmp_path, bus_server, ledger_server):
    return gateway_settings(tmp_path, bus_server, ledger_server)


@contextlib.asynccontextmanager
async def publishing(bus, share_bytes):
    """A camera that begins seven pictures before a keyframe and sends fast, as ingest sees it."""
    source = FakeSource([Run(first=3)], interval_s=0.004)
    context = IngestContext(
        redis=bus, send=pipelined(bus), owner="i", share=MemoryShare(share_bytes),
        clock=BusClock(), now_ns=now_ns, source_of=lambda camera, role: source,
    )  # fmt: skip
    camera = Camera(id="lobby", url="rtsp://127.0.0.1:8554/lobby")
    async with asyncio.TaskGroup() as group:
        task = group.create_task(PublishedStream(context, camera, Role.MAIN, 0).run())
        yield
        task.cancel()


def test_packets_that_ingest_leaves_out_or_the_bus_does_not_keep(settings, bus_server):
    async def main():
        async with running_gateway(settings) as gateway:
            await gateway.camera()

            async def lost(reason):
                labels = {"camera": "lobby", "stream": "main", "reason": reason}
                return await metric(gateway, "ostiary_camera_lost_packets", **labels) or 0

            async with publishing(gateway.parts.bus, share_bytes=20_000):
                await until(lambda: holds(lost("share")))
                assert await lost("before_keyframe") == 7
                assert (await lost("damaged"), await lost("bus")) == (0, 0)
                await asyncio.to_thread(bus_server.kill)
                await asyncio.to_thread(bus_server.start)
                await until(lambda: holds(lost("bus")))
                status = (await gateway.admin.get("/api/v1/status")).json()
                assert status["cameras"][0]["packets_lost"]["bus"] > 0

    asyncio.run(main())


async def holds(figure):
    return (await figure) > 0


def worker_of(bus, settings, desk, pool):
    """A worker with one desk, of which only the heartbeat is asked for."""
    tools = SimpleNamespace(
        bus=bus, pool=pool, intake=Intake(bus, pool, 8.0), snapshots=Snapshots(BOX)
    )
    analysis, keeping = SimpleNamespace(desks={"door": desk}), SimpleNamespace(leaving=[])
    return Worker(
        id="w-1", settings=settings, ledger=None, tools=tools, roster=None, enrolment=None,
        analysis=analysis, keeping=keeping, switching=SimpleNamespace(statuses={}),
    )  # fmt: skip


def test_what_a_worker_drops_of_a_camera(settings):
    async def main():
        async with running_gateway(settings) as gateway:
            await gateway.camera(id="door")
            bus, pool = gateway.parts.bus, DecoderPool(PoolSettings())
            desk = desk_of(camera_of("door"))
            worker = worker_of(bus, settings, desk, pool)
            await worker.tools.intake.begin(DOOR)

            async def dropped(reason):
                await worker._beat()
                labels = {"camera": "door", "reason": reason}
                return await metric(gateway, "ostiary_camera_dropped_pictures", **labels)

            assert (await dropped("refused"), await dropped("other_epoch")) == (0, 0)
            delta = clip(2)[1]
            pool.submit(Unit(DOOR, Codec.H264, entry_now(), delta, convert=True))
            assert await dropped("refused") == 1
            writer = PacketWriter(pipelined(bus), DOOR, Window())
            await writer.write([*clip(4, epoch_ms=2), *clip(3, epoch_ms=1)], now_ms())
            while await worker.tools.intake.step():
                pass
            assert await dropped("other_epoch") == 3
            lane = pool._lanes[DOOR]
            pool.lost(lane, "killed")
            await worker._beat()
            assert await metric(gateway, "ostiary_camera_decoder_kills", camera="door") == 1
            labels = {"worker": "w-1", "what": "decoders"}
            assert await metric(gateway, "ostiary_worker_lost", **labels) == 1

    asyncio.run(main())


def overfill(desk):
    """Lose one of each on the way to the ledger: both boxes hold one, and are given two."""
    desk.outbox, desk.visits = Outbox(capacity=1), VisitBox(capacity=1)
    over = {"state": "closed", "active": False}
    desk.outbox.put([an_alert(1, 2, **over), an_alert(2, 2, **over)])
    desk.visits.put([a_visit(1), a_visit(2)])


def test_what_a_worker_loses_on_the_way_to_the_ledger(settings):
    async def main():
        async with running_gateway(settings) as gateway:
            bus, pool = gateway.parts.bus, DecoderPool(PoolSettings())
            desk = desk_of(camera_of("door"))
            worker = worker_of(bus, settings, desk, pool)

            async def lost(what):
                await worker._beat()
                return await metric(gateway, "ostiary_worker_lost", worker="w-1", what=what)

            whats = ("alerts_outbox_full", "visits_outbox_full", "snapshots", "looks_without_visit")
            assert [await lost(what) for what in whats] == [0, 0, 0, 0]
            overfill(desk)
            for number in range(KEPT + 2):
                worker.tools.snapshots.add(f"e-{number}", "door", b"")
            crowd(desk)
            assert [await lost(what) for what in whats] == [1, 1, 2, 1]
            worker.keeping.leaving.append(worker.analysis.desks.pop("door"))
            assert await lost("alerts_at_hand_over") == 0
            desk.figures.lost["alerts_at_hand_over"] += 1
            assert await lost("alerts_at_hand_over") == 1
            worker.keeping.leaving.clear()  # written: the desk is no more, what it lost is told on
            assert await lost("alerts_at_hand_over") == 1
            worker.analysis.desks["door"] = desk_of(camera_of("door"), token=8)
            assert [await lost(what) for what in whats] == [1, 1, 2, 1]

    asyncio.run(main())


def crowd(desk):
    """One look at a track that gets no visit, for there are as many as may be."""
    book = desk.watch._visits
    book._visits = {str(number): SimpleNamespace(track=number) for number in range(MAX_OPEN_VISITS)}
    memory = SimpleNamespace(first_ns=0, face=None, colour=None, number=999, face_unit=lambda: None)
    visible = dict.fromkeys(range(MAX_OPEN_VISITS))
    assert book.attach(memory, None, visible, 10**12) is None
    book._visits = {}


def test_keys_that_are_guessed(settings):
    async def main():
        async with running_gateway(settings) as gateway:
            name = "ostiary_keys_refused_total"
            assert await metric(gateway, name, reason="throttled") is None
            async with httpx.AsyncClient(base_url=gateway.url) as guesser:
                for number in range(11):
                    await guesser.post("/api/v1/session", json={"key": f"ost_abcdef_{number}"})
            assert await metric(gateway, name, reason="wrong") == 8
            assert await metric(gateway, name, reason="throttled") == 3

    asyncio.run(main())


@contextlib.asynccontextmanager
async def watched(settings, packets, codec=Codec.H264):
    """A gateway with a real hub, a camera that plays, and a viewer of it."""
    hub = ViewerHub(servers.open_bus(settings, servers.open_box(settings)), ViewerSettings())
    async with running_gateway(settings, hub) as gateway, asyncio.TaskGroup() as group:
        camera = LiveCamera(gateway.parts.bus, packets, codec)
        await camera.begin()
        playing, viewer = group.create_task(camera.run()), WhepClient()
        await viewer.watch(hub)
        try:
            yield gateway, camera, viewer
        finally:
            await viewer.leave()
            playing.cancel()


def test_what_viewers_miss(settings):
    async def main():
        async with watched(settings, clip(50, g="50")) as (gateway, camera, viewer):
            await until(lambda: holds(sized(viewer.pictures)))

            async def missed(what, reason):
                return await metric(gateway, "ostiary_viewer_dropped", what=what, reason=reason)

            assert await missed("packets", "other_epoch") == 0
            late = LiveCamera(camera.redis, clip(3), epoch_ms=camera.epoch_ms - 1)
            await late.write(3)
            await until(lambda: holds(missed("packets", "other_epoch")))
            for token in (5, 4):
                await camera.observe(camera.sent[-1], token=token)
            await until(lambda: holds(missed("boxes", "replaced_worker")))
            await viewer.leave()
            await gateway.hub.close_all()
            assert gateway.hub.figures().viewers == 0
            assert await missed("packets", "other_epoch") == 3
            assert await missed("boxes", "replaced_worker") == 1

    asyncio.run(main())


async def sized(things):
    return len(things)


def test_a_shared_encoder_that_dies_and_what_it_leaves_out(settings):
    async def main():
        packets = clip(50, encoder="mjpeg")
        async with watched(settings, packets, Codec.MJPEG) as (gateway, _, viewer):
            await until(lambda: holds(sized(viewer.pictures)))
            assert await metric(gateway, "ostiary_encoders_died") == 0
            encoder = gateway.hub._feeds["door"].encoder
            os.kill(encoder.pid, signal.SIGKILL)
            await until(lambda: holds(metric(gateway, "ostiary_encoders_died")))
            labels = {"what": "pictures", "reason": "refused"}
            assert await metric(gateway, "ostiary_viewer_dropped", **labels) == 0
            delta = replace(packets[1], epoch_ms=2, keyframe=False)  # of a group not begun
            encoder.submit(BusPacket(DOOR, entry_now(), delta), Codec.MJPEG)
            assert await metric(gateway, "ostiary_viewer_dropped", **labels) == 1

    asyncio.run(main())
