"""Who may do what over HTTP: keys, cookies, roles, grants, foreign pages, guesses."""

import asyncio

import httpx
import pytest

from tests.fakes.live_gateway import OFFER, gateway_settings, running_gateway, until

pytestmark = [pytest.mark.integration, pytest.mark.slow]

OPEN = {"/healthz", "/readyz", "/", "/lend", "/api/v1/session"}


@pytest.fixture
def settings(tmp_path, bus_server, ledger_server):
    return gateway_settings(tmp_path, bus_server, ledger_server)


def test_everything_but_health_and_the_page_itself_needs_a_key(settings):
    async def main():
        async with running_gateway(settings) as gateway, httpx.AsyncClient() as nobody:
            tried = 0
            for route in _routes(gateway):
                for method in route.methods - {"HEAD"}:
                    path = route.path
                    for name in ("camera_id", "session_id", "person_id", "alert_id", "name"):
                        path = path.replace(f"{{{name}}}", "lobby")
                    path = path.replace("{evidence_id}", "e-1").replace("{key_id}", "k")
                    answer = await nobody.request(method, gateway.url + path)
                    tried += 1
                    if route.path in OPEN:
                        assert answer.status_code != 401, route.path
                    else:
                        assert answer.status_code == 401, f"{method} {path}"
            assert tried > 25

    asyncio.run(main())


def _routes(gateway):
    from streams.gateway.app import ROUTES

    return [route for router in ROUTES for route in router.routes]


def test_a_key_sees_only_its_cameras_in_every_place(settings):
    async def main():
        async with running_gateway(settings) as gateway:
            await gateway.camera()
            await gateway.camera(id="vault")
            alert = await gateway.alert(1, camera="vault", snapshot="e-vault-1")
            sealed = gateway.parts.box.seal(b"a picture")
            await gateway.parts.store.put("e-vault-1", sealed)
            await until(lambda: _known(gateway, "e-vault-1"))
            async with await gateway.client("viewer", ["lobby"]) as viewer:
                listed = (await viewer.get("/api/v1/cameras")).json()["cameras"]
                assert [one["id"] for one in listed] == ["lobby"]
                status = (await viewer.get("/api/v1/status")).json()["cameras"]
                assert [one["id"] for one in status] == ["lobby"]
                assert (await viewer.get("/api/v1/alerts?since=0")).json()["alerts"] == []
                assert b"vault" not in (await viewer.get("/metrics")).content
                for path in ("cameras/vault", f"alerts/{alert.id}", "evidence/e-vault-1"):
                    assert (await viewer.get(f"/api/v1/{path}")).status_code == 404
                offer = {"content": OFFER, "headers": {"content-type": "application/sdp"}}
                refused = await viewer.post("/api/v1/cameras/vault/whep", **offer)
                assert refused.status_code == 404
                taken = await viewer.post("/api/v1/cameras/lobby/whep", **offer)
                assert taken.status_code == 201
            picture = await gateway.admin.get("/api/v1/evidence/e-vault-1")
            assert picture.content == b"a picture"
            assert picture.headers["content-type"] == "image/jpeg"

    asyncio.run(main())


async def _known(gateway, evidence_id):
    return gateway.parts.tail.snapshot(evidence_id) is not None


@pytest.mark.parametrize("role", ["viewer", "operator", "publisher"])
def test_a_role_may_not_do_what_stands_above_it(settings, role):
    above = {
        "publisher": [("GET", "/cameras"), ("GET", "/alerts"), ("GET", "/status")],
        "viewer": [("POST", "/cameras"), ("GET", "/people"), ("DELETE", "/people/p-1")],
        "operator": [("GET", "/keys"), ("POST", "/subscribers"), ("DELETE", "/keys/x")],
    }

    async def main():
        async with running_gateway(settings) as gateway:
            cameras = ["lobby"] if role == "publisher" else None
            async with await gateway.client(role, cameras) as client:
                for method, path in above[role]:
                    answer = await client.request(method, f"/api/v1{path}", json={"id": "x"})
                    assert answer.status_code == 403, (path, answer.text)
                    assert role != answer.json()["error"]

    asyncio.run(main())


def test_a_cookie_signs_in_and_a_foreign_page_cannot_use_it(settings):
    async def main():
        async with running_gateway(settings) as gateway:
            key = gateway.admin.headers["authorization"].removeprefix("Bearer ")
            async with httpx.AsyncClient(base_url=gateway.url) as browser:
                signed = await browser.post("/api/v1/session", json={"key": key})
                cookie = signed.headers["set-cookie"]
                assert "HttpOnly" in cookie
                assert "samesite=strict" in cookie.lower()
                assert key not in cookie
                assert (await browser.get("/api/v1/cameras")).status_code == 200
                body = {"id": "lobby", "kind": "whip"}
                for origin in ("http://evil.example", "http://127.0.0.1:1"):
                    foreign = {"origin": origin}
                    bad = await browser.post("/api/v1/cameras", json=body, headers=foreign)
                    assert bad.status_code == 403
                cross = {"sec-fetch-site": "cross-site"}
                bad = await browser.post("/api/v1/cameras", json=body, headers=cross)
                assert bad.status_code == 403
                own = {"origin": gateway.url}
                good = await browser.post("/api/v1/cameras", json=body, headers=own)
                assert good.status_code == 201
                await browser.delete("/api/v1/session")
                assert (await browser.get("/api/v1/cameras")).status_code == 401

    asyncio.run(main())


def test_a_revoked_key_opens_nothing_and_its_live_pictures_end(settings):
    async def main():
        async with running_gateway(settings) as gateway:
            await gateway.camera()
            viewer = await gateway.client("viewer")
            async with viewer:
                offer = {"content": OFFER, "headers": {"content-type": "application/sdp"}}
                answer = await viewer.post("/api/v1/cameras/lobby/whep", **offer)
                assert answer.status_code == 201
                assert list(gateway.hub.open.values()) == ["lobby"]
                key_id = (await viewer.get("/api/v1/me")).json()["key_id"]
                assert (await gateway.admin.delete(f"/api/v1/keys/{key_id}")).status_code == 204
                assert (await viewer.get("/api/v1/cameras")).status_code == 401

                async def ended():
                    return not gateway.hub.open

                await until(ended)

    asyncio.run(main())


def test_guessing_keys_is_slowed_down_but_a_known_key_goes_on(settings):
    async def main():
        async with running_gateway(settings) as gateway:
            assert (await gateway.admin.get("/api/v1/me")).status_code == 200
            async with httpx.AsyncClient(base_url=gateway.url) as guesser:
                codes = []
                for number in range(14):
                    body = {"key": f"ost_abcdef_{number}"}
                    codes.append((await guesser.post("/api/v1/session", json=body)).status_code)
                assert codes[0] == 401
                assert codes[-1] == 429
            assert (await gateway.admin.get("/api/v1/me")).status_code == 200

    asyncio.run(main())


def test_no_answer_holds_a_camera_password(settings):
    async def main():
        async with running_gateway(settings) as gateway:
            secret = "s3cret-of-the-camera"
            added = await gateway.camera(url=f"rtsp://user:{secret}@127.0.0.1:8554/lobby")
            assert added["url"] == "rtsp://127.0.0.1:8554/lobby"
            assert added["username"] == "user"
            assert added["has_password"] is True
            texts = [str(added)]
            for path in ("/api/v1/cameras", "/api/v1/cameras/lobby", "/api/v1/status", "/metrics"):
                texts.append((await gateway.admin.get(path)).text)
            bad = {"id": "x", "url": f"http://user:{secret}@host/"}
            texts.append((await gateway.admin.post("/api/v1/cameras", json=bad)).text)
            bad = {"id": "lobby2", "url": "rtsp://h/x", "password": [secret]}
            texts.append((await gateway.admin.post("/api/v1/cameras", json=bad)).text)
            assert not [text for text in texts if secret in text]
            kept = await gateway.parts.ledger.cameras.get("lobby")
            assert kept.password.get_secret_value() == secret

    asyncio.run(main())
