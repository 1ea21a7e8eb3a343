"""What stands around every route: strict headers, and a bound on every body."""

import asyncio

import pytest

from streams.gateway.headers import BODY_BYTES, BodyLimit, BodyTooLong, SecurityHeaders

pytestmark = pytest.mark.unit


async def swallow(scope, receive, send):
    """Read the whole body, then answer with its length."""
    length, more = 0, True
    while more:
        message = await receive()
        length += len(message.get("body", b""))
        more = message.get("more_body", False)
    await send({"type": "http.response.start", "status": 200, "headers": []})
    await send({"type": "http.response.body", "body": str(length).encode()})


def call(app, path="/x", chunks=(b"",), headers=()):
    """Return what an application sends for a body in chunks."""
    sent, left = [], list(chunks)

    async def receive():
        body = left.pop(0)
        return {"type": "http.request", "body": body, "more_body": bool(left)}

    async def send(message):
        sent.append(message)

    scope = {"type": "http", "path": path, "headers": list(headers), "method": "POST"}
    asyncio.run(app(scope, receive, send))
    return sent


def test_a_body_within_its_bound_passes_whole():
    sent = call(BodyLimit(swallow, {}), chunks=[b"a" * 1000] * 20)
    assert sent[-1]["body"] == b"20000"


def test_a_declared_body_beyond_its_bound_is_not_even_read():
    length = str(BODY_BYTES + 1).encode()
    sent = call(BodyLimit(swallow, {}), headers=[(b"content-length", length)])
    assert sent[0]["status"] == 413


def test_a_body_that_lies_about_its_length_is_cut_off():
    half = b"a" * (BODY_BYTES // 2 + 1)
    with pytest.raises(BodyTooLong):
        call(BodyLimit(swallow, {}), chunks=[half, half], headers=[(b"content-length", b"5")])


def test_a_path_may_have_a_wider_bound():
    half = b"a" * (BODY_BYTES // 2 + 1)
    app = BodyLimit(swallow, {"/x": 2 * BODY_BYTES})
    assert call(app, chunks=[half, half])[0]["status"] == 200
    with pytest.raises(BodyTooLong):
        call(app, path="/y", chunks=[half, half])


def test_every_answer_carries_the_strict_headers():
    headers = dict(call(SecurityHeaders(swallow, secure=False))[0]["headers"])
    policy = headers[b"content-security-policy"].decode()
    assert "default-src 'none'" in policy
    assert "unsafe" not in policy
    assert "http:" not in policy
    assert headers[b"x-content-type-options"] == b"nosniff"
    assert headers[b"cache-control"] == b"no-store"
    assert b"strict-transport-security" not in headers
    secured = dict(call(SecurityHeaders(swallow, secure=True))[0]["headers"])
    assert b"strict-transport-security" in secured
