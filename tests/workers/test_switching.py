"""Another network while cameras are analysed: put in use, or refused with the old one kept."""

import asyncio
import gc
import math
import time
import weakref

import pytest
from fakes.analysis_bench import bench
from fakes.keeping_bench import on_bench
from fakes.model_folders import damage, write_embedder, write_model
from fakes.whole_system import CACHE
from fakes.worker_scenes import camera_of, scene

from engine.observations import MaskState
from engine.purpose import Purpose
from engine.rules import RuleKind
from streams.bus.heartbeats import ModelState
from workers.manifest import load_manifest
from workers.models import Models
from workers.switching import Switching, Workshop

pytestmark = [pytest.mark.integration, pytest.mark.slow]

SHIPPED, OTHER = load_manifest()["mask"].label, "doors@7"
INCORRECT = list(MaskState).index(MaskState.INCORRECT)
GAP_S = 1.0
EVERY_S = 1 / 8


@pytest.fixture
def own(models):
    """The shared networks in a set of their own, so that a switch is not seen by other tests."""
    return Models(models._parts)


def switching_of(bench, home, cache=CACHE / "networks"):
    return Switching(bench.analysis, Workshop(home, cache, "cpu", 1), None)  # nobody is enrolled


async def choose(switching, **chosen):
    await switching.want(chosen)
    await switching.step()


class Passer:
    """Somebody without a mask who walks by; each picture is analysed as it comes."""

    def __init__(self, bench):
        self.bench, self.step, self.seen_s = bench, 0, [time.monotonic()]

    async def walk(self, pictures):
        for _ in range(pictures):
            head = ("obama", 60 + 6 * (self.step % 50), 60, 90)
            await self.bench.show(scene(head), self.step)
            self.seen_s.append(time.monotonic())
            self.step += 1

    async def walk_until(self, done):
        while not done.is_set():
            await asyncio.sleep(EVERY_S)  # a camera sends no faster
            await self.walk(1)

    @property
    def longest_s(self):
        return max(b - a for a, b in zip(self.seen_s, self.seen_s[1:], strict=False))


def alerts(desk):
    """The revisions that wait for the ledger, by kind: the newest of each."""
    found = {}
    while (one := desk.outbox.take()) is not None:
        found[one.kind] = one
        desk.outbox.confirm(one)
    return found


def test_the_network_changes_while_pictures_go_on(own, bus_server, tmp_path):
    write_model(tmp_path, "mask", OTHER, INCORRECT)

    async def body(bench):
        switching, done = switching_of(bench, tmp_path, tmp_path / "cache"), asyncio.Event()
        passer = Passer(bench)
        await passer.walk(12)
        first = alerts(bench.desk)
        assert set(first) == {RuleKind.UNMASKED}

        async def switch():
            await choose(switching, mask="doors")
            done.set()

        async with asyncio.TaskGroup() as tasks:
            tasks.create_task(switch())
            tasks.create_task(passer.walk_until(done))
        await passer.walk(40)
        assert passer.longest_s < GAP_S
        published = [one.models["mask"] for one in await all_published(bench)]
        before = published.count(SHIPPED)
        assert before > 12 + 5  # the old network went on while the new one was made
        assert published == [SHIPPED] * before + [OTHER] * (passer.step - before)
        assert (await all_published(bench))[-1].tracks[0].mask.state is MaskState.INCORRECT
        second = alerts(bench.desk)
        assert second[RuleKind.MASK_INCORRECT].evidence.models["mask"] == OTHER
        status = switching.statuses["mask"]
        assert (status.in_use, status.wanted, status.state) == (OTHER, None, ModelState.IN_USE)

    bench(own, bus_server, body)


async def all_published(bench):
    """Every observation of the door, oldest first."""
    from streams.bus.keys import observations
    from streams.bus.observations import decode

    return [decode(fields[b"o"]) for _, fields in await bench.bus.xrange(observations("door"))]


def damaged(home):
    damage(write_model(home, "mask", OTHER))


def missing(home):
    (write_model(home, "mask", OTHER) / "weights.safetensors").unlink()


def of_two_classes(home):
    write_model(home, "mask", OTHER, columns=[0, 2])


def of_other_columns(home):
    write_model(home, "mask", OTHER, columns=[0, 2], classes=3)


def of_another_network(home):
    write_model(home, "mask", OTHER, network="perceptron", sure=19.0)


def not_a_number(home):
    write_model(home, "mask", OTHER, sure=math.nan)


def broken(home):
    write_model(home, "mask", "doors@8", drop="sha256").rename(home / "models" / "doors")


def nowhere(home):
    write_model(home, "expression", OTHER)


@pytest.mark.parametrize(
    ("make", "said"),
    [
        (damaged, "are not what its description names"),
        (missing, "are missing; train the model again, or remove its folder"),
        (of_two_classes, "tells 2 classes apart; the live system needs 3"),
        (of_other_columns, "cannot be converted"),
        (of_another_network, "no network is called 'perceptron'"),
        (not_a_number, "answers what is no number"),
        (broken, "sha256 is missing"),
        (nowhere, f"Known: {SHIPPED}."),
    ],
)
def test_what_cannot_be_used_leaves_the_old_one(own, bus_server, tmp_path, make, said):
    make(tmp_path)

    async def body(bench):
        switching, before = switching_of(bench, tmp_path), own.entries["mask"]
        await choose(switching, mask=OTHER)
        status = switching.statuses["mask"]
        assert (status.in_use, status.wanted) == (SHIPPED, OTHER)
        assert status.state is ModelState.REFUSED
        assert said in status.reason
        assert "\n" not in status.reason
        assert own.entries["mask"] is before
        await Passer(bench).walk(1)
        assert (await all_published(bench))[0].models == {"mask": SHIPPED}

    bench(own, bus_server, body)


def test_what_was_mended_is_tried_again(own, bus_server, tmp_path):
    folder = write_model(tmp_path, "mask", OTHER)
    sound = (folder / "weights.safetensors").read_bytes()
    damage(folder)

    async def body(bench):
        switching = switching_of(bench, tmp_path)
        await choose(switching, mask=OTHER)
        assert switching.statuses["mask"].state is ModelState.REFUSED
        (folder / "weights.safetensors").write_bytes(sound)
        await choose(switching, mask=OTHER)
        assert switching.statuses["mask"].in_use == OTHER
        damage(folder)  # what is in use stays in use, and says that its file is not what it was
        await choose(switching, mask=OTHER)
        assert switching.statuses["mask"].in_use == OTHER
        assert switching.statuses["mask"].state is ModelState.REFUSED

    bench(own, bus_server, body)


def test_the_way_back_and_the_old_network_is_let_go(own, bus_server, tmp_path):
    write_model(tmp_path, "mask", OTHER, INCORRECT, input=[224, 224])
    write_model(tmp_path, "expression", "faces@2")

    async def body(bench):
        switching = switching_of(bench, tmp_path)
        await choose(switching, mask=OTHER, expression="faces@2")
        assert own.versions["expression"] == "faces@2"
        assert own.framing("mask").size_px == 224
        await Passer(bench).walk(2)
        gone = weakref.ref(own._parts.runtimes["mask"])
        await choose(switching, expression="faces@2")
        assert own.versions["mask"] == SHIPPED
        assert own.versions["expression"] == "faces@2"
        assert own.framing("mask").size_px == 96
        gc.collect()
        assert gone() is None
        await Passer(bench).walk(1)

    bench(own, bus_server, body)


def test_a_worker_says_whether_it_could_use_a_model(own, bus_server, tmp_path):
    write_model(tmp_path, "mask", OTHER)
    damage(write_model(tmp_path, "mask", "damaged@1"))

    async def body(bench):
        switching = switching_of(bench, tmp_path)

        async def asked(name, task=b"mask"):
            return await switching.answer({"task": task, "name": name.encode()})

        assert await asked("doors") == {"label": OTHER, "shipped": False}
        assert await asked("mobilenet-v2-mask") == {"label": SHIPPED, "shipped": True}
        unknown, unusable = await asked("nobody"), await asked("damaged")
        assert unknown["refused"] == "unknown"
        assert OTHER in unknown["reason"]
        assert unusable["refused"] == "unusable"
        assert "damaged-1" in unusable["reason"]
        assert (await asked("doors", b"detector"))["refused"] == "task"
        assert own.versions["mask"] == SHIPPED

    bench(own, bus_server, body)


def test_the_detector_stays(own):
    with pytest.raises(ValueError, match="detector cannot change"):
        own.replace(*own.network("detector"))


def test_people_are_recognised_by_another_embedder(own, bus_server, ledger_server, tmp_path):
    write_embedder(tmp_path, "turned@1")

    async def body(bench):
        await bench.enrol()
        await bench.register(camera_of("lobby", purpose=Purpose.PEOPLE))
        await bench.look()
        keeping = bench.keeping
        shop = Workshop(tmp_path, tmp_path / "cache", "cpu", 1)
        switching = Switching(keeping.analysis, shop, keeping.roster)
        shipped = keeping.roster.embedder.label
        before = await bench.show()
        assert named(before)[-1] == "obama"
        await choose(switching, embedder="turned")
        assert switching.statuses["embedder"].in_use == "turned@1" == keeping.roster.embedder.label
        after = await bench.show()
        assert named(after) == ["obama"] * len(after)  # by vectors of the new one, without a gap
        assert len(await bench.ledger.visits.open("lobby")) == 1  # the visit goes on
        (person,) = await bench.ledger.people.all()
        (photo,) = person.photos
        assert photo.model == shipped
        anew = photo.under("turned@1") @ photo.vector[::-1]
        assert anew > 0.95  # of the kept JPEG, not of the picture itself
        assert abs(photo.under("turned@1") @ photo.vector) < 0.4  # the old ones would not do
        await choose(switching)
        assert switching.statuses["embedder"].in_use == shipped
        assert named(await bench.show())[-1] == "obama"

    on_bench(own, bus_server, ledger_server, body)


def named(thoughts):
    """Whom each picture's only track is said to be."""
    return [thought.result.tracks[0].who.person_id for thought in thoughts]
