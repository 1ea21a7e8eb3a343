"""Knows the routes by which the page signs in and out. Does not know how keys are made."""

from typing import Any

from fastapi import APIRouter, Request, Response
from pydantic import BaseModel, ConfigDict, Field, SecretStr

from streams.clock import now_ns
from streams.gateway.auth import Anybody, Identity, check_key, refuse_foreign_origin, session_of
from streams.gateway.bounded import Bounded
from streams.gateway.cookies import COOKIE_NAME, LIFETIME_S, Session
from streams.gateway.errors import ApiError
from streams.gateway.parts import Here
from streams.ledger.access import AccessRole

routes = APIRouter(prefix="/api/v1", route_class=Bounded)


class SignIn(BaseModel):
    """What the page sends to sign in."""

    model_config = ConfigDict(extra="forbid")

    key: SecretStr = Field(max_length=300)


def _described(who: Identity) -> dict[str, Any]:
    cameras = None if who.key.cameras is None else sorted(who.key.cameras)
    return {
        "key_id": who.key.id,
        "role": who.key.role.value,
        "cameras": cameras,
        "label": who.key.label,
    }


@routes.post("/session")
async def sign_in(body: SignIn, request: Request, response: Response, parts: Here) -> Any:
    """Exchange a key for a cookie that scripts cannot read."""
    refuse_foreign_origin(request)
    record = await check_key(request, parts, body.key.get_secret_value().strip())
    if record.role is AccessRole.PUBLISHER:
        raise ApiError(403, "this key only lends a camera; the page needs a viewer's key")
    value = parts.cookies.sign(Session(record.id, now_ns() // 10**9))
    response.set_cookie(
        COOKIE_NAME,
        value,
        max_age=LIFETIME_S,
        httponly=True,
        samesite="strict",
        secure=parts.secure,
        path="/",
    )
    return {"signed_in": True, **_described(Identity(record))}


@routes.get("/session")
async def session(request: Request, parts: Here) -> Any:
    """Say whether this browser is signed in; never an error, so that the page can ask first."""
    who = session_of(request, parts)
    if who is None and not parts.directory.loaded:
        raise ApiError(503, "the ledger does not answer: try again in a few seconds")
    return {"signed_in": False} if who is None else {"signed_in": True, **_described(who)}


@routes.delete("/session", status_code=204)
async def sign_out(request: Request, response: Response) -> None:
    """Take the cookie back."""
    refuse_foreign_origin(request)
    response.delete_cookie(COOKIE_NAME, path="/", httponly=True, samesite="strict")


@routes.get("/me")
async def me(who: Anybody) -> Any:
    """Say what the given key is and may do."""
    return _described(who)
