"""Knows what is logged of a request: never its query, its headers or its body."""

from collections.abc import MutableMapping
from typing import Any

import structlog

from streams.clock import monotonic_ns
from streams.gateway.headers import App, Message, Receive, Scope, Send
from streams.gateway.metrics import Metrics

log = structlog.get_logger("gateway")

QUIET = frozenset({"/healthz", "/readyz", "/metrics", "/api/v1/status"})


class AccessLog:
    """Counts and logs every answer, by its route's template, so that no id becomes a series."""

    def __init__(self, app: App, metrics: Metrics) -> None:
        self._app = app
        self._metrics = metrics

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        began_ns = monotonic_ns()
        status = 500

        async def send_noted(message: Message) -> None:
            nonlocal status
            if message["type"] == "http.response.start":
                status = message["status"]
                self._metrics.seconds.observe((monotonic_ns() - began_ns) / 1e9)
            await send(message)

        try:
            await self._app(scope, receive, send_noted)
        finally:
            self._metrics.requests.labels(scope["method"], status).inc()
            if scope["path"] not in QUIET or status >= 400:
                _note(scope, status, (monotonic_ns() - began_ns) / 1e9)


def _note(scope: MutableMapping[str, Any], status: int, took_s: float) -> None:
    route = getattr(scope.get("route"), "path", None) or scope["path"]
    level = log.warning if status >= 500 else log.debug if status < 400 else log.info
    level(
        "request",
        method=scope["method"],
        route=route,
        status=status,
        took_ms=round(took_s * 1000, 1),
    )
