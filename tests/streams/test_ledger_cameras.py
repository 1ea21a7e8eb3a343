"""Cameras in the ledger, as another version of this program may have written them."""

import json
from typing import Any

import pytest
from fakes.ledger_real import with_ledger

from config.cameras import Camera
from streams.bus import keys
from streams.ledger.ledger import Ledger

pytestmark = [pytest.mark.integration, pytest.mark.slow]


def test_a_field_that_this_version_does_not_know_takes_no_camera_away(ledger_server: Any) -> None:
    async def work(ledger: Ledger) -> None:
        camera = Camera(id="lobby", url="rtsp://host/lobby", mask_required=True)
        await ledger.cameras.put(camera)
        key = keys.record("camera", "lobby")
        record = json.loads(await ledger.redis.hget(key, "record"))
        await ledger.redis.hset(key, "record", json.dumps({**record, "revision": 3}))
        assert await ledger.cameras.all() == [camera]

    with_ledger(ledger_server, work)
