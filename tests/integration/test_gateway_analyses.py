"""Analyses over HTTP on real servers: who may, what is bounded, what a token opens, what stays."""

import asyncio

import pytest

from streams.gateway import analysis_jobs
from tests.fakes.analyses import ByHand, put, sent, settings_with, shown, until
from tests.fakes.live_gateway import running_gateway
from tests.fakes.live_gateway import until as holds

pytestmark = [pytest.mark.integration, pytest.mark.slow]

HOME = "/api/v1/analyses"


@pytest.fixture
def make(tmp_path, bus_server, ledger_server):
    return lambda **bounds: settings_with(tmp_path, bus_server, ledger_server, **bounds)


def kept(tmp_path):
    """The files that the gateway keeps."""
    return sorted(one.name for one in (tmp_path / "analyses").rglob("*") if one.is_file())


def test_a_file_goes_to_one_process_and_its_results_to_whoever_sent_it(make, tmp_path):
    async def main():
        async with running_gateway(make()) as gateway:
            hand, client = ByHand(gateway), await gateway.client("operator")
            files = {"../a/door.jpg\n": b"\xff\xd8 not opened", "b.mp4": b"b" * 3_000_000}
            job = await sent(client, files, language="zh", models={"mask": "m@2"})
            work, told, asked = await hand.claim()
            assert set(asked) == {"what", "id", "token"}  # never a file on the bus
            assert (told["language"], told["models"]) == ("zh", {"mask": "m@2"})
            assert [one["name"] for one in told["files"]] == ["door.jpg", "b.mp4"]
            assert (await work.get("files/1")).content == files["b.mp4"]
            assert (await work.post("progress", json={"share": 0.5, "file": 1})).is_success
            found = await shown(client, job["id"])
            assert (found["state"], found["share"], found["at"]) == ("running", 0.5, "b.mp4")
            assert (await work.put("results/0.jpg", content=b"annotated")).is_success
            early = await client.get(f"{HOME}/{job['id']}/results/0.jpg")
            assert early.status_code == 404
            problems = [{"file": 1, "message": "it is truncated"}]
            assert (await work.post("end", json={"problems": problems})).is_success
            found = await shown(client, job["id"])
            assert (found["state"], found["results"]) == ("done", ["0.jpg"])
            assert found["problems"] == [{**problems[0], "name": "b.mp4"}]
            result = await client.get(f"{HOME}/{job['id']}/results/0.jpg")
            assert (result.content, result.headers["content-type"]) == (b"annotated", "image/jpeg")
            assert kept(tmp_path) == ["result-0.jpg"]  # what was sent is gone at the end
            assert (await client.delete(f"{HOME}/{job['id']}")).status_code == 204
            assert kept(tmp_path) == []

    asyncio.run(main())


def test_a_token_opens_once_and_a_pass_only_while_it_runs(make):
    async def main():
        async with running_gateway(make()) as gateway:
            hand, client = ByHand(gateway), await gateway.client("operator")
            await sent(client, {"a.jpg": b"a"})
            work, _, asked = await hand.claim()
            assert (await hand.spend(asked)).status_code == 401
            wrong = hand.work(asked["id"], asked["token"])
            assert (await wrong.get("files/0")).status_code == 401
            assert (await wrong.post("end", json={})).status_code == 401
            key = gateway.admin.headers["authorization"].removeprefix("Bearer ")
            assert (await hand.work(asked["id"], key).get("files/0")).status_code == 401
            assert (await work.put("results/..%2Fx", content=b"")).status_code in (404, 422)
            assert (await work.put("results/0.html", content=b"")).status_code == 422
            assert (await work.post("end", json={})).status_code == 204
            for answer in (
                await work.get("files/0"),
                await work.post("progress", json={"share": 1}),
                await work.put("results/0.jpg", content=b"late"),
            ):
                assert answer.status_code == 410, answer.text

    asyncio.run(main())


def test_viewers_may_not_and_nobody_sees_anothers(make):
    async def main():
        async with running_gateway(make()) as gateway:
            viewer, one = await gateway.client("viewer"), await gateway.client("operator")
            other = await gateway.client("operator")
            assert (await viewer.post(HOME, json={})).status_code == 403
            assert (await viewer.get(HOME)).status_code == 403
            assert (await gateway.with_key("wrong").get(HOME)).status_code == 401
            job_id = (await one.post(HOME, json={})).json()["id"]
            for client in (other, gateway.admin):
                assert (await client.get(f"{HOME}/{job_id}")).status_code == 404
                assert (await put(client, job_id, 0, b"x")).status_code == 404
                assert (await client.delete(f"{HOME}/{job_id}")).status_code == 404
                assert (await client.get(HOME)).json() == {"analyses": []}
            assert (await viewer.get(f"{HOME}/{job_id}")).status_code == 403

    asyncio.run(main())


def test_expression_needs_its_reason_and_names_are_not_for_here(make):
    async def main():
        async with running_gateway(make()) as gateway:
            client = await gateway.client("operator")
            for because in (None, "  "):
                answer = await client.post(HOME, json={"purpose": "expression", "because": because})
                assert answer.status_code == 422 and "because" in answer.text
            body = {"purpose": "expression", "because": "pain is watched on the ward"}
            answer = await client.post(HOME, json=body)
            assert (answer.status_code, answer.json()["because"]) == (201, body["because"])
            assert (await client.post(HOME, json={"purpose": "people"})).status_code == 422

    asyncio.run(main())


async def chunks(size, count):
    for _ in range(count):
        yield b"x" * size


def test_every_bound_refuses_with_its_reason_and_leaves_nothing(make, tmp_path):
    bounds = {"upload_bytes": 1_200_000, "total_bytes": 3_000_000, "files": 3, "waiting": 1}

    async def main():
        async with running_gateway(make(**bounds)) as gateway:
            client = await gateway.client("operator")
            job_id = (await client.post(HOME, json={})).json()["id"]
            large = await put(client, job_id, 0, b"x" * 1_300_000)
            assert large.status_code == 413
            endless = await put(client, job_id, 0, chunks(100_000, 14))  # no length is declared
            assert endless.status_code == 413
            assert kept(tmp_path) == []
            assert (await put(client, job_id, 0, b"x" * 1_000_000)).status_code == 200
            both = await put(client, job_id, 1, b"x" * 300_000)
            assert both.status_code == 413 and "at most 1 MB" in both.json()["error"]
            assert (await put(client, job_id, 0, b"again")).status_code == 409
            assert (await put(client, job_id, 3, b"x")).status_code == 413
            for _ in range(2):
                other = (await client.post(HOME, json={})).json()["id"]
                full = await put(client, other, 0, b"x" * 1_100_000)
            assert full.status_code == 429 and "is full" in full.json()["error"]
            assert (await client.post(f"{HOME}/{other}/start")).status_code == 422
            assert (await client.post(f"{HOME}/{job_id}/start")).status_code == 200
            assert (await put(client, job_id, 2, b"late")).status_code == 409
            await client.post(f"{HOME}/{job_id}/start")
            first = (await client.post(HOME, json={})).json()["id"]
            await put(client, first, 0, b"x")
            queue = await client.post(f"{HOME}/{first}/start")
            assert queue.status_code == 429 and "wait already" in queue.json()["error"]
            metrics = (await gateway.admin.get("/metrics")).text
            for bound in ("upload", "files", "total", "waiting"):
                assert f'ostiary_analyses_refused_total{{bound="{bound}"}}' in metrics

    asyncio.run(main())


def test_a_file_that_breaks_off_leaves_nothing_and_may_be_sent_again(make, tmp_path):
    async def main():
        async with running_gateway(make()) as gateway:
            client = await gateway.client("operator")
            job_id = (await client.post(HOME, json={})).json()["id"]
            _, writer = await asyncio.open_connection("127.0.0.1", int(gateway.url.split(":")[-1]))
            head = f"PUT {HOME}/{job_id}/files/0?name=a HTTP/1.1\r\nHost: x\r\n"
            key = client.headers["authorization"]
            head += f"Authorization: {key}\r\nContent-Length: 3000000\r\n\r\n"
            writer.write(head.encode() + b"x" * 2_000_000)
            await writer.drain()

            async def begun():
                return kept(tmp_path) == ["sent-0"]

            await holds(begun)
            writer.close()

            async def gone():
                return kept(tmp_path) == []

            await holds(gone)
            assert (await put(client, job_id, 0, b"whole")).status_code == 200

    asyncio.run(main())


def test_results_are_bounded_too(make, tmp_path):
    async def main():
        async with running_gateway(make(upload_bytes=1_100_000)) as gateway:
            hand, client = ByHand(gateway), await gateway.client("operator")
            await sent(client, {"a.jpg": b"a"})
            work, _, _ = await hand.claim()
            large = await work.put("results/0.mp4", content=chunks(100_000, 14))
            assert large.status_code == 413
            assert kept(tmp_path) == ["sent-0"]

    asyncio.run(main())


def test_everything_is_erased_after_its_time(make, tmp_path):
    async def main():
        async with running_gateway(make(keep_s=2)) as gateway:
            hand, client = ByHand(gateway), await gateway.client("operator")
            job = await sent(client, {"a.jpg": b"a"})
            work, _, _ = await hand.claim()

            async def gone():
                return (await client.get(f"{HOME}/{job['id']}")).status_code == 404

            await holds(gone)
            assert kept(tmp_path) == []
            assert (await work.post("progress", json={})).status_code == 410

    asyncio.run(main())


def test_a_restart_forgets_and_erases(make, tmp_path):
    async def main():
        settings = make()
        async with running_gateway(settings) as gateway:
            hand, client = ByHand(gateway), await gateway.client("operator")
            job = await sent(client, {"a.jpg": b"a"})
            _, told, asked = await hand.claim()
            assert kept(tmp_path) == ["sent-0"]
        async with running_gateway(settings) as gateway:
            assert kept(tmp_path) == []
            client = await gateway.client("operator")
            assert (await client.get(f"{HOME}/{job['id']}")).status_code == 404
            work = ByHand(gateway).work(asked["id"], told["pass"])
            assert (await work.post("progress", json={})).status_code == 410

    asyncio.run(main())


def test_a_process_that_falls_silent_fails_its_analysis_and_the_next_has_its_turn(
    make, monkeypatch
):
    monkeypatch.setattr(analysis_jobs, "SILENT_S", 1.0)

    async def main():
        async with running_gateway(make()) as gateway:
            hand, client = ByHand(gateway), await gateway.client("operator")
            first = await sent(client, {"a.jpg": b"a"})
            second = await sent(client, {"b.jpg": b"b"})
            await hand.claim()
            assert (await shown(client, second["id"]))["state"] == "queued"
            assert hand.asked.empty()  # one at a time
            found = await until(client, first["id"], "failed")
            assert "the process that analysed it ended" in found["reason"]
            _, _, asked = await hand.claim()
            assert asked["id"] == second["id"]

    asyncio.run(main())


def test_nobody_there_is_told_and_waited_for(make):
    async def main():
        async with running_gateway(make()) as gateway:
            client = await gateway.client("operator")
            job = await sent(client, {"a.jpg": b"a"})

            async def told():
                return "no process" in ((await shown(client, job["id"]))["nobody"] or "")

            await holds(told)
            assert "no process" in (await client.get(f"{HOME}/options")).json()["nobody"]
            hand = ByHand(gateway)
            _, _, asked = await hand.claim()
            assert asked["id"] == job["id"]
            models = (await client.get(f"{HOME}/options")).json()["models"]
            assert models["mask"] == ["m@1", "m@2"]

    asyncio.run(main())
