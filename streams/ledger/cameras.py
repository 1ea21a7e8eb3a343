"""Knows how cameras are kept. Does not know whether one is reachable."""

import json
from typing import Final

from pydantic import SecretStr
from redis.asyncio import Redis

from config.cameras import Camera
from streams.ledger.records import Fields, Records
from streams.secrets import SecretBox

BOUND: Final = 1000


class Cameras:
    """Every registered camera; passwords sealed."""

    def __init__(self, redis: Redis, box: SecretBox) -> None:
        self._box = box
        self._records = Records(redis, "camera", BOUND)

    async def all(self) -> list[Camera]:
        """Return every camera, in the order of their ids. Raises WrongKey."""
        return [self._read(fields) for fields in (await self._records.all()).values()]

    async def get(self, camera_id: str) -> Camera | None:
        """Return one camera."""
        fields = await self._records.get(camera_id)
        return None if fields is None else self._read(fields)

    async def put(self, camera: Camera) -> None:
        """Keep a camera in place of what stood there. Raises Full."""
        fields: dict[str, str | bytes | int] = {
            "record": camera.model_dump_json(exclude={"password"}),
        }
        if camera.password is not None:
            fields["password"] = self._box.seal(camera.password.get_secret_value().encode())
        await self._records.put(camera.id, fields)

    async def remove(self, camera_id: str) -> bool:
        """Forget a camera; return whether it was there."""
        return await self._records.remove(camera_id)

    def _read(self, fields: Fields) -> Camera:
        record = json.loads(fields[b"record"])
        # Another version's field must not take every camera away.
        known = {name: record[name] for name in Camera.model_fields if name in record}
        camera = Camera.model_validate(known)
        if b"password" not in fields:
            return camera
        password = SecretStr(self._box.unseal(fields[b"password"]).decode())
        return camera.model_copy(update={"password": password})
