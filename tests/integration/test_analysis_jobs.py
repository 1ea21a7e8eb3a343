"""`ostiary analyze --job` itself: what it returns, and that it ends when it should."""

import asyncio
import contextlib
import json
import os
from pathlib import Path

import pytest
import uvloop
from fakes.analysis_scenes import masked_scene, setup_in, walk, written
from fakes.films import write_film
from fakes.worker_scenes import scene

from ostiary.jobs.errand import Bench, Errand
from ostiary.jobs.order import Order
from streams.gateway import analysis_jobs
from tests.fakes.analyses import DONE_WITHIN_S, job_process, sent, settings_with, shown, until
from tests.fakes.live_gateway import running_gateway

pytestmark = [pytest.mark.integration, pytest.mark.slow, pytest.mark.timeout(600)]

HOME = "/api/v1/analyses"


@pytest.fixture
def make(tmp_path, bus_server, ledger_server):
    home = setup_in(tmp_path).home
    return lambda **bounds: settings_with(home, bus_server, ledger_server, **bounds)


@pytest.fixture(scope="module")
def film(tmp_path_factory):
    """A film that takes a while."""
    path = tmp_path_factory.mktemp("film") / "long.mp4"
    return write_film(path, walk("obama", 140, step_px=2) * 5).read_bytes()


@pytest.fixture(scope="module")
def door(tmp_path_factory):
    path = tmp_path_factory.mktemp("door") / "door.png"
    return written(path, scene(("obama", 60, 60, 100), ("hopper", 360, 60, 100))).read_bytes()


async def result(client, job, name):
    answer = await client.get(f"{HOME}/{job['id']}/results/{name}")
    assert answer.status_code == 200, answer.text
    return answer


def test_pictures_a_film_and_what_is_neither(make, door, tmp_path):
    film = write_film(tmp_path / "walk.mp4", walk("biden", 25, masked=True)).read_bytes()
    masked = written(tmp_path / "m.png", masked_scene("biden")).read_bytes()
    files = {"门口.png": door, "no.txt": b"words", "m.png": masked, "walk.mp4": film}

    async def main():
        settings = make()
        async with running_gateway(settings) as gateway, job_process(settings):
            client = await gateway.client("operator")
            wish = {"purpose": "expression", "because": "a test", "language": "zh"}
            job = await until(client, (await sent(client, files, **wish))["id"], "done", "failed")
            assert (job["state"], job["reason"]) == ("done", None)
            (problem,) = job["problems"]
            assert (problem["file"], problem["name"]) == (1, "no.txt")
            assert "neither a picture nor a film" in problem["message"]
            names = ["0.jpg", "2.jpg", "3.mp4", "faces.json", "report.csv", "report.jsonl"]
            assert job["results"] == names
            found = (await result(client, job, "faces.json")).json()
            first, second, third = found["files"]
            assert [len(one["faces"]) for one in (first, second, third)] == [2, 1, 1]
            face = first["faces"][0]
            assert max(face["mask"], key=face["mask"].get) == face["state"] == "missing"
            assert sum(face["mask"].values()) == pytest.approx(1, abs=0.01)
            assert sum(face["expression"].values()) == pytest.approx(1, abs=0.01)
            assert face["words"][0].startswith("未戴口罩") and face["view"]
            track = third["faces"][0]
            assert (track["state"], track["track"]) == ("worn", 1)
            assert sum(track["mask"].values()) == pytest.approx(1, abs=0.01)
            assert track["looks"] > 5 and track["last_s"] > track["first_s"]
            report = (await result(client, job, "report.jsonl")).text.splitlines()
            assert {json.loads(line)["file"] for line in report} == set(files) - {"no.txt"}
            head = (await result(client, job, "3.mp4")).content[4:8]
            assert head == b"ftyp"
            assert (await result(client, job, "0.jpg")).content.startswith(b"\xff\xd8")
            assert not (settings.home / "analyses-work").exists()

    asyncio.run(main())


def test_a_cancelled_analysis_ends_its_process_and_the_next_one_runs(make, film, door):
    async def main():
        settings = make(niceness=3)
        async with running_gateway(settings) as gateway, job_process(settings) as jobs:
            client = await gateway.client("operator")
            job = await sent(client, {"long.mp4": film})
            child = await jobs.child()
            async with asyncio.timeout(DONE_WITHIN_S):
                while not (await shown(client, job["id"]))["at"]:
                    await asyncio.sleep(0.05)
            net = Path(f"/proc/{child.pid}/ns/net").readlink()
            assert net != Path("/proc/self/ns/net").readlink()  # no network where it is opened
            assert child.nice() == os.nice(0) + 3
            following = await sent(client, {"door.png": door})
            assert (await client.delete(f"{HOME}/{job['id']}")).status_code == 204
            await until(client, job["id"], "cancelled")
            async with asyncio.timeout(4):  # the film takes three times as long
                while child.is_running():
                    await asyncio.sleep(0.02)
            found = await until(client, following["id"], "done", "failed")
            assert (found["state"], found["reason"]) == ("done", None)

    asyncio.run(main())


def test_a_killed_process_fails_its_analysis_with_the_reason_and_the_next_one_runs(
    make, film, door
):
    async def main():
        settings = make()
        async with running_gateway(settings) as gateway, job_process(settings) as jobs:
            client = await gateway.client("operator")
            job = await sent(client, {"long.mp4": film})
            following = await sent(client, {"door.png": door})
            (await jobs.child()).kill()
            found = await until(client, job["id"], "done", "failed")
            assert found["reason"] == "the process that analysed it was killed (signal 9)"
            assert found["results"] == []
            found = await until(client, following["id"], "done", "failed")
            assert (found["state"], found["reason"]) == ("done", None)

    asyncio.run(main())


def test_a_process_that_dies_before_it_is_told_anything_is_told_of(tmp_path, monkeypatch):
    """It is dead and its pipes are closed by the time that the order is written."""
    start = asyncio.create_subprocess_exec

    async def started(*arguments, **options):
        process = await start(*arguments, **options)
        process.kill()
        await process.wait()
        await asyncio.sleep(0.05)
        return process

    async def main():
        monkeypatch.setattr(asyncio, "create_subprocess_exec", started)
        errand = Errand(None, Bench(tmp_path, tmp_path, 1 << 30), "job")
        return await errand._have_done(Order(tmp_path, tmp_path, {}))

    with asyncio.Runner(loop_factory=uvloop.new_event_loop) as runner:  # as `ostiary` runs it
        assert runner.run(main()) == "the process that analysed it was killed (signal 9)"


def test_an_analysis_that_takes_too_long_is_ended(make, film):
    async def main():
        settings = make(time_limit_s=2)
        async with running_gateway(settings) as gateway, job_process(settings) as jobs:
            client = await gateway.client("operator")
            job = await sent(client, {"long.mp4": film})
            found = await until(client, job["id"], "done", "failed")
            assert "it took longer than" in found["reason"]
            assert jobs.children() == []

    asyncio.run(main())


def test_a_gateway_that_goes_away_ends_the_work_and_the_process_waits_for_the_next(
    make, film, door
):
    async def main():
        settings = make()
        async with job_process(settings) as jobs:
            async with running_gateway(settings) as gateway:
                await sent(await gateway.client("operator"), {"long.mp4": film})
                child = await jobs.child()
            async with running_gateway(settings) as gateway:
                client = await gateway.client("operator")
                async with asyncio.timeout(20):
                    while child.is_running():
                        await asyncio.sleep(0.02)
                job = await sent(client, {"door.png": door})
                assert (await until(client, job["id"], "done", "failed"))["state"] == "done"

    asyncio.run(main())


def test_a_model_that_is_not_there_is_told(make, door):
    async def main():
        settings = make()
        async with running_gateway(settings) as gateway, job_process(settings):
            client = await gateway.client("operator")
            options = (await client.get(f"{HOME}/options")).json()
            assert options["models"]["mask"][0].startswith("mobilenet")
            job = await sent(client, {"door.png": door}, models={"mask": "none"})
            found = await until(client, job["id"], "done", "failed")
            assert "There is no mask model 'none'" in found["reason"]

    asyncio.run(main())


def test_a_killed_waiting_process_takes_its_child_along_and_another_one_goes_on(
    make, film, door, monkeypatch
):
    monkeypatch.setattr(analysis_jobs, "SILENT_S", 2.0)

    async def main():
        settings = make()
        async with running_gateway(settings) as gateway:
            client = await gateway.client("operator")
            with contextlib.suppress(AssertionError):
                async with job_process(settings) as jobs:
                    job = await sent(client, {"long.mp4": film})
                    child = await jobs.child()
                    jobs.process.kill()
                    found = await until(client, job["id"], "done", "failed")
            assert "the process that analysed it ended" in found["reason"]
            assert not child.is_running()
            async with job_process(settings):
                job = await sent(client, {"door.png": door})
                assert (await until(client, job["id"], "done", "failed"))["state"] == "done"
            assert not (settings.home / "analyses-work").exists()

    asyncio.run(main())
