"""Knows the cameras, people and chosen networks of the ledger, and follows its changes."""

import asyncio
from collections.abc import Awaitable, Callable, Mapping, Sequence
from dataclasses import asdict, dataclass, field
from typing import Any

import numpy as np
import structlog
from numpy.typing import NDArray

from config.cameras import Camera
from engine.gallery import Enrolled, Gallery, GallerySettings
from engine.people import Photo
from engine.separability import apart
from streams.ledger.changes import Change
from streams.ledger.ledger import Ledger

log = structlog.get_logger()


@dataclass(frozen=True, slots=True)
class Listeners:
    """What the worker does when the roster changed."""

    gallery: Callable[[Gallery], Awaitable[None]]
    erased: Callable[[str], Awaitable[None]]
    models: Callable[[Mapping[str, str]], Awaitable[None]]


@dataclass(frozen=True, slots=True)
class Embedder:
    """What people are recognised by. label: "name@version"; others' vectors cannot be compared.

    embed: makes unit vectors (N, D) of aligned faces, JPEG each.
    """

    label: str
    settings: GallerySettings
    embed: Callable[[Sequence[bytes]], Awaitable[NDArray[np.float32]]]


@dataclass(slots=True)
class Roster:
    """Cameras by id and the gallery of everybody enrolled.

    Whoever was enrolled under another embedder is embedded anew from the kept crops.
    """

    ledger: Ledger
    embedder: Embedder
    cameras: dict[str, Camera] = field(default_factory=dict)
    models: Mapping[str, str] = field(default_factory=dict)  # the chosen label by task
    gallery: Gallery = field(init=False)

    def __post_init__(self) -> None:
        self.gallery = Gallery((), self.embedder.settings)

    async def load(self) -> None:
        """Load everything anew. Raises what redis-py raises while the ledger is away."""
        await self._load_cameras()
        await self.load_people()
        self.models = await self.ledger.models.all()

    async def follow(self, listeners: Listeners) -> None:
        """Follow the ledger's changes for ever; it waits while the ledger is away."""
        async for change in self.ledger.changes.follow():
            await self._apply(change, listeners)

    async def _apply(self, change: Change, listeners: Listeners) -> None:
        if change.kind in ("all", "camera"):
            await self._load_cameras()
        if change.kind in ("all", "person"):
            await self.load_people()
            await listeners.gallery(self.gallery)
        if change.kind in ("all", "model"):
            self.models = await self.ledger.models.all()
            await listeners.models(self.models)
        erased = [change.id] if change.kind == "erase" else []
        if change.kind == "all":
            erased = await self.ledger.people.unfinished_erasures()
        for person_id in erased:
            self.gallery = self.gallery.without(person_id)
            await listeners.gallery(self.gallery)
            await listeners.erased(person_id)

    async def _load_cameras(self) -> None:
        self.cameras = {camera.id: camera for camera in await self.ledger.cameras.all()}

    def use(self, embedder: Embedder, gallery: Gallery) -> None:
        """Go over to another embedder and its gallery."""
        self.embedder, self.gallery = embedder, gallery

    async def load_people(self) -> None:
        """Load everybody anew."""
        self.gallery = await self.gallery_of(self.embedder)

    async def gallery_of(self, embedder: Embedder) -> Gallery:
        """Return everybody by an embedder's vectors; those that are missing are made, and kept."""
        enrolled = []
        for person in await self.ledger.people.all():
            missing = [one for one in person.photos if one.under(embedder.label) is None]
            made = await self._embedded(person.id, missing, embedder) if missing else {}
            vectors = [made.get(one.id, one.under(embedder.label)) for one in person.photos]
            there = [vector for vector in vectors if vector is not None]
            if there:
                enrolled.append(Enrolled(person.id, np.stack(there)))
        return Gallery(enrolled, embedder.settings)

    async def separability(self, _: Mapping[str, bytes]) -> Mapping[str, Any]:
        """Answer how well the enrolled can be told apart; requests of kind "separability"."""
        settings = self.gallery.settings
        people = await asyncio.to_thread(apart, self.gallery.people, settings)
        return {
            "embedder": self.embedder.label,
            "accept": settings.accept_bare,
            "reject": settings.reject_bare,
            "people": [asdict(one) for one in people],
        }

    async def _embedded(
        self, person_id: str, photos: Sequence[Photo], embedder: Embedder
    ) -> dict[str, NDArray[np.float32]]:
        try:
            vectors = await embedder.embed([photo.crop for photo in photos])
        except ValueError as error:
            log.error("crop unreadable", person=person_id, reason=str(error))
            return {}
        made = {photo.id: vector for photo, vector in zip(photos, vectors, strict=True)}
        await self.ledger.people.add_vectors(person_id, embedder.label, made)
        log.info("embedded anew", person=person_id, photos=len(made), embedder=embedder.label)
        return made
