"""What stands in ledger and home before processes start: first keys, file cameras."""

import asyncio
import stat
from pathlib import Path

import pytest

from config.cameras import Camera
from config.load import Request, load
from config.schema import Settings
from ostiary.supervisor.servers import NotEmbedded, plans, serve_alone
from ostiary.supervisor.setup import cli_key_file, open_ledger, prepare
from streams.bus import keys
from streams.secrets import SecretBox
from streams.servers import open_box
from streams.valkey import EmbeddedValkey

pytestmark = [pytest.mark.integration, pytest.mark.slow]


@pytest.fixture
def home(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("h")


def settings(home: Path, **cameras: str) -> Settings:
    assignments = tuple(f"cameras.{name}.url={url}" for name, url in cameras.items())
    return load(Request(home=home, assignments=assignments, environ={})).settings


def with_servers(home: Path, act) -> object:
    async def main() -> object:
        chosen = settings(home)
        servers = [
            EmbeddedValkey(plan) for plan in plans(chosen, home, open_box(chosen, create=True))
        ]
        try:
            for server in servers:
                await server.start()
            return await act(open_box(chosen))
        finally:
            for server in servers:
                await server.stop()

    return asyncio.run(main())


def test_keys_are_made_once_and_the_command_lines_own_is_renewed(home: Path) -> None:
    async def act(box: SecretBox) -> None:
        first = await prepare(settings(home), home, box)
        assert first.first_admin_key
        assert stat.S_IMODE(cli_key_file(home).stat().st_mode) == 0o600
        again = await prepare(settings(home), home, box)
        assert again.first_admin_key is None
        assert again.cli_key == first.cli_key == cli_key_file(home).read_text().strip()
        ledger = await open_ledger(settings(home), box)
        try:
            for key in await ledger.keys.all():
                if key.label.startswith("command line"):
                    await ledger.keys.revoke(key.id)
            renewed = await prepare(settings(home), home, box)
            assert renewed.cli_key != first.cli_key
            cli_key_file(home).unlink()
            await prepare(settings(home), home, box)
            assert len(await ledger.keys.all()) == 2  # a lost one's record does not pile up
        finally:
            await ledger.aclose()

    with_servers(home, act)


def test_file_cameras_come_change_take_over_and_go(home: Path) -> None:
    async def act(box: SecretBox) -> None:
        ledger = await open_ledger(settings(home), box)
        try:
            await ledger.cameras.put(Camera(id="mine", url="rtsp://h/1"))
            await ledger.cameras.put(Camera(id="yard", url="rtsp://h/2"))
            done = await prepare(settings(home, yard="rtsp://h/3"), home, box)
            assert done.taken_over == ("yard",)
            yard = await ledger.cameras.get("yard")
            assert yard is not None
            assert (yard.managed_by, yard.url) == ("file", "rtsp://h/3")
            told = await ledger.redis.xlen(keys.CHANGES)
            assert (await prepare(settings(home, yard="rtsp://h/3"), home, box)).taken_over == ()
            unchanged = await ledger.cameras.get("yard")
            assert unchanged == yard
            assert await ledger.redis.xlen(keys.CHANGES) == told
            await prepare(settings(home), home, box)
            assert [one.id for one in await ledger.cameras.all()] == ["mine"]
        finally:
            await ledger.aclose()

    with_servers(home, act)


def test_a_server_that_a_url_names_is_not_run_here(home: Path) -> None:
    elsewhere = load(Request(home=home, assignments=("bus.url=redis://h",), environ={})).settings
    assert [plan.kind for plan in plans(elsewhere, home, open_box(elsewhere, create=True))] == [
        "ledger"
    ]
    with pytest.raises(NotEmbedded):
        asyncio.run(serve_alone(elsewhere, "bus"))
