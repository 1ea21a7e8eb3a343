"""Knows the routes of keys. Does not know how a key is kept."""

from typing import Any

from fastapi import APIRouter
from pydantic import BaseModel, ConfigDict, Field

from config.cameras import CameraId
from engine.rfc3339 import to_rfc3339
from streams.gateway.auth import Admin
from streams.gateway.bounded import Bounded
from streams.gateway.errors import ApiError, not_found
from streams.gateway.parts import Here
from streams.ledger.access import AccessRole, KeyRecord, KeyRequest

routes = APIRouter(prefix="/api/v1", route_class=Bounded)


class WantedKey(BaseModel):
    """A key to be made; cameras: the only ones it opens, all where it is left out."""

    model_config = ConfigDict(extra="forbid")

    role: AccessRole
    cameras: frozenset[CameraId] | None = Field(default=None, max_length=1000)
    label: str = Field(default="", max_length=100)


def describe(record: KeyRecord) -> dict[str, Any]:
    """Return a key as the API shows it: never its secret."""
    return {
        "id": record.id,
        "role": record.role.value,
        "cameras": None if record.cameras is None else sorted(record.cameras),
        "label": record.label,
        "created_at": to_rfc3339(record.created_ns),
    }


@routes.get("/keys")
async def list_keys(parts: Here, _: Admin) -> Any:
    """Return every key without its secret."""
    return {"keys": [describe(one) for one in await parts.ledger.keys.all()]}


@routes.post("/keys", status_code=201)
async def create_key(body: WantedKey, parts: Here, _: Admin) -> Any:
    """Make a key; `key` is in this answer and never again."""
    try:
        request = KeyRequest(body.role, body.cameras, body.label)
    except ValueError as error:
        raise ApiError(422, str(error)) from error
    new = await parts.ledger.keys.create(request)
    await parts.directory.refresh("key")
    return {**describe(new.record), "key": new.plain}


@routes.delete("/keys/{key_id}", status_code=204)
async def revoke_key(key_id: str, parts: Here, who: Admin) -> None:
    """Revoke a key: it opens nothing from now on, and its live pictures end."""
    if key_id == who.key.id:
        raise ApiError(409, "a key cannot revoke itself: use another admin key")
    if not await parts.ledger.keys.revoke(key_id):
        raise not_found("key", key_id)
    await parts.directory.refresh("key")
    await parts.watchers.end_forbidden()
