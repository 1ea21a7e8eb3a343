"""Knows how a refusal is told over HTTP. Does not know why anything is refused."""

from collections.abc import Mapping
from http import HTTPStatus
from typing import Any

import structlog
from fastapi import FastAPI, Request
from fastapi.exceptions import RequestValidationError
from fastapi.responses import JSONResponse, Response
from redis.exceptions import RedisError
from starlette.exceptions import HTTPException

from streams.bus.requests import NobodyAnswered, TooManyRequests
from streams.gateway.headers import BodyTooLong
from streams.ledger.erasures import RewriteFailed
from streams.ledger.people import AlreadyErased
from streams.ledger.records import Full

log = structlog.get_logger("gateway")


class ApiError(Exception):
    """A refusal that a person reads: what was wrong, with which value, what to do."""

    def __init__(
        self,
        status: int,
        error: str,
        detail: Any = None,
        headers: Mapping[str, str] | None = None,
    ) -> None:
        super().__init__(error)
        self.status = status
        self.error = error
        self.detail = detail
        self.headers = dict(headers or {})


def not_found(what: str, name: str) -> ApiError:
    """Return the one answer for what does not exist and for what the key may not see."""
    return ApiError(404, f"there is no {what} {name!r}, or this key may not see it")


def _answer(
    status: int, error: str, detail: Any = None, headers: Mapping[str, str] | None = None
) -> JSONResponse:
    body = {"error": error, "detail": detail}
    return JSONResponse(body, status_code=status, headers=dict(headers or {}))


async def _refused(_: Request, error: Exception) -> Response:
    assert isinstance(error, ApiError)
    return _answer(error.status, error.error, error.detail, error.headers)


async def _malformed(_: Request, error: Exception) -> Response:
    """Say which field is wrong, never with its value: it may be a password."""
    assert isinstance(error, RequestValidationError)
    detail = [
        {"field": ".".join(str(part) for part in problem["loc"][1:]), "reason": problem["msg"]}
        for problem in error.errors()
    ]
    return _answer(422, "the request is not valid", detail)


async def _plain(_: Request, error: Exception) -> Response:
    assert isinstance(error, HTTPException)
    text = HTTPStatus(error.status_code).phrase.lower()
    return _answer(error.status_code, text, None, error.headers)


async def _server_away(request: Request, error: Exception) -> Response:
    log.warning("store_away", path=request.url.path, error=type(error).__name__)
    text = "the ledger or the bus does not answer: try again in a few seconds"
    return _answer(503, text, None, {"Retry-After": "2"})


async def _nobody(_: Request, error: Exception) -> Response:
    text = "no worker or ingest answered in time: see `ostiary status`"
    return _answer(503, text, str(error) or None, {"Retry-After": "5"})


async def _unexpected(request: Request, error: Exception) -> Response:
    log.error("request_failed", path=request.url.path, exc_info=error)
    return _answer(500, "an unexpected error; the gateway's log has its trace")


async def _no_room(_: Request, error: Exception) -> Response:
    return _answer(503, str(error), None, {"Retry-After": "5"})


async def _conflict(_: Request, error: Exception) -> Response:
    return _answer(409, str(error))


async def _cut_off(_: Request, error: Exception) -> Response:
    return _answer(413, str(error), None, {"Connection": "close"})


def install(app: FastAPI) -> None:
    """Make every refusal JSON: {"error": text, "detail": more or null}."""
    app.add_exception_handler(ApiError, _refused)
    app.add_exception_handler(BodyTooLong, _cut_off)
    app.add_exception_handler(RequestValidationError, _malformed)
    app.add_exception_handler(HTTPException, _plain)
    app.add_exception_handler(NobodyAnswered, _nobody)
    for full in (TooManyRequests, RewriteFailed):
        app.add_exception_handler(full, _no_room)
    for clash in (Full, AlreadyErased):
        app.add_exception_handler(clash, _conflict)
    for away in (RedisError, ConnectionError, TimeoutError):
        app.add_exception_handler(away, _server_away)
    app.add_exception_handler(Exception, _unexpected)
