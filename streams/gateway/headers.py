"""Knows what every HTTP answer carries and how long a body may be. Knows no route."""

from collections.abc import Awaitable, Callable, MutableMapping
from typing import Any, Final

Message = MutableMapping[str, Any]
Scope = MutableMapping[str, Any]
Receive = Callable[[], Awaitable[Message]]
Send = Callable[[Message], Awaitable[None]]
App = Callable[[Scope, Receive, Send], Awaitable[None]]

CONTENT_POLICY: Final = "; ".join(
    (
        "default-src 'none'",
        "script-src 'self'",
        "style-src 'self'",
        "img-src 'self' blob:",
        "media-src 'self' blob:",
        "font-src 'self'",
        "connect-src 'self'",
        "manifest-src 'self'",
        "form-action 'self'",
        "base-uri 'none'",
        "frame-ancestors 'none'",
    )
)
HEADERS: Final = {
    "content-security-policy": CONTENT_POLICY,
    "x-content-type-options": "nosniff",
    "x-frame-options": "DENY",
    "referrer-policy": "no-referrer",
    "cross-origin-opener-policy": "same-origin",
    "cross-origin-resource-policy": "same-origin",
    "permissions-policy": "camera=(self), microphone=(), geolocation=(), payment=(), usb=()",
}
TRANSPORT = "max-age=31536000"  # only over TLS: a plain host must stay reachable
BODY_BYTES: Final = 256 * 1024


class SecurityHeaders:
    """Puts the strict headers on every answer; an API answer is never stored."""

    def __init__(self, app: App, secure: bool) -> None:
        self._app = app
        fixed = dict(HEADERS)
        if secure:
            fixed["strict-transport-security"] = TRANSPORT
        self._fixed = [(name.encode(), value.encode()) for name, value in fixed.items()]

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return

        async def send_with(message: Message) -> None:
            if message["type"] == "http.response.start":
                headers = list(message.get("headers", []))
                names = {name.lower() for name, _ in headers}
                if b"cache-control" not in names:
                    headers.append((b"cache-control", b"no-store"))
                message["headers"] = headers + self._fixed
            await send(message)

        await self._app(scope, receive, send_with)


class BodyLimit:
    """Cuts a request's body off at its bound, whatever its length header claims.

    `wider` maps a path to a bound of its own, and a path that ends with a slash stands for all
    below it; everything else gets BODY_BYTES. Beyond it the answer is 413, and nothing more is
    read.
    """

    def __init__(self, app: App, wider: dict[str, int]) -> None:
        self._app = app
        self._wider = wider

    def _bound(self, path: str) -> int:
        below = (
            bytes_ for one, bytes_ in self._wider.items() if one[-1] == "/" and path.startswith(one)
        )
        return self._wider.get(path) or next(below, BODY_BYTES)

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        bound = self._bound(str(scope["path"]))
        declared = dict(scope["headers"]).get(b"content-length", b"0")
        if not declared.isdigit() or int(declared) > bound:
            await _too_long(send, bound)
            return
        taken = 0

        async def receive_bounded() -> Message:
            nonlocal taken
            message = await receive()
            taken += len(message.get("body", b""))
            if taken > bound:
                raise BodyTooLong(f"the request is longer than {bound} bytes")
            return message

        await self._app(scope, receive_bounded, send)


class BodyTooLong(Exception):
    """A body went on beyond its bound."""


async def _too_long(send: Send, bound: int) -> None:
    body = b'{"error": "the request is longer than %d bytes", "detail": null}' % bound
    headers = [(b"content-type", b"application/json"), (b"connection", b"close")]
    await send({"type": "http.response.start", "status": 413, "headers": headers})
    await send({"type": "http.response.body", "body": body})
