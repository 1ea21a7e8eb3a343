"""The demo's set-up on a running gateway: twice changes nothing, and what is yours is spared."""

import asyncio
import contextlib
import io
import socket
from collections.abc import Awaitable, Callable
from pathlib import Path

import pytest
from fakes.installation import Installation, MakeInstallation
from rich.console import Console

from ostiary.demo.plan import PLAN
from ostiary.supervisor.demo import FIRST_PORT, Demo, DemoFailed, DemoPlace
from ostiary.supervisor.terminal import Terminal

pytestmark = [pytest.mark.integration, pytest.mark.slow, pytest.mark.timeout(300)]


@pytest.fixture(scope="module")
def here(make_installation: MakeInstallation) -> Installation:
    one = make_installation()
    one.start()
    return one


def with_demo(here: Installation, act: Callable[[Demo], Awaitable[object]], said=None) -> object:
    key = (here.home / "cli.key").read_text().strip()
    place = DemoPlace(here.home, here.url, key, "a-demo-password")

    async def main() -> object:
        demo = Demo(place, Terminal(Console(file=said or io.StringIO())))
        try:
            return await act(demo)
        finally:
            await demo.aclose()

    return asyncio.run(main())


def cameras(here: Installation) -> dict[str, dict]:
    return {one["id"]: one for one in here.told("camera", "list")}


def test_the_cameras_are_added_once_and_follow_their_port(here: Installation) -> None:
    assert with_demo(here, lambda demo: demo.port()) >= FIRST_PORT
    for port in (19_001, 19_001, 19_002):
        with_demo(here, lambda demo, port=port: demo.add_cameras(port))
        found = cameras(here)
        assert set(found) == {one.id for one in PLAN.cameras}
        assert all(f":{port}/" in one["url"] for one in found.values())
    lobby = found["lobby"]
    assert (lobby["purpose"], lobby["mask_required"], lobby["alert_unknown"]) == (
        "people",
        True,
        True,
    )
    assert found["studio"]["purpose"] == "expression"
    assert all(one["has_password"] for one in found.values())


def test_the_port_of_the_last_run_is_taken_again_while_it_is_free(here: Installation) -> None:
    with_demo(here, lambda demo: demo.add_cameras(19_003))
    assert with_demo(here, lambda demo: demo.port()) == 19_003
    with socket.socket() as taken:
        taken.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        taken.bind(("127.0.0.1", 19_003))
        taken.listen()
        assert with_demo(here, lambda demo: demo.port()) != 19_003


def test_a_camera_of_yours_with_the_same_name_is_left_alone(here: Installation) -> None:
    here.ostiary("camera", "remove", "lobby")
    assert here.ostiary("camera", "add", "lobby", "rtsp://me:pw@192.0.2.5/1").returncode == 0
    said = io.StringIO()
    with_demo(here, lambda demo: demo.add_cameras(19_004), said)
    assert cameras(here)["lobby"]["url"] == "rtsp://192.0.2.5/1"
    assert "left alone" in said.getvalue()


def test_scenes_that_cannot_be_drawn_are_said(here: Installation, monkeypatch) -> None:
    (here.home / "a-file").write_text("where the folder should be")
    monkeypatch.setenv("OSTIARY_DEMO_CACHE", str(here.home / "a-file"))
    with pytest.raises(DemoFailed, match=r"demo-scenes\.log"):
        with_demo(here, lambda demo: demo.render())
    assert "Error" in (here.home / "logs" / "demo-scenes.log").read_text()


def test_the_password_stands_in_no_command_line(here: Installation, tmp_path: Path) -> None:
    async def plan(demo: Demo) -> object:
        return demo.server(tmp_path, 19_005)

    made = with_demo(here, plan)
    assert "a-demo-password" not in " ".join(made.command)
    assert "a-demo-password" in made.environment.values()
    assert "a-demo-password" not in repr(made)


def test_drawing_that_is_stopped_leaves_nothing(here: Installation, tmp_path, monkeypatch) -> None:
    monkeypatch.setenv("OSTIARY_DEMO_CACHE", str(tmp_path / "cache"))

    async def stopped(demo: Demo) -> None:
        drawing = asyncio.ensure_future(demo.render())
        while not list(tmp_path.glob("cache/.rendering-*/*.mp4")):
            await asyncio.sleep(0.02)
            assert not drawing.done()
        drawing.cancel()
        with contextlib.suppress(asyncio.CancelledError):
            await drawing

    with_demo(here, stopped)
    assert list((tmp_path / "cache").iterdir()) == []
