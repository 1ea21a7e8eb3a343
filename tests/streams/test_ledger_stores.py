"""Cameras, people, keys and changes: what is kept comes back, secrets stay sealed."""

from dataclasses import replace
from typing import Any

import numpy as np
import pytest
from fakes.ledger_real import with_ledger
from fakes.ledger_records import a_person
from pydantic import SecretStr

import streams.ledger.records as records
from config.cameras import Camera
from engine.purpose import Purpose
from streams.ledger.access import AccessRole, KeyRequest
from streams.ledger.changes import Change
from streams.ledger.ledger import Ledger
from streams.ledger.people import AlreadyErased
from streams.ledger.records import Full

pytestmark = [pytest.mark.integration, pytest.mark.slow]


def lobby(**changes: Any) -> Camera:
    wanted = {
        "id": "lobby",
        "url": "rtsp://camera/main",
        "sub_url": "rtsp://camera/sub",
        "username": "viewer",
        "password": SecretStr("open-sesame"),
        "purpose": Purpose.PEOPLE,
        "alert_unknown": True,
    }
    return Camera(**(wanted | changes))


def test_cameras_come_back_and_their_passwords_are_sealed(ledger_server: Any) -> None:
    async def work(ledger: Ledger) -> None:
        yard = Camera(id="yard", kind="whip")
        await ledger.cameras.put(lobby())
        await ledger.cameras.put(yard)
        assert await ledger.cameras.all() == [lobby(), yard]
        kept = await ledger.redis.hgetall("ostiary:camera:lobby")
        assert b"open-sesame" not in b"".join(kept.values())
        await ledger.cameras.put(lobby(password=None))
        assert await ledger.cameras.get("lobby") == lobby(password=None)
        assert await ledger.cameras.remove("lobby")
        assert not await ledger.cameras.remove("lobby")
        assert await ledger.cameras.get("lobby") is None
        assert await ledger.cameras.all() == [yard]

    with_ledger(ledger_server, work)


def test_people_survive_a_restart_with_their_faces_sealed(ledger_server: Any) -> None:
    person = a_person()

    async def put(ledger: Ledger) -> None:
        await ledger.people.put(person)
        kept = b"".join((await ledger.redis.hgetall("ostiary:person:p-19")).values())
        for photo in person.photos:
            assert photo.crop not in kept
            assert photo.vector.astype("<f2").tobytes() not in kept

    async def get(ledger: Ledger) -> None:
        (found,) = await ledger.people.all()
        assert replace(found, photos=()) == replace(person, photos=())
        for one, other in zip(found.photos, person.photos, strict=True):
            assert (one.id, one.model, one.crop) == (other.id, other.model, other.crop)
            np.testing.assert_allclose(one.vector, other.vector, atol=1e-3)
            assert one.vector.dtype == np.float32
        assert await ledger.people.names() == {"p-19": "Grace Hopper"}
        assert await ledger.people.get("p-20") is None

    with_ledger(ledger_server, put)
    ledger_server.kill()
    ledger_server.start()
    with_ledger(ledger_server, get)


def test_a_replaced_person_leaves_no_photo_behind(ledger_server: Any) -> None:
    async def work(ledger: Ledger) -> None:
        await ledger.people.put(a_person(photos=5))
        await ledger.people.put(a_person(photos=1))
        fields = await ledger.redis.hkeys("ostiary:person:p-19")
        assert sorted(one for one in fields if b":" in one) == [b"crop:f0", b"vector:f0"]

    with_ledger(ledger_server, work)


def test_somebody_erased_is_not_kept_under_the_same_id(ledger_server: Any) -> None:
    async def work(ledger: Ledger) -> None:
        await ledger.redis.zadd("ostiary:erased", {"p-19": 1})
        with pytest.raises(AlreadyErased):
            await ledger.people.put(a_person())
        assert await ledger.people.all() == []

    with_ledger(ledger_server, work)


def test_a_key_opens_what_it_was_made_for_until_it_is_revoked(ledger_server: Any) -> None:
    async def work(ledger: Ledger) -> None:
        request = KeyRequest(AccessRole.VIEWER, frozenset({"lobby"}), "wall")
        new = await ledger.keys.create(request)
        found = await ledger.keys.verify(new.plain)
        assert found == new.record
        assert found is not None
        assert found.opens("lobby")
        assert not found.opens("gate")
        admin = await ledger.keys.create(KeyRequest(AccessRole.ADMIN))
        assert admin.record.opens("gate")
        assert new.plain not in repr(new)
        secret = new.plain.rsplit("_", 1)[1]
        kept = await ledger.redis.hgetall(f"ostiary:key:{new.record.id}")
        assert secret.encode() not in b"".join(kept.values())
        wrong = ["", "ost", "ost__", new.plain[:-1], new.plain + "x", f"ost_{new.record.id}_",
                 f"ost_{admin.record.id}_{secret}", "ost_*_x", "key_a_b"]  # fmt: skip
        for plain in wrong:
            assert await ledger.keys.verify(plain) is None
        assert await ledger.keys.all() == [new.record, admin.record]
        assert await ledger.keys.revoke(new.record.id)
        assert await ledger.keys.verify(new.plain) is None

    with_ledger(ledger_server, work)


def test_a_publisher_belongs_to_one_camera() -> None:
    for cameras in (None, frozenset[str](), frozenset({"a", "b"})):
        with pytest.raises(ValueError, match="exactly one camera"):
            KeyRequest(AccessRole.PUBLISHER, cameras)
    assert KeyRequest(AccessRole.PUBLISHER, frozenset({"a"})).cameras == {"a"}


def test_there_is_a_bound_and_replacing_does_not_count(
    ledger_server: Any,
) -> None:
    async def work(ledger: Ledger) -> None:
        two = records.Records(ledger.redis, "thing", 2)
        for name in ("a", "b", "a"):
            await two.put(name, {"x": 1})
        with pytest.raises(Full, match="2 records of thing"):
            await two.put("c", {"x": 1})
        assert await two.ids() == ["a", "b"]

    with_ledger(ledger_server, work)


def test_changes_begin_with_all_and_come_in_order(ledger_server: Any) -> None:
    async def work(ledger: Ledger) -> None:
        await ledger.cameras.put(lobby())
        following = ledger.changes.follow()
        assert await anext(following) == Change("all", "")
        await ledger.cameras.put(lobby(mask_required=True))
        await ledger.cameras.remove("lobby")
        new = await ledger.keys.create(KeyRequest(AccessRole.VIEWER))
        seen = [await anext(following) for _ in range(3)]
        assert seen == [Change("camera", "lobby")] * 2 + [Change("key", new.record.id)]
        await following.aclose()

    with_ledger(ledger_server, work)


def test_whoever_fell_behind_loads_anew(ledger_server: Any) -> None:
    async def work(ledger: Ledger) -> None:
        following = ledger.changes.follow()
        assert await anext(following) == Change("all", "")
        await ledger.cameras.put(lobby())
        assert await anext(following) == Change("camera", "lobby")
        script = """for n = 1, 10001 do redis.call('XADD', KEYS[1], 'MAXLEN', 10000, '*',
          'kind', 'camera', 'id', 'c' .. n) end"""
        await ledger.redis.eval(script, 1, "ostiary:changes")
        assert await anext(following) == Change("all", "")
        await ledger.cameras.remove("lobby")
        assert await anext(following) == Change("camera", "lobby")
        await ledger.redis.delete("ostiary:changes")
        assert await anext(following) == Change("all", "")
        await following.aclose()

    with_ledger(ledger_server, work)
