"""The set of cameras: only what differs moves, and one camera's defect is its own."""

import asyncio

import pytest
from pydantic import SecretStr

from config.cameras import Camera
from streams.ingest.cameras import CameraSet
from tests.fakes.source_time import run_virtual

pytestmark = pytest.mark.unit


def camera(name, path="a", **more):
    return Camera(id=name, url=f"rtsp://host/{path}", **more)


class Owned:
    """What a camera set does: who was begun and who ended, in order."""

    def __init__(self):
        self.steps = []

    async def own(self, one):
        if one.url.endswith("/broken"):
            raise RuntimeError("defect")
        self.steps.append(f"+{one.id}:{one.url[-1]}")
        try:
            await asyncio.Event().wait()
        finally:
            await asyncio.sleep(0.1)  # giving a lease back takes a moment
            self.steps.append(f"-{one.id}:{one.url[-1]}")


def play(*wanted):
    """Want one list of cameras after another; return the steps after each."""

    async def main():
        owned, seen = Owned(), []
        cameras = CameraSet(owned.own)
        async with asyncio.TaskGroup() as group:
            for one in wanted:
                owned.steps.clear()
                cameras.want(one, group)
                await asyncio.sleep(5)
                seen.append(list(owned.steps))
            cameras.want([], group)
        return seen

    return run_virtual(main())


def test_only_the_changed_camera_restarts():
    steps = play([camera("x"), camera("y")], [camera("x", "b"), camera("y")])
    assert steps == [["+x:a", "+y:a"], ["-x:a", "+x:b"]]


def test_settings_that_do_not_touch_the_connection_leave_it_alone():
    steps = play([camera("x")], [camera("x", mask_required=True)])
    assert steps[1] == []


@pytest.mark.parametrize(
    "change",
    [
        {"password": SecretStr("new")},
        {"username": "new"},
        {"sub_url": "rtsp://host/sub"},
    ],
)
def test_what_the_connection_depends_on_restarts_it(change):
    assert play([camera("x")], [camera("x", **change)])[1] == ["-x:a", "+x:a"]


def test_removed_and_added_again():
    steps = play([camera("x")], [], [camera("x", "c")])
    assert steps == [["+x:a"], ["-x:a"], ["+x:c"]]


def test_added_again_before_it_was_gone():
    async def main():
        owned = Owned()
        cameras = CameraSet(owned.own)
        async with asyncio.TaskGroup() as group:
            cameras.want([camera("x")], group)
            await asyncio.sleep(1)
            cameras.want([], group)
            await asyncio.sleep(0.05)
            cameras.want([camera("x", "b")], group)
            await asyncio.sleep(1)
            steps = list(owned.steps)
            cameras.want([], group)
        return steps

    assert run_virtual(main()) == ["+x:a", "-x:a", "+x:b"]


def test_a_defect_harms_no_other_camera():
    steps = play([camera("x", "broken"), camera("y")], [camera("x", "b"), camera("y")])
    assert steps == [["+y:a"], ["+x:b"]]
