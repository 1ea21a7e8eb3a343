"""Knows the routes of people: enrol, list, remove. Does not know how a face is judged."""

import base64
import secrets
from collections.abc import Collection
from dataclasses import dataclass
from typing import Any, Final

import numpy as np
from fastapi import APIRouter, Request, Response
from starlette.datastructures import UploadFile
from starlette.formparsers import MultiPartException, MultiPartParser

from engine.people import MAX_NAME, MAX_PHOTOS, Person, Photo
from engine.rfc3339 import to_rfc3339
from streams.bus.heartbeats import live_workers
from streams.bus.requests import ask
from streams.clock import now_ns
from streams.gateway.auth import Operator, Viewer
from streams.gateway.errors import ApiError, not_found
from streams.gateway.parts import Here, Parts

routes = APIRouter(prefix="/api/v1")

PHOTO_BYTES: Final = 8 * 1024 * 1024
BODY_BYTES: Final = MAX_PHOTOS * PHOTO_BYTES + 64 * 1024
CONSENT_BOUND: Final = 500
ENROL_WITHIN_S: Final = 60.0
CHECK_WITHIN_S: Final = 30.0


class InMemory(MultiPartParser):
    """Reads a form without ever putting a photo on the disk."""

    spool_max_size = PHOTO_BYTES + 1


@dataclass(frozen=True, slots=True)
class Enrolment:
    """What was sent to enrol somebody."""

    name: str
    consent: str
    photos: tuple[bytes, ...]


def _text(value: object, field: str, most: int) -> str:
    text = value.strip() if isinstance(value, str) else ""
    if not 1 <= len(text) <= most:
        reason = f"1 to {most} characters are needed"
        raise ApiError(422, f"{field}: {reason}", [{"field": field, "reason": reason}])
    return text


async def _photo(upload: object, number: int) -> bytes:
    if not isinstance(upload, UploadFile):
        raise ApiError(422, "photos must be files")
    data = await upload.read(PHOTO_BYTES + 1)
    if len(data) > PHOTO_BYTES:
        raise ApiError(413, f"photo {number} is larger than 8 MB: send a smaller one")
    return data


async def _read(request: Request) -> Enrolment:
    if not request.headers.get("content-type", "").startswith("multipart/form-data"):
        raise ApiError(415, "send multipart/form-data with name, consent and photos")
    parser = InMemory(
        request.headers, request.stream(), max_files=MAX_PHOTOS, max_fields=4, max_part_size=4096
    )
    try:
        form = await parser.parse()
    except MultiPartException as error:
        raise ApiError(422, f"the form cannot be read: {error.message}") from error
    try:
        photos = [
            await _photo(one, number) for number, one in enumerate(form.getlist("photos"), start=1)
        ]
        if not photos:
            raise ApiError(422, "at least one photo is needed", [{"field": "photos"}])
        name = _text(form.get("name"), "name", MAX_NAME)
        consent = _text(form.get("consent"), "consent", CONSENT_BOUND)
        return Enrolment(name, consent, tuple(photos))
    finally:
        await form.close()


def _accepted(parts: Parts, answer: dict[str, Any]) -> tuple[Photo, ...]:
    """Open what the worker sealed: aligned crops and embeddings of the accepted photos."""
    found = []
    for one in answer["photos"]:
        vector = parts.box.unseal(base64.b64decode(one["vector"]))
        crop = parts.box.unseal(base64.b64decode(one["crop"]))
        values = np.frombuffer(vector, "<f2").astype(np.float32)
        found.append(Photo(f"f-{secrets.token_hex(4)}", values, str(one["model"]), crop))
    return tuple(found)


def _described(person: Person) -> dict[str, Any]:
    return {
        "id": person.id,
        "name": person.name,
        "consent": person.consent,
        "created_at": to_rfc3339(person.created_ns),
        "photos": len(person.photos),
    }


@routes.post("/people", status_code=201)
async def enrol(request: Request, parts: Here, _: Operator) -> Any:
    """Have a worker judge the photos; enrol with those that it accepted."""
    wanted = await _read(request)
    person_id = f"p-{secrets.token_hex(6)}"
    fields = {f"photo{index}": data for index, data in enumerate(wanted.photos)}
    fields["person"] = person_id.encode()
    answer = await ask(parts.bus, "enrolment", fields, ENROL_WITHIN_S)
    verdicts = answer["verdicts"]
    photos = _accepted(parts, answer)
    if not photos:
        raise ApiError(422, "no photo was accepted, so nobody was enrolled", {"verdicts": verdicts})
    person = Person(person_id, wanted.name, wanted.consent, now_ns(), photos)
    await parts.ledger.people.put(person)
    await parts.directory.refresh("person")
    return {**_described(person), "verdicts": verdicts}


@routes.get("/people")
async def list_people(parts: Here, _: Operator) -> Any:
    """Return everybody who is enrolled."""
    people = sorted(await parts.ledger.people.all(), key=lambda one: one.created_ns)
    return {"people": [_described(one) for one in people]}


@routes.get("/people/names")
async def list_names(parts: Here, who: Viewer) -> Any:
    """Return names by person id, for boxes and alerts; none without a people camera in sight."""
    return {"names": parts.directory.names_for(who.key)}


@routes.get("/people/check")
async def check_people(parts: Here, _: Operator) -> Any:
    """Return how well the enrolled can be told apart, as a worker finds; most to mend first.

    embedder: whose cosines these are; accept, reject: from where on one view is somebody, and to
    where nobody.
    """
    found = await ask(parts.bus, "separability", {}, CHECK_WITHIN_S)
    names = await parts.ledger.people.names()
    for one in found["people"]:
        one["name"] = names.get(one["person_id"])
        one["nearest_name"] = names.get(one["nearest"] or "")
    return found


@routes.get("/people/{person_id}")
async def get_person(person_id: str, parts: Here, _: Operator) -> Any:
    """Return one person."""
    person = await parts.ledger.people.get(person_id)
    if person is None:
        raise not_found("person", person_id)
    return _described(person)


@routes.get("/people/{person_id}/photo")
async def get_photo(person_id: str, parts: Here, _: Operator) -> Response:
    """Return the first aligned crop that a person was enrolled with."""
    person = await parts.ledger.people.get(person_id)
    if person is None or not person.photos:
        raise not_found("person", person_id)
    return Response(person.photos[0].crop, media_type="image/jpeg")


@routes.delete("/people/{person_id}")
async def erase(person_id: str, parts: Here, _: Operator) -> Any:
    """Erase a person everywhere; returns when nothing of them is left."""
    if await parts.ledger.people.get(person_id) is None:
        raise not_found("person", person_id)
    return await erase_person(parts, person_id)


async def erase_person(parts: Parts, person_id: str) -> dict[str, Any]:
    """Erase a person, or go on with an erasure that was cut short."""

    async def workers() -> Collection[str]:
        return [one.id for one in await live_workers(parts.bus)]

    done = await parts.ledger.people.erase(person_id, workers, parts.store.remove)
    await parts.directory.refresh("person")
    return {
        "id": person_id,
        "erased": True,
        "confirmed": sorted(done.confirmed),
        "unconfirmed": sorted(done.unconfirmed),
        "snapshots": len(done.snapshots),
        "rewritten": done.rewritten,
    }
