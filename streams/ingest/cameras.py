"""Knows which cameras this ingest keeps, and replaces one without touching the others.

Does not know what keeping a camera means.
"""

import asyncio
from collections.abc import Awaitable, Callable, Iterable
from dataclasses import dataclass, field

import structlog

from config.cameras import Camera

log = structlog.get_logger()


def connection_of(camera: Camera | None) -> tuple[object, ...]:
    """Return the settings that the connection depends on; other changes leave it alone."""
    if camera is None:
        return ()
    return (camera.kind, camera.url, camera.sub_url, camera.username, camera.password)


@dataclass(slots=True)
class _Slot:
    """What is wanted of one camera id; its task reads it again when `changed` is set."""

    wanted: Camera | None
    changed: asyncio.Event = field(default_factory=asyncio.Event)


class CameraSet:
    """One task per camera id in one group; `want` changes the set, and only what differs moves."""

    def __init__(self, own: Callable[[Camera], Awaitable[None]]) -> None:
        self._own = own
        self._slots: dict[str, _Slot] = {}

    def want(self, cameras: Iterable[Camera], group: asyncio.TaskGroup) -> None:
        """Keep exactly these cameras from now on; the ledger bounds how many there are."""
        wanted = {camera.id: camera for camera in cameras}
        for camera_id, slot in self._slots.items():
            camera = wanted.get(camera_id)
            if connection_of(camera) != connection_of(slot.wanted):
                slot.wanted = camera
                slot.changed.set()
        for camera_id, camera in wanted.items():
            if camera_id in self._slots:
                continue
            slot = self._slots[camera_id] = _Slot(camera)
            group.create_task(self._keep(camera_id, slot))

    def __contains__(self, camera_id: str) -> bool:
        slot = self._slots.get(camera_id)
        return slot is not None and slot.wanted is not None

    async def _keep(self, camera_id: str, slot: _Slot) -> None:
        while (camera := slot.wanted) is not None:
            slot.changed.clear()
            async with asyncio.TaskGroup() as group:
                work = group.create_task(self._guarded(camera))
                await slot.changed.wait()
                work.cancel()
        del self._slots[camera_id]

    async def _guarded(self, camera: Camera) -> None:
        """Keep a camera; a defect here is logged and that camera tried again, no other harmed."""
        while True:
            try:
                await self._own(camera)
            except Exception:
                log.exception("camera_defect", camera=camera.id)
            await asyncio.sleep(1)
