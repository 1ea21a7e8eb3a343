"""A browser's camera, analysed picture by picture: what is said of each, refused, and kept."""

import asyncio

import cv2
import pytest
from fakes.analysis_scenes import setup_in, walk

from streams.gateway import analysis_camera, analysis_feed
from tests.fakes.analyses import ByHand, job_process, put, settings_with, shown, until
from tests.fakes.live_gateway import running_gateway

pytestmark = [pytest.mark.integration, pytest.mark.slow, pytest.mark.timeout(300)]

HOME = "/api/v1/analyses"
STEP_S = 0.1
SEEN = {"width": 4, "height": 3, "tracks": [], "words": {}}


@pytest.fixture
def make(tmp_path, bus_server, ledger_server):
    home = setup_in(tmp_path).home
    return lambda **bounds: settings_with(home, bus_server, ledger_server, **bounds)


async def begun(client, **wish):
    """Begin an analysis of a camera; return its id."""
    job_id = (await client.post(HOME, json=wish)).json()["id"]
    answer = await client.post(f"{HOME}/{job_id}/camera", params={"name": "camera-120000"})
    assert answer.status_code == 200, answer.text
    return job_id


async def show(client, job_id, data=b"picture", at_s=0.0):
    return await client.post(
        f"{HOME}/{job_id}/camera/pictures", params={"at_s": at_s}, content=data, timeout=60
    )


def jpeg(picture):
    return cv2.imencode(".jpg", picture)[1].tobytes()


async def shown_all(client, job_id, pictures):
    """Show pictures one after another, as a page does; return what was said of the last."""
    await until(client, job_id, "running")
    for index, picture in enumerate(pictures):
        answer = await show(client, job_id, jpeg(picture), index * STEP_S)
        assert answer.status_code == 200, answer.text
        if index == 0:
            assert [one["tentative"] for one in answer.json()["tracks"]] == [True]
    return answer.json()


async def taken(gateway):
    """Begin a camera's analysis and take it, as a worker does; the client, its id, the worker."""
    hand, client = ByHand(gateway), await gateway.client("operator")
    job_id = await begun(client)
    work, _, _ = await hand.claim()
    return client, job_id, work


def test_each_picture_is_answered_and_a_film_and_a_report_are_kept(make):
    pictures = walk("biden", 25, masked=True)

    async def main():
        settings = make()
        async with running_gateway(settings) as gateway, job_process(settings):
            client = await gateway.client("operator")
            wish = {"purpose": "expression", "because": "a test", "language": "zh"}
            job_id = await begun(client, **wish)
            last = await shown_all(client, job_id, pictures)
            (track,) = last["tracks"]
            assert (last["width"], last["height"]) == (480, 320)
            assert (track["tone"], track["tentative"], track["named"]) == ("worn", False, False)
            assert track["lines"][0].startswith("佩戴口罩")
            assert sum(track["mask"].values()) == pytest.approx(1, abs=0.01)
            assert sum(track["expression"].values()) == pytest.approx(1, abs=0.01)
            assert last["words"]["mask"]["worn"] == "佩戴口罩"
            assert (await client.delete(f"{HOME}/{job_id}/camera")).status_code == 204
            assert (await show(client, job_id)).status_code == 410
            job = await until(client, job_id, "done", "failed")
            assert (job["state"], job["reason"], job["problems"]) == ("done", None, [])
            assert job["results"] == ["0.mp4", "faces.json", "report.csv", "report.jsonl"]
            found = (await client.get(f"{HOME}/{job_id}/results/faces.json")).json()
            (file,) = found["files"]
            assert (file["name"], file["kind"], file["pictures"]) == ("camera-120000", "webcam", 25)
            assert file["seconds"] == pytest.approx(24 * STEP_S, abs=0.01)
            assert file["faces"][0]["state"] == "worn"

    asyncio.run(main())


def test_what_is_no_picture_ends_it_and_what_came_before_is_kept(make):
    async def main():
        settings = make()
        async with running_gateway(settings) as gateway, job_process(settings):
            client = await gateway.client("operator")
            job_id = await begun(client)
            await shown_all(client, job_id, walk("obama", 3))
            assert (await show(client, job_id, b"words", 1.0)).status_code == 410
            job = await until(client, job_id, "done", "failed")
            assert job["state"] == "done" and "0.mp4" in job["results"]
            (problem,) = job["problems"]
            assert problem["message"] == "a picture of the camera cannot be read"

    asyncio.run(main())


def test_one_picture_at_a_time_is_handed_on_and_only_its_answer_comes_back(make):
    async def main():
        async with running_gateway(make()) as gateway:
            hand, client = ByHand(gateway), await gateway.client("operator")
            job_id = await begun(client)
            work, told, _ = await hand.claim()
            assert told["camera"]
            assert (await work.get("files/0")).status_code == 404
            waits = asyncio.create_task(show(client, job_id, b"first", 0.5))
            shot = await work.get("camera")
            assert (shot.content, shot.headers["x-at-s"]) == (b"first", "0.5")
            assert (await show(client, job_id, b"second")).status_code == 429
            late = {"number": int(shot.headers["x-number"]) - 1, **SEEN}
            assert (await work.post("camera", json=late)).status_code == 204
            said = {"number": int(shot.headers["x-number"]), **SEEN}
            await work.post("camera", json=said)
            answer = await waits
            assert (answer.status_code, answer.json()) == (200, SEEN)
            assert (await client.delete(f"{HOME}/{job_id}/camera")).status_code == 204
            assert (await work.get("camera")).status_code == 205

    asyncio.run(main())


def test_a_page_that_went_ends_its_camera_and_a_long_one_ends_too(make, monkeypatch):
    async def ends(gateway):
        client, job_id, work = await taken(gateway)
        assert (await work.get("camera")).status_code == 205
        assert (await show(client, job_id)).status_code == 410
        await work.post("end", json={})
        assert (await shown(client, job_id))["state"] == "done"

    async def main():
        async with running_gateway(make()) as gateway:
            monkeypatch.setattr(analysis_feed, "SILENT_S", 0.5)
            await ends(gateway)
        async with running_gateway(make()) as gateway:
            monkeypatch.setattr(analysis_feed, "SILENT_S", 60)
            monkeypatch.setattr(analysis_camera, "LONGEST_S", 0.5)
            await ends(gateway)

    asyncio.run(main())


def test_a_picture_that_takes_long_is_not_silence(make, monkeypatch):
    monkeypatch.setattr(analysis_feed, "SILENT_S", 0.5)

    async def main():
        async with running_gateway(make()) as gateway:
            client, job_id, work = await taken(gateway)
            waits = asyncio.create_task(show(client, job_id))
            shot = await work.get("camera")
            assert (await work.get("camera")).status_code == 204  # after two seconds
            await work.post("camera", json={"number": int(shot.headers["x-number"]), **SEEN})
            assert (await waits).status_code == 200

    asyncio.run(main())


def test_a_cancelled_or_unanswered_picture_does_not_wait_for_ever(make, monkeypatch):
    monkeypatch.setattr(analysis_camera, "ANSWER_S", 0.5)

    async def main():
        async with running_gateway(make()) as gateway:
            hand, client = ByHand(gateway), await gateway.client("operator")
            job_id = await begun(client)
            assert (await show(client, job_id)).status_code == 409  # nobody has taken it yet
            work, _, _ = await hand.claim()
            assert (await show(client, job_id)).status_code == 504
            monkeypatch.setattr(analysis_camera, "ANSWER_S", 60)
            waits = asyncio.create_task(show(client, job_id))
            assert (await work.get("camera")).status_code == 200
            await client.delete(f"{HOME}/{job_id}")
            assert (await waits).status_code == 410
            assert (await work.get("camera")).status_code == 410

    asyncio.run(main())


def test_what_is_refused(make, monkeypatch):
    monkeypatch.setattr(analysis_camera, "PICTURE_BYTES", 2_000_000)

    async def main():
        async with running_gateway(make()) as gateway:
            hand, client = ByHand(gateway), await gateway.client("operator")
            job_id = (await client.post(HOME, json={})).json()["id"]
            assert (await show(client, job_id)).status_code == 409  # it is of files
            await put(client, job_id, 0, b"x")
            mixed = await client.post(f"{HOME}/{job_id}/camera", params={"name": "c"})
            assert mixed.status_code == 409 and "files were sent" in mixed.text
            job_id = await begun(client)
            await hand.claim()
            assert (await show(client, job_id, b"")).status_code == 422
            assert (await show(client, job_id, b"x" * 2_000_001)).status_code == 413
            assert (await show(client, job_id, at_s=-1)).status_code == 422
            other, viewer = await gateway.client("operator"), await gateway.client("viewer")
            assert (await show(other, job_id)).status_code == 404
            assert (await show(viewer, job_id)).status_code == 403

    asyncio.run(main())
