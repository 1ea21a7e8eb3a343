"""Knows who a request comes from and what its role allows. Does not know what is asked for."""

from collections.abc import Callable, Coroutine
from dataclasses import dataclass
from typing import Annotated, Any, Final
from urllib.parse import urlsplit

from fastapi import Depends, Request

from config.cameras import Camera
from streams.clock import monotonic_ns, now_ns
from streams.gateway.cookies import COOKIE_NAME
from streams.gateway.errors import ApiError, not_found
from streams.gateway.parts import Here, Parts
from streams.ledger.access import AccessRole, KeyRecord

SAFE: Final = frozenset({"GET", "HEAD", "OPTIONS"})
RANK: Final = {
    AccessRole.PUBLISHER: 0,
    AccessRole.VIEWER: 1,
    AccessRole.OPERATOR: 2,
    AccessRole.ADMIN: 3,
}


@dataclass(frozen=True, slots=True)
class Identity:
    """Whose key a request carries."""

    key: KeyRecord

    def may(self, role: AccessRole) -> bool:
        """Return whether this key's role is at least `role`."""
        return RANK[self.key.role] >= RANK[role]

    def sees(self, camera: str) -> bool:
        """Return whether this key may read a camera; a publisher's key reads none."""
        return self.may(AccessRole.VIEWER) and self.key.opens(camera)


def refuse_foreign_origin(request: Request) -> None:
    """Refuse a change that another site's page asks for (CSRF): 403.

    SameSite=Strict already keeps the cookie at home; this also covers a neighbour on another
    port, which browsers count as the same site.
    """
    origin = request.headers.get("origin")
    if origin is not None:
        if urlsplit(origin).netloc != request.headers.get("host", ""):
            raise ApiError(403, "a page of another origin may not do this")
    elif request.headers.get("sec-fetch-site", "none") not in ("same-origin", "none"):
        raise ApiError(403, "a page of another origin may not do this")


def address_of(request: Request) -> str:
    """Return the address that guesses are counted by."""
    return request.client.host if request.client else "unknown"


async def check_key(request: Request, parts: Parts, plain: str) -> KeyRecord:
    """Return whose key this is; 401 if it is wrong, 429 after too many wrong ones."""
    known = parts.directory.recall(plain)
    if known is not None:
        return known
    address, now_s = address_of(request), monotonic_ns() / 1e9
    wait_s = parts.throttle.wait_s(address, now_s)
    if wait_s > 0:
        parts.metrics.keys_refused.labels("throttled").inc()
        retry = {"Retry-After": str(max(1, round(wait_s)))}
        raise ApiError(429, f"too many wrong keys: try again in {wait_s:.0f} s", None, retry)
    record = await parts.directory.verify(plain)
    if record is None:
        parts.throttle.failed(address, now_s)
        parts.metrics.keys_refused.labels("wrong").inc()
        raise ApiError(401, "this key is not known here, or it was revoked")
    return record


def _of_cookie(request: Request, parts: Parts) -> KeyRecord | None:
    value = request.cookies.get(COOKIE_NAME)
    session = None if value is None else parts.cookies.read(value, now_ns() // 10**9)
    return None if session is None else parts.directory.keys.get(session.key_id)


def session_of(request: Request, parts: Parts) -> Identity | None:
    """Return whose cookie a request carries, if it is genuine and its key still stands."""
    record = _of_cookie(request, parts)
    return None if record is None else Identity(record)


async def identify(request: Request, parts: Here) -> Identity:
    """Return whose key or cookie a request carries; 401 without one."""
    scheme, _, plain = request.headers.get("authorization", "").partition(" ")
    if scheme.lower() == "bearer" and plain:
        return Identity(await check_key(request, parts, plain.strip()))
    session = session_of(request, parts)
    if session is None:
        if not parts.directory.loaded:
            raise ApiError(503, "the ledger does not answer: try again in a few seconds")
        challenge = {"WWW-Authenticate": "Bearer"}
        raise ApiError(401, "a key is needed: Authorization: Bearer KEY", None, challenge)
    if request.method not in SAFE:
        refuse_foreign_origin(request)
    return session


Anybody = Annotated[Identity, Depends(identify)]


def _at_least(role: AccessRole) -> Callable[[Identity], Coroutine[Any, Any, Identity]]:
    async def check(who: Anybody) -> Identity:
        if not who.may(role):
            raise ApiError(403, f"this needs a key with the role {role} or above")
        return who

    return check


Viewer = Annotated[Identity, Depends(_at_least(AccessRole.VIEWER))]
Operator = Annotated[Identity, Depends(_at_least(AccessRole.OPERATOR))]
Admin = Annotated[Identity, Depends(_at_least(AccessRole.ADMIN))]


def camera_for(parts: Parts, who: Identity, camera_id: str) -> Camera:
    """Return a camera that this key may read; 404 for any other, so that none is betrayed."""
    camera = parts.directory.cameras.get(camera_id)
    if camera is None or not who.sees(camera_id):
        raise not_found("camera", camera_id)
    return camera
