"""Enrolling over HTTP: photos go to a worker, verdicts come back, only crops are kept."""

import asyncio

import numpy as np
import pytest

from engine.gallery import GallerySettings
from streams.bus.heartbeats import WorkerStatus, write_heartbeat
from streams.gateway import people
from tests.fakes.ledger_records import a_person
from tests.fakes.live_gateway import a_worker, gateway_settings, running_gateway
from workers.roster import Embedder, Roster

pytestmark = [pytest.mark.integration, pytest.mark.slow]

FORM = {"name": "Ada Byron", "consent": "signed 2026-11-22"}


@pytest.fixture
def settings(tmp_path, bus_server, ledger_server):
    return gateway_settings(tmp_path, bus_server, ledger_server)


def photos(*contents):
    return [("photos", (f"{n}.jpg", data, "image/jpeg")) for n, data in enumerate(contents)]


def test_a_person_is_enrolled_with_the_photos_that_were_accepted(settings):
    async def main():
        async with running_gateway(settings) as gateway:
            gateway.serving("enrolment", a_worker(gateway.parts, refused=frozenset({1})))
            files = photos(b"good", b"blurred", b"also good")
            answer = await gateway.admin.post("/api/v1/people", data=FORM, files=files)
            assert answer.status_code == 201, answer.text
            verdicts = answer.json()["verdicts"]
            assert [one["accepted"] for one in verdicts] == [True, False, True]
            assert verdicts[1]["reason"] == "blurred"
            person = await gateway.parts.ledger.people.get(answer.json()["id"])
            assert person.name == FORM["name"]
            assert sorted(one.crop for one in person.photos) == [b"also good", b"good"]
            assert np.allclose(person.photos[0].vector, 0.5)
            listed = (await gateway.admin.get("/api/v1/people")).json()["people"]
            assert [one["photos"] for one in listed] == [2]
            assert b"good" not in (await gateway.admin.get("/api/v1/people")).content

    asyncio.run(main())


def test_nobody_is_enrolled_without_one_good_photo(settings):
    async def main():
        async with running_gateway(settings) as gateway:
            gateway.serving("enrolment", a_worker(gateway.parts, refused=frozenset({0})))
            answer = await gateway.admin.post("/api/v1/people", data=FORM, files=photos(b"x"))
            assert answer.status_code == 422
            assert answer.json()["detail"]["verdicts"][0]["reason"] == "blurred"
            assert (await gateway.admin.get("/api/v1/people")).json()["people"] == []

    asyncio.run(main())


@pytest.mark.parametrize(
    ("form", "files", "status"),
    [
        (FORM, photos(b"a" * (people.PHOTO_BYTES + 1)), 413),
        (FORM, photos(*[b"a"] * 11), 422),
        (FORM, [], 415),
        ({"name": "Ada"}, photos(b"a"), 422),
        ({"name": " ", "consent": "signed"}, photos(b"a"), 422),
    ],
)
def test_what_cannot_be_enrolled_is_refused_before_a_worker_is_asked(settings, form, files, status):
    async def main():
        async with running_gateway(settings) as gateway:
            answer = await gateway.admin.post("/api/v1/people", data=form, files=files)
            assert answer.status_code == status, answer.text
            assert answer.json()["error"]

    asyncio.run(main())


def test_names_are_for_those_who_see_a_camera_that_knows_people(settings):
    async def main():
        async with running_gateway(settings) as gateway:
            gateway.serving("enrolment", a_worker(gateway.parts))
            await gateway.camera()
            await gateway.camera(id="yard", purpose="none")
            made = await gateway.admin.post("/api/v1/people", data=FORM, files=photos(b"x"))
            person_id = made.json()["id"]
            for cameras, expected in ((["lobby"], {person_id: "Ada Byron"}), (["yard"], {})):
                async with await gateway.client("viewer", cameras) as viewer:
                    answer = await viewer.get("/api/v1/people/names")
                    assert answer.json()["names"] == expected

    asyncio.run(main())


def test_erasing_takes_the_person_and_their_pictures(settings):
    async def main():
        async with running_gateway(settings) as gateway:
            gateway.serving("enrolment", a_worker(gateway.parts))
            await gateway.camera()
            made = await gateway.admin.post("/api/v1/people", data=FORM, files=photos(b"x"))
            person_id = made.json()["id"]
            await gateway.alert(1, person_id=person_id, snapshot="e-of-ada")
            await gateway.alert(2, snapshot="e-of-another")
            for name in ("e-of-ada", "e-of-another"):
                await gateway.parts.store.put(name, gateway.parts.box.seal(b"x"))
            worker = WorkerStatus("w-1", "cpu", 8, ("lobby",), {})
            await write_heartbeat(gateway.parts.bus, worker)
            await gateway.parts.ledger.people.confirm_erasure(person_id, "w-1")
            answer = await gateway.admin.delete(f"/api/v1/people/{person_id}")
            assert answer.status_code == 200, answer.text
            assert answer.json()["confirmed"] == ["w-1"]
            assert not await gateway.parts.store.has("e-of-ada")
            assert await gateway.parts.store.has("e-of-another")
            assert (await gateway.admin.get(f"/api/v1/people/{person_id}")).status_code == 404
            assert (await gateway.admin.get("/api/v1/people/names")).json()["names"] == {}
            again = await gateway.admin.delete(f"/api/v1/people/{person_id}")
            assert again.status_code == 404

    asyncio.run(main())


def test_how_well_people_can_be_told_apart_is_asked_of_a_worker(settings):
    async def main():
        async with running_gateway(settings) as gateway:
            ledger = gateway.parts.ledger
            for person in (a_person("p-1", "Ada Byron", photos=1), a_person("p-2", "Bo Diddley")):
                await ledger.people.put(person)
            gateway.serving("separability", (await loaded(ledger)).separability)
            answer = await gateway.admin.get("/api/v1/people/check")
            assert answer.status_code == 200, answer.text
            found = answer.json()
            assert found["embedder"] == "sface@1"
            by_name = {one["name"]: one for one in found["people"]}
            assert by_name["Ada Byron"]["nearest_name"] == "Bo Diddley"
            assert by_name["Ada Byron"]["advice"] == ["one_photo"]
            assert by_name["Bo Diddley"]["photos"] == 2
            async with await gateway.client("viewer") as viewer:
                assert (await viewer.get("/api/v1/people/check")).status_code == 403

    asyncio.run(main())


async def loaded(ledger):
    """A worker's roster of everybody in the ledger."""

    async def embed(crops):
        raise AssertionError("nobody needs new vectors")

    roster = Roster(ledger, Embedder("sface@1", GallerySettings(), embed))
    await roster.load()
    return roster
