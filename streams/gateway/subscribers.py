"""Knows the routes of subscribers. Does not know how an inbox is filled."""

from typing import Any

from fastapi import APIRouter
from pydantic import BaseModel, ConfigDict, Field

from config.cameras import CameraId
from engine.rfc3339 import to_rfc3339
from engine.rules import RuleKind
from streams.accounts import NameTaken
from streams.bus.keys import inbox
from streams.gateway.auth import Admin
from streams.gateway.bounded import Bounded
from streams.gateway.errors import ApiError, not_found
from streams.gateway.parts import Here, Parts
from streams.ledger.subscribers import Subscriber

routes = APIRouter(prefix="/api/v1", route_class=Bounded)


class WantedSubscriber(BaseModel):
    """A subscriber to be made; cameras, kinds: the only ones, all where they are left out."""

    model_config = ConfigDict(extra="forbid")

    name: CameraId  # the same letters as a camera's id
    cameras: frozenset[CameraId] | None = Field(default=None, max_length=1000)
    kinds: frozenset[RuleKind] | None = None


def describe(record: Subscriber) -> dict[str, Any]:
    """Return a subscriber as the API shows it: never its password."""
    return {
        "name": record.name,
        "cameras": None if record.cameras is None else sorted(record.cameras),
        "kinds": None if record.kinds is None else sorted(record.kinds),
        "created_at": to_rfc3339(record.created_ns),
        "key_id": record.key_id,
    }


def _reached_by(parts: Parts, name: str) -> dict[str, Any]:
    """Say how the ledger is reached, or which setting opens it."""
    ledger = parts.settings.ledger
    found: dict[str, Any] = {"user": name, "inbox": inbox(name), "url": None, "setting": None}
    if ledger.listen_port is not None:
        found["url"] = f"redis://127.0.0.1:{ledger.listen_port}"
    elif ledger.url is None:
        found["setting"] = "ledger.listen_port opens the ledger on 127.0.0.1"
    else:
        found["setting"] = "the ledger is the server that ledger.url names"
    return found


@routes.get("/subscribers")
async def list_subscribers(parts: Here, _: Admin) -> Any:
    """Return every subscriber."""
    found = await parts.ledger.subscribers.all()
    return {"subscribers": [describe(one) for one in found]}


@routes.post("/subscribers", status_code=201)
async def add_subscriber(body: WantedSubscriber, parts: Here, _: Admin) -> Any:
    """Make a subscriber; `password` and `key` are in this answer and never again."""
    try:
        new = await parts.ledger.subscribers.add(body.name, body.cameras, body.kinds)
    except NameTaken as error:
        raise ApiError(409, str(error)) from error
    except ValueError as error:
        raise ApiError(422, str(error)) from error
    await parts.directory.refresh("key")
    answer = {**describe(new.record), "password": new.password, "key": new.key.plain}
    return {**answer, "connect": _reached_by(parts, body.name)}


@routes.delete("/subscribers/{name}", status_code=204)
async def remove_subscriber(name: str, parts: Here, _: Admin) -> None:
    """Remove a subscriber with its inbox, its user and its key."""
    if not await parts.ledger.subscribers.remove(name):
        raise not_found("subscriber", name)
    await parts.directory.refresh("key")
    await parts.watchers.end_forbidden()
