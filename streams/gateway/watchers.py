"""Knows which key watches which camera live. Does not know how pictures reach a browser."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Protocol

from config.cameras import Camera
from streams.gateway.directory import Directory
from streams.viewer.figures import ViewerFigures


class Answer(Protocol):
    """What a hub answers an offer with."""

    @property
    def session_id(self) -> str: ...

    @property
    def sdp(self) -> str: ...


class Hub(Protocol):
    """What sends pictures: streams.viewer.hub.ViewerHub."""

    @property
    def sessions(self) -> Mapping[str, str]: ...

    def figures(self) -> ViewerFigures: ...

    async def run(self) -> None: ...

    async def offer(self, camera: Camera, offer_sdp: str) -> Answer: ...

    async def close(self, session_id: str) -> None: ...

    async def close_all(self) -> None: ...


@dataclass(frozen=True, slots=True)
class Watch:
    """One live session: whose key, and which camera as it was then."""

    key_id: str
    camera: Camera


class Watchers:
    """Every live session, so that a revoked key stops seeing at once."""

    def __init__(self, hub: Hub, directory: Directory) -> None:
        self.hub = hub
        self._directory = directory
        self._watches: dict[str, Watch] = {}

    async def begin(self, key_id: str, camera: Camera, offer_sdp: str) -> Answer:
        """Start a session; those that ended by themselves are forgotten. Raises OfferRefused."""
        answer = await self.hub.offer(camera, offer_sdp)
        live = self.hub.sessions
        self._watches = {one: watch for one, watch in self._watches.items() if one in live}
        self._watches[answer.session_id] = Watch(key_id, camera)
        return answer

    async def end(self, session_id: str, key_id: str) -> bool:
        """End a session if it is this key's; return whether it was."""
        watch = self._watches.get(session_id)
        if watch is None or watch.key_id != key_id:
            return False
        await self._close(session_id)
        return True

    async def end_forbidden(self) -> None:
        """End every session whose key or camera is gone, or is no longer what it was."""
        for session_id, watch in list(self._watches.items()):
            if not self._allowed(watch):
                await self._close(session_id)

    def _allowed(self, watch: Watch) -> bool:
        key = self._directory.keys.get(watch.key_id)
        camera = self._directory.cameras.get(watch.camera.id)
        if key is None or camera is None:
            return False
        return key.opens(camera.id) and camera.purpose is watch.camera.purpose

    async def _close(self, session_id: str) -> None:
        self._watches.pop(session_id, None)
        await self.hub.close(session_id)
