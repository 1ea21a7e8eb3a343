"""Choosing networks over HTTP: who may, what is refused, what is kept and who says what of it."""

import asyncio
from types import SimpleNamespace

import pytest
from fakes.model_folders import damage, write_model

from streams.bus.heartbeats import ModelState, ModelStatus, WorkerStatus, write_heartbeat
from tests.fakes.live_gateway import gateway_settings, running_gateway
from workers.manifest import load_manifest
from workers.switching import Switching, Workshop

pytestmark = [pytest.mark.integration, pytest.mark.slow]

SHIPPED, OTHER = load_manifest()["mask"].label, "doors@7"
REASON = "weights /srv/doors-7/weights.safetensors are missing"


@pytest.fixture
def settings(tmp_path, bus_server, ledger_server):
    return gateway_settings(tmp_path, bus_server, ledger_server)


def answering(home):
    """A worker's answers about the models of a home; it runs none."""
    return Switching(SimpleNamespace(), Workshop(home, home / "cache", "cpu", 1), None).answer


async def beat(gateway, worker, status):
    models = {"mask": status, "embedder": ModelStatus("sface@2021dec")}
    told = WorkerStatus(worker, "cpu", 8, (), {}, {}, models)
    await write_heartbeat(gateway.parts.bus, told)


def choose(client, task, name):
    return client.put(f"/api/v1/models/{task}", json={"name": name})


def test_a_choice_is_kept_announced_and_taken_back(settings, tmp_path):
    write_model(tmp_path, "mask", OTHER)

    async def main():
        async with running_gateway(settings) as gateway:
            gateway.serving("model", answering(tmp_path))
            await beat(gateway, "w-1", ModelStatus(SHIPPED))
            changes = gateway.parts.ledger.changes.follow()
            assert (await anext(changes)).kind == "all"
            chosen = await choose(gateway.admin, "mask", "doors")
            assert chosen.status_code == 200, chosen.text
            assert chosen.json()["label"] == chosen.json()["chosen"] == OTHER
            change = await anext(changes)
            assert (change.kind, change.id) == ("model", "mask")
            assert await gateway.parts.ledger.models.all() == {"mask": OTHER}
            assert (await choose(gateway.admin, "mask", SHIPPED)).json()["chosen"] is None
            assert await gateway.parts.ledger.models.all() == {}

    asyncio.run(main())


def test_what_workers_say_is_told_and_reasons_not_to_viewers(settings):
    async def main():
        async with running_gateway(settings) as gateway:
            await gateway.parts.ledger.models.choose("mask", OTHER)
            refused = ModelStatus(SHIPPED, OTHER, ModelState.REFUSED, REASON)
            await beat(gateway, "w-1", refused)
            await beat(gateway, "w-2", ModelStatus(OTHER))
            told = (await gateway.admin.get("/api/v1/models")).json()["models"]
            assert list(told) == ["mask", "expression", "embedder", "detector"]
            assert told["expression"] == {"chosen": None, "workers": []}
            first = {"worker": "w-1", "in_use": SHIPPED, "wanted": OTHER, "state": "refused"}
            second = {"worker": "w-2", "in_use": OTHER, "wanted": None, "state": "in_use"}
            expected = [first | {"reason": REASON}, second | {"reason": None}]
            assert told["mask"] == {"chosen": OTHER, "workers": expected}
            for role, reason in (("operator", REASON), ("viewer", None)):
                async with await gateway.client(role) as somebody:
                    status = (await somebody.get("/api/v1/status")).json()
                    mask = status["workers"][0]["models"]["mask"]
                    assert (mask["state"], mask["reason"]) == ("refused", reason)

    asyncio.run(main())


@pytest.mark.parametrize("role", ["viewer", "operator"])
def test_only_an_admin_chooses(settings, tmp_path, role):
    write_model(tmp_path, "mask", OTHER)

    async def main():
        async with running_gateway(settings) as gateway:
            gateway.serving("model", answering(tmp_path))
            async with await gateway.client(role) as somebody:
                for answer in (
                    await somebody.get("/api/v1/models"),
                    await choose(somebody, "mask", OTHER),
                ):
                    assert answer.status_code == 403
                    assert "admin" in answer.json()["error"]
            assert await gateway.parts.ledger.models.all() == {}

    asyncio.run(main())


@pytest.mark.parametrize(
    ("task", "name", "status", "said"),
    [
        ("mask", "nobody", 404, f"Known: {SHIPPED}, damaged@1, doors@7, two@1."),
        ("expression", "doors", 404, "no expression model 'doors'"),
        ("mask", "damaged", 409, "are not what its description names"),
        ("mask", "two", 409, "tells 2 classes apart; the live system needs 3"),
        ("recognition", "nobody", 404, "no embedder model 'nobody'"),
        ("detector", "yunet", 422, "cannot be switched while all runs"),
        ("hats", "doors", 422, "mask, expression or recognition"),
        ("mask", "", 422, "not valid"),
        ("mask", "x" * 131, 422, "not valid"),
    ],
)
def test_what_cannot_be_chosen(settings, tmp_path, task, name, status, said):
    write_model(tmp_path, "mask", OTHER)
    write_model(tmp_path, "mask", "two@1", columns=[0, 2])
    damage(write_model(tmp_path, "mask", "damaged@1"))

    async def main():
        async with running_gateway(settings) as gateway:
            gateway.serving("model", answering(tmp_path))
            answer = await choose(gateway.admin, task, name)
            assert answer.status_code == status, answer.text
            assert said in answer.json()["error"]
            assert await gateway.parts.ledger.models.all() == {}

    asyncio.run(main())


def test_without_a_worker_nothing_is_chosen(settings, monkeypatch):
    monkeypatch.setattr("streams.gateway.models.CHECK_WITHIN_S", 0.3)

    async def main():
        async with running_gateway(settings) as gateway:
            answer = await choose(gateway.admin, "mask", OTHER)
            assert answer.status_code == 503
            assert await gateway.parts.ledger.models.all() == {}

    asyncio.run(main())
