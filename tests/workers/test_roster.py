"""Cameras and people as the ledger holds them, and that changes and erasures reach the worker."""

import asyncio
from dataclasses import replace

import numpy as np
import pytest
from fakes.ledger_real import everything, with_ledger
from fakes.ledger_records import a_person
from fakes.worker_scenes import camera_of

from engine.gallery import GallerySettings
from workers.roster import Embedder, Listeners, Roster

pytestmark = [pytest.mark.integration, pytest.mark.slow]

EMBEDDER = "sface@1"


class Network:
    """Makes vectors of crops, and counts them; some crops it cannot read."""

    def __init__(self, unreadable=()):
        self.seen, self.unreadable = [], unreadable

    @staticmethod
    def vector(crop):
        found = np.random.default_rng(sum(crop)).standard_normal(128).astype(np.float32)
        return found / np.linalg.norm(found)

    async def embed(self, crops):
        if any(crop in self.unreadable for crop in crops):
            raise ValueError("a kept crop is no aligned face")
        self.seen += crops
        return np.stack([self.vector(crop) for crop in crops])


def embedder(label=EMBEDDER, network=None):
    return Embedder(label, GallerySettings(), (network or Network()).embed)


def roster_of(ledger, network=None):
    return Roster(ledger, embedder(network=network))


def under(person, model, only=None):
    """The person with the vectors (or one of them) of another embedder."""
    photos = tuple(
        replace(one, model=model) if only in (None, number) else one
        for number, one in enumerate(person.photos)
    )
    return replace(person, photos=photos)


def known(gallery):
    return sorted(person.person_id for person in gallery.people)


class Worker:
    """What a worker does when the roster changed: it notes it, and confirms erasures."""

    def __init__(self, ledger):
        self.ledger, self.galleries, self.erased, self.models = ledger, [], [], []

    async def regard(self, gallery):
        self.galleries.append(known(gallery))

    async def erase(self, person_id):
        self.erased.append(person_id)
        await self.ledger.people.confirm_erasure(person_id, "w-1")

    async def want(self, chosen):
        self.models.append(dict(chosen))

    @property
    def listeners(self):
        return Listeners(self.regard, self.erase, self.want)


async def until(condition):
    async with asyncio.timeout(10):
        while not condition():
            await asyncio.sleep(0.01)


def following(server, body):
    """Run body(ledger, roster, worker) while the roster follows the ledger."""

    async def work(ledger):
        roster, worker = roster_of(ledger), Worker(ledger)
        async with asyncio.TaskGroup() as tasks:
            follower = tasks.create_task(roster.follow(worker.listeners))
            await until(lambda: worker.galleries)
            await body(ledger, roster, worker)
            follower.cancel()

    with_ledger(server, work)


def test_everybody_enrolled_under_the_embedder_in_use_is_known(ledger_server):
    async def work(ledger):
        await ledger.people.put(a_person("p-1"))
        await ledger.people.put(under(a_person("p-2", photos=3), "other@2"))
        await ledger.people.put(under(a_person("p-3", photos=3), "other@2", only=0))
        await ledger.people.put(a_person("p-4", photos=0))
        network = Network()
        roster = roster_of(ledger, network)
        await roster.load()
        vectors = {one.person_id: one.vectors for one in roster.gallery.people}
        assert {one: len(held) for one, held in vectors.items()} == {"p-1": 2, "p-2": 3, "p-3": 3}
        theirs = {one: await ledger.people.get(one) for one in vectors}
        assert np.allclose(vectors["p-1"], [one.vector for one in theirs["p-1"].photos])
        anew = [*theirs["p-2"].photos, theirs["p-3"].photos[0]]  # enrolled under another embedder
        assert network.seen == [one.crop for one in anew]
        wanted = [network.vector(crop) for crop in network.seen]
        found = [*vectors["p-2"], vectors["p-3"][0]]
        assert np.allclose(found, wanted, atol=1e-3)
        assert [one.model for one in anew] == ["other@2"] * 4  # what they were enrolled by stays
        again = Network()
        await roster_of(ledger, again).load()
        assert again.seen == []  # it is kept

    with_ledger(ledger_server, work)


def test_a_crop_that_cannot_be_read_hinders_nobody_else(ledger_server):
    async def work(ledger):
        broken = under(a_person("p-1"), "other@2", only=0)
        await ledger.people.put(broken)
        await ledger.people.put(under(a_person("p-2", photos=1), "other@2"))
        roster = roster_of(ledger, Network({broken.photos[0].crop}))
        await roster.load()
        assert {one.person_id: len(one.vectors) for one in roster.gallery.people} == {
            "p-1": 1,
            "p-2": 1,
        }

    with_ledger(ledger_server, work)


def test_only_the_newest_embedders_vectors_are_kept_beside_the_first(ledger_server):
    async def work(ledger):
        await ledger.people.put(a_person("p-1"))
        roster = roster_of(ledger)
        for label in ("a@1", "b@1", "c@1", "b@1"):
            await roster.gallery_of(embedder(label))
        (person,) = await ledger.people.all()
        assert [sorted(one.again) for one in person.photos] == [["b@1", "c@1"]] * 2
        assert [one.model for one in person.photos] == [EMBEDDER] * 2

    with_ledger(ledger_server, work)


def test_vectors_bring_nobody_back_who_has_left(ledger_server):
    async def work(ledger):
        await ledger.people.put(a_person("p-1"))
        before = await everything(ledger)

        async def nobody():
            return set()

        async def drop(snapshots):
            assert not snapshots

        await ledger.people.erase("p-1", nobody, drop)
        gone = await everything(ledger)
        assert gone != before
        assert not await ledger.people.add_vectors("p-1", "a@1", {"f0": np.ones(128, np.float32)})
        assert await everything(ledger) == gone

    with_ledger(ledger_server, work)


def test_cameras_and_people_that_come_and_go_are_followed(ledger_server):
    async def body(ledger, roster, worker):
        await ledger.cameras.put(camera_of("gate"))
        await ledger.cameras.put(camera_of("hall"))
        await ledger.people.put(a_person("p-1"))
        await until(lambda: set(roster.cameras) == {"gate", "hall"} and worker.galleries[-1])
        assert worker.galleries[-1] == known(roster.gallery) == ["p-1"]
        await ledger.cameras.put(camera_of("gate", mask_required=True))
        await ledger.cameras.remove("hall")
        await until(lambda: "hall" not in roster.cameras)
        assert roster.cameras["gate"].mask_required

    following(ledger_server, body)


def test_chosen_networks_are_followed_and_kept(ledger_server):
    async def body(ledger, roster, worker):
        assert worker.models == [{}]
        await ledger.models.choose("mask", "doors@7")
        await ledger.models.choose("expression", "faces@2")
        await ledger.models.choose("mask", "doors@7")  # again: what was refused is tried again
        await until(lambda: len(worker.models) == 4)
        assert worker.models[-1] == {"mask": "doors@7", "expression": "faces@2"}
        await ledger.models.choose("mask", None)
        await until(lambda: worker.models[-1] == {"expression": "faces@2"})
        again = roster_of(ledger)
        await again.load()
        assert again.models == {"expression": "faces@2"}

    following(ledger_server, body)


def test_an_erased_person_is_forgotten_and_the_erasure_confirmed(ledger_server):
    async def body(ledger, roster, worker):
        await ledger.people.put(a_person("p-1"))
        await ledger.people.put(a_person("p-2"))
        await until(lambda: worker.galleries[-1] == ["p-1", "p-2"])

        async def live_workers():
            return {"w-1"}

        async def drop(snapshots):
            assert not snapshots

        done = await ledger.people.erase("p-1", live_workers, drop)
        assert (set(done.confirmed), set(done.unconfirmed)) == ({"w-1"}, set())
        assert worker.erased == ["p-1"]
        assert known(roster.gallery) == ["p-2"]

    following(ledger_server, body)


def test_an_erasure_that_was_cut_short_is_taken_up_at_the_start(ledger_server):
    async def work(ledger):
        await ledger.people.put(a_person("p-1"))

        async def cut_short():
            raise ConnectionError("the process that erased has ended")

        with pytest.raises(ConnectionError):
            await ledger.people.erase("p-1", cut_short, cut_short)
        roster, worker = roster_of(ledger), Worker(ledger)
        async with asyncio.TaskGroup() as tasks:
            follower = tasks.create_task(roster.follow(worker.listeners))
            await until(lambda: worker.erased)
            follower.cancel()
        assert worker.erased == ["p-1"]
        assert worker.galleries[-1] == []

    with_ledger(ledger_server, work)


def test_what_changed_while_the_ledger_was_away_is_learnt_when_it_is_back(ledger_server):
    async def body(ledger, roster, worker):
        await ledger_server.running.kill()
        await ledger_server.running.start()
        await ledger.people.put(a_person("p-1"))
        await until(lambda: worker.galleries[-1] == ["p-1"])

    following(ledger_server, body)
