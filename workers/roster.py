"""Knows the cameras, people and chosen networks of the ledger, and follows its changes."""

from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass, field

import numpy as np
import structlog

from config.cameras import Camera
from engine.gallery import Enrolled, Gallery, GallerySettings
from streams.ledger.changes import Change
from streams.ledger.ledger import Ledger

log = structlog.get_logger()


@dataclass(frozen=True, slots=True)
class Listeners:
    """What the worker does when the roster changed."""

    gallery: Callable[[Gallery], Awaitable[None]]
    erased: Callable[[str], Awaitable[None]]
    models: Callable[[Mapping[str, str]], Awaitable[None]]


@dataclass(slots=True)
class Roster:
    """Cameras by id and the gallery of everybody enrolled under the embedder in use."""

    ledger: Ledger
    embedder: str  # "name@version": vectors of other models cannot be compared
    settings: GallerySettings
    cameras: dict[str, Camera] = field(default_factory=dict)
    models: Mapping[str, str] = field(default_factory=dict)  # the chosen label by task
    gallery: Gallery = field(init=False)

    def __post_init__(self) -> None:
        self.gallery = Gallery((), self.settings)

    async def load(self) -> None:
        """Load everything anew. Raises what redis-py raises while the ledger is away."""
        await self._load_cameras()
        await self._load_people()
        self.models = await self.ledger.models.all()

    async def follow(self, listeners: Listeners) -> None:
        """Follow the ledger's changes for ever; it waits while the ledger is away."""
        async for change in self.ledger.changes.follow():
            await self._apply(change, listeners)

    async def _apply(self, change: Change, listeners: Listeners) -> None:
        if change.kind in ("all", "camera"):
            await self._load_cameras()
        if change.kind in ("all", "person"):
            await self._load_people()
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

    async def _load_people(self) -> None:
        people = []
        for person in await self.ledger.people.all():
            vectors = [one.vector for one in person.photos if one.model == self.embedder]
            if vectors:
                people.append(Enrolled(person.id, np.stack(vectors)))
            elif person.photos:
                log.warning("person of another model", person=person.id, embedder=self.embedder)
        self.gallery = Gallery(people, self.settings)
