"""Snapshots on the disk: whole or not at all, and gone when they must be."""

import asyncio

import pytest

from streams.gateway.evidence_store import DRAFT, FolderStore

pytestmark = pytest.mark.unit


def test_what_is_put_is_there_and_what_is_removed_is_gone(tmp_path):
    async def main():
        store = FolderStore(tmp_path)
        await store.put("e-0123", b"sealed")
        assert await store.has("e-0123")
        assert await store.get("e-0123") == b"sealed"
        assert [one.evidence_id for one in await store.stored()] == ["e-0123"]
        await store.remove(["e-0123", "e-unknown"])
        assert await store.get("e-0123") is None
        assert not [path for path in tmp_path.rglob("*") if path.is_file()]

    asyncio.run(main())


def test_what_was_removed_does_not_come_back(tmp_path):
    async def main():
        store = FolderStore(tmp_path)
        await store.remove(["e-erased"])
        await store.put("e-erased", b"sent again by a worker")
        assert not await store.has("e-erased")

    asyncio.run(main())


@pytest.mark.parametrize("name", ["../secret.key", "a/b", "", ".", "..", "x" * 81, "e\x00f"])
def test_a_name_never_leaves_the_folder(tmp_path, name):
    async def main():
        store = FolderStore(tmp_path / "evidence")
        (tmp_path / "secret.key").write_bytes(b"secret")
        await store.put(name, b"x")
        assert await store.get(name) is None
        assert (tmp_path / "secret.key").read_bytes() == b"secret"
        assert not (tmp_path / "evidence").exists()

    asyncio.run(main())


def test_a_crash_leaves_no_half_file(tmp_path):
    async def main():
        store = FolderStore(tmp_path)
        await store.put("e-0123", b"whole")
        draft = tmp_path / "23" / f"{DRAFT}e-4523"
        draft.write_bytes(b"ha")
        assert [one.evidence_id for one in await store.stored()] == ["e-0123"]
        assert not draft.exists()

    asyncio.run(main())


def test_files_are_readable_by_nobody_else(tmp_path):
    asyncio.run(FolderStore(tmp_path).put("e-0123", b"sealed"))
    assert (tmp_path / "23" / "e-0123").stat().st_mode & 0o777 == 0o600
