"""Knows the routes of cameras: list, add, change, remove, test. Does not know their pictures."""

import asyncio
from typing import Any, Literal
from urllib.parse import urlsplit

from fastapi import APIRouter
from pydantic import BaseModel, ConfigDict, Field, SecretStr, ValidationError

from config.cameras import Camera, CameraId, parse_address
from engine.purpose import Purpose
from streams.bus.requests import ask
from streams.gateway.auth import Identity, Operator, Viewer, camera_for
from streams.gateway.errors import ApiError, not_found
from streams.gateway.parts import Here, Parts
from streams.gateway.status import camera_status
from streams.ledger.access import AccessRole, KeyRequest

routes = APIRouter(prefix="/api/v1")

TEST_WITHIN_S = 15.0


class Strict(BaseModel):
    """A body whose unknown fields are refused."""

    model_config = ConfigDict(extra="forbid")


class Reachable(Strict):
    """Where a camera is reached; a URL may hold credentials, they are cut out of it."""

    url: str = Field(default="", max_length=2000)
    sub_url: str | None = Field(default=None, max_length=2000)
    username: str | None = Field(default=None, max_length=200)
    password: SecretStr | None = Field(default=None, max_length=500)


class NewCamera(Reachable):
    """A camera to be added."""

    id: CameraId
    kind: Literal["rtsp", "whip"] = "rtsp"
    mask_required: bool = False
    alert_unknown: bool = False
    purpose: Purpose = Purpose.NONE
    because: str | None = Field(default=None, max_length=500)


class CameraChange(Strict):
    """What is to be changed of a camera; what is left out stays."""

    url: str | None = Field(default=None, max_length=2000)
    sub_url: str | None = Field(default=None, max_length=2000)
    username: str | None = Field(default=None, max_length=200)
    password: SecretStr | None = Field(default=None, max_length=500)
    mask_required: bool | None = None
    alert_unknown: bool | None = None
    purpose: Purpose | None = None
    because: str | None = Field(default=None, max_length=500)


def describe(camera: Camera) -> dict[str, Any]:
    """Return a camera as the API shows it: without its password."""
    found = camera.model_dump(mode="json", exclude={"password"})
    return {**found, "has_password": camera.password is not None}


def _cut(url: str, field: str) -> dict[str, Any]:
    """Return a URL's parts as fields: `field` and, where it holds them, the credentials."""
    try:
        address = parse_address(url)
    except ValueError as error:
        raise ApiError(422, str(error), [{"field": field, "reason": str(error)}]) from error
    found: dict[str, Any] = {field: address.url}
    if address.username is not None:
        found["username"] = address.username
    if address.password is not None:
        found["password"] = SecretStr(address.password)
    return found


def _built(fields: dict[str, Any]) -> Camera:
    for field in ("sub_url", "url"):
        if fields.get(field):
            cut = _cut(fields[field], field)
            # A user or password given apart stands above what the URL holds.
            given = {name: fields[name] for name in ("username", "password") if fields.get(name)}
            fields = {**fields, **cut, **given}
    try:
        return Camera.model_validate(fields)
    except ValidationError as error:
        problems = [
            {"field": ".".join(map(str, one["loc"])), "reason": one["msg"]}
            for one in error.errors(include_input=False, include_url=False)
        ]
        raise ApiError(422, problems[0]["reason"], problems) from error


def _theirs(parts: Parts, who: Identity, camera_id: str) -> Camera:
    camera = camera_for(parts, who, camera_id)
    if camera.managed_by == "file":
        raise ApiError(409, f"camera {camera_id!r} is managed by ostiary.yaml: change it there")
    return camera


@routes.get("/cameras")
async def list_cameras(parts: Here, who: Viewer) -> Any:
    """Return the cameras that this key may see, each with its live state."""
    cameras = parts.directory.visible(who.key)
    states = await asyncio.gather(*(camera_status(parts, one) for one in cameras))
    return {
        "cameras": [
            {**describe(camera), "status": state}
            for camera, state in zip(cameras, states, strict=True)
        ]
    }


@routes.get("/cameras/{camera_id}")
async def get_camera(camera_id: str, parts: Here, who: Viewer) -> Any:
    """Return one camera with its live state."""
    camera = camera_for(parts, who, camera_id)
    return {**describe(camera), "status": await camera_status(parts, camera)}


@routes.post("/cameras", status_code=201)
async def add_camera(body: NewCamera, parts: Here, who: Operator) -> Any:
    """Add a camera; a whip camera's publisher token is in this answer and never again."""
    camera = _built(body.model_dump(exclude_none=True))
    if not who.key.opens(camera.id):
        raise ApiError(403, f"this key is not granted a camera {camera.id!r}")
    if await parts.ledger.cameras.get(camera.id) is not None:
        raise ApiError(409, f"there is a camera {camera.id!r} already")
    await parts.ledger.cameras.put(camera)
    await parts.directory.refresh("camera")
    answer = describe(camera)
    if camera.kind == "whip":
        request = KeyRequest(AccessRole.PUBLISHER, frozenset({camera.id}), f"lends {camera.id}")
        new = await parts.ledger.keys.create(request)
        await parts.directory.refresh("key")
        answer |= {"token": new.plain, "whip": f"/api/v1/whip/{camera.id}"}
        answer["lend"] = f"/lend?camera={camera.id}#token={new.plain}"
    return answer


@routes.patch("/cameras/{camera_id}")
async def change_camera(camera_id: str, body: CameraChange, parts: Here, who: Operator) -> Any:
    """Change what is given; the rest stays as it is."""
    camera = _theirs(parts, who, camera_id)
    change = body.model_dump(exclude_unset=True)
    merged = {name: getattr(camera, name) for name in type(camera).model_fields}
    for flag in ("mask_required", "alert_unknown", "purpose"):
        if change.get(flag, ...) is None:
            del change[flag]
    merged |= _credentials_of(camera, change)
    changed = _built({**merged, **change})
    await parts.ledger.cameras.put(changed)
    await parts.directory.refresh("camera")
    return describe(changed)


def _credentials_of(camera: Camera, change: dict[str, Any]) -> dict[str, None]:
    """Drop the stored password where an address on another host comes without one of its own."""
    hosts = {urlsplit(url).hostname for url in (camera.url, camera.sub_url) if url}
    given = [change[name] for name in ("url", "sub_url") if change.get(name)]
    elsewhere = any(urlsplit(str(url)).hostname not in hosts for url in given)
    return {"username": None, "password": None} if elsewhere else {}


@routes.delete("/cameras/{camera_id}", status_code=204)
async def remove_camera(camera_id: str, parts: Here, who: Operator) -> None:
    """Remove a camera and the tokens that lend it; its alerts are kept."""
    camera = _theirs(parts, who, camera_id)
    if not await parts.ledger.cameras.remove(camera.id):
        raise not_found("camera", camera_id)
    for key in await parts.ledger.keys.all():
        if key.role is AccessRole.PUBLISHER and key.cameras == frozenset({camera.id}):
            await parts.ledger.keys.revoke(key.id)
    await parts.directory.refresh("camera")
    await parts.directory.refresh("key")


class Tried(Reachable):
    """What is to be tried: an address, or a camera that was added."""

    camera: CameraId | None = None


@routes.post("/cameras/test")
async def test_camera(body: Tried, parts: Here, who: Operator) -> Any:
    """Have ingest connect once, and say what came: codec, size, rate, time to a picture."""
    if body.camera is not None:
        camera = camera_for(parts, who, body.camera)
    else:
        camera = _built({"id": "test", **body.model_dump(exclude_none=True)})
    if camera.kind == "whip":
        raise ApiError(422, f"camera {camera.id!r} is lent by a browser: there is nothing to try")
    password = "" if camera.password is None else camera.password.get_secret_value()
    fields = {
        "url": camera.url.encode(),
        "username": (camera.username or "").encode(),
        "password": password.encode(),
    }
    return await ask(parts.bus, "camera-test", fields, TEST_WITHIN_S)
