"""Cameras, people, keys, visits and changes: what is kept comes back, secrets stay sealed."""

import asyncio
from dataclasses import replace
from typing import Any

import numpy as np
import pytest
from fakes.ledger_real import BOX, owned, with_ledger
from fakes.ledger_records import a_person, a_visit, an_alert
from pydantic import SecretStr

import streams.ledger.records as records
from config.cameras import Camera
from engine.purpose import Purpose
from engine.visits import KeptAlert
from streams.ledger.access import AccessRole, KeyRequest
from streams.ledger.changes import Change
from streams.ledger.durability import durability
from streams.ledger.functions import Fenced
from streams.ledger.ledger import Ledger
from streams.ledger.people import AlreadyErased
from streams.ledger.records import Full
from streams.ledger.visits import without_visitor
from streams.secrets import SecretBox, WrongKey

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


def test_visits_go_to_the_next_owner_and_ended_ones_do_not(ledger_server: Any) -> None:
    async def work(ledger: Ledger) -> None:
        old = await owned(ledger)
        first, second = a_visit(1, "p-19"), a_visit(2)
        first = replace(first, alerts=(KeptAlert("lobby.unknown", an_alert()),))
        assert await ledger.visits.save(first, old)
        assert await ledger.visits.save(second, old)
        assert await ledger.visits.save(replace(second, ended=True), old)
        assert not await ledger.visits.save(second, old)
        new = await ledger.fences.issue("lobby")
        assert await ledger.fences.claim("lobby", new) == [first]
        with pytest.raises(Fenced):
            await ledger.visits.save(first, old)
        assert await ledger.visits.open("lobby") == [first]
        assert await ledger.visits.open("gate") == []
        assert 0 < await ledger.redis.ttl(f"ostiary:visit:{first.id}") <= 30 * 86400

    with_ledger(ledger_server, work)


def test_a_camera_has_at_most_a_thousand_open_visits(ledger_server: Any) -> None:
    async def work(ledger: Ledger) -> None:
        token = await owned(ledger)
        assert await ledger.visits.save(a_visit(1), token)
        await ledger.redis.sadd("ostiary:visits:open:lobby", *[f"v{n}" for n in range(999)])
        assert not await ledger.visits.save(a_visit(2), token)
        assert await ledger.visits.save(a_visit(1), token)
        assert await ledger.visits.save(a_visit(1, ended=True), token)
        assert await ledger.visits.save(a_visit(2), token)

    with_ledger(ledger_server, work)


def test_an_erased_person_is_in_no_visit_not_even_in_an_old_one(ledger_server: Any) -> None:
    async def work(ledger: Ledger) -> None:
        token = await owned(ledger)
        alerts = (KeptAlert("lobby.unknown", an_alert(person_id="p-19")),)
        before = a_visit(1, "p-19", alerts=alerts)
        await ledger.visits.save(before, token)
        await ledger.redis.zadd("ostiary:erased", {"p-19": 1})
        after = a_visit(2, "p-19")
        await ledger.visits.save(after, token)
        assert b"p-19" not in await ledger.redis.hget(f"ostiary:visit:{after.id}", "state")
        found = {one.id: one for one in await ledger.fences.claim("lobby", token)}
        assert found == {one.id: without_visitor(one) for one in (before, after)}
        assert "p-19" not in str(found)

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


def test_another_key_is_refused_at_the_connection(ledger_server: Any) -> None:
    async def nothing(ledger: Ledger) -> None:
        await ledger.check()

    async def wrong() -> None:
        await Ledger.connect(ledger_server.url, ledger_server.password, SecretBox(bytes(32)))

    with_ledger(ledger_server, nothing)
    with pytest.raises(WrongKey):
        asyncio.run(wrong())


def test_a_ledger_that_was_emptied_gets_its_functions_again(ledger_server: Any) -> None:
    async def work(ledger: Ledger) -> None:
        await ledger.redis.execute_command("FUNCTION", "FLUSH", "SYNC")
        assert await ledger.fences.issue("lobby") == 1

    with_ledger(ledger_server, work)


def test_our_own_ledger_is_durable_and_a_careless_one_is_told_so(
    ledger_server: Any, bus_server: Any
) -> None:
    async def check(ledger: Ledger) -> list[str]:
        return await durability(ledger.redis)

    async def careless(ledger: Ledger) -> tuple[list[str], list[str]]:
        before = await durability(ledger.redis)
        await ledger.redis.config_set("maxmemory-policy", "allkeys-lru")
        await ledger.redis.config_set("appendonly", "yes")
        return before, await durability(ledger.redis)

    assert with_ledger(ledger_server, check) == []
    before, after = with_ledger(bus_server, careless)
    assert "no append-only file" in before[0]
    assert "everysec" in after[0]
    assert "evicts" in after[1]


@pytest.mark.parametrize("keeps_a_file", [True, False])
def test_a_hosted_ledger_that_tells_nothing_is_tried(make_server: Any, keeps_a_file: bool) -> None:
    server = make_server("ledger" if keeps_a_file else "bus", memory_bytes=2**26)

    async def restrict(ledger: Ledger) -> None:
        rights = ("on", ">pw", "~*", "&*", "+@all", "-config")
        await ledger.redis.execute_command("ACL", "SETUSER", "hosted", *rights)

    async def use() -> list[str]:
        url = f"{server.url}?username=hosted&password=pw"
        ledger = await Ledger.connect(url, None, BOX)
        try:
            token = await owned(ledger)
            assert (await ledger.alerts.write(an_alert(), token)).written
            return await durability(ledger.redis)
        finally:
            await ledger.aclose()

    with_ledger(server, restrict)
    (warning,) = asyncio.run(use())
    assert ("waits for WAITAOF" if keeps_a_file else "no append-only file") in warning


def test_on_a_foreign_ledger_each_alert_waits_for_the_disk(make_server: Any) -> None:
    server = make_server("ledger")

    async def loosen(ledger: Ledger) -> None:
        await ledger.redis.config_set("appendfsync", "everysec")

    async def work(ledger: Ledger) -> bytes:
        token = await owned(ledger)
        assert (await ledger.alerts.write(an_alert(), token)).written
        stats = await ledger.redis.info("commandstats")
        assert stats["cmdstat_waitaof"]["calls"] >= 3  # number, claim, alert
        return b""

    with_ledger(server, loosen)
    with_ledger(server, work)
