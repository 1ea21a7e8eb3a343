"""Knows how sealed snapshots stand on the disk. Does not know what they show or who may look."""

import asyncio
import os
import re
from collections.abc import Collection, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Final, Protocol

NAME: Final = re.compile(r"[A-Za-z0-9-]{1,80}")
DRAFT: Final = ".draft-"
TOMBSTONES: Final = 10_000


@dataclass(frozen=True, slots=True)
class Stored:
    """One snapshot that is kept: its id and when it was written."""

    evidence_id: str
    written_ns: int


class EvidenceStore(Protocol):
    """Where sealed snapshots are kept: a folder here, an object store elsewhere."""

    async def put(self, evidence_id: str, sealed: bytes) -> None:
        """Keep a snapshot durably; again without harm. Raises OSError."""

    async def get(self, evidence_id: str) -> bytes | None:
        """Return a snapshot, or None."""

    async def has(self, evidence_id: str) -> bool:
        """Return whether a snapshot is kept."""

    async def remove(self, evidence_ids: Collection[str]) -> None:
        """Delete snapshots for good: one that arrives later is not kept either."""

    async def stored(self) -> list[Stored]:
        """Return all that is kept."""


class FolderStore:
    """Snapshots as files of one folder, spread over 256 folders by their ids' last letters."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self._removed: dict[str, None] = {}

    def _path(self, evidence_id: str) -> Path | None:
        if not NAME.fullmatch(evidence_id):
            return None
        return self._folder / evidence_id[-2:] / evidence_id

    async def put(self, evidence_id: str, sealed: bytes) -> None:
        """Write beside, sync, rename: a crash leaves the old state or the new one."""
        path = self._path(evidence_id)
        if path is not None and evidence_id not in self._removed:
            await asyncio.to_thread(_write, path, sealed)

    async def get(self, evidence_id: str) -> bytes | None:
        """Return a snapshot, or None."""
        path = self._path(evidence_id)
        return None if path is None else await asyncio.to_thread(_read, path)

    async def has(self, evidence_id: str) -> bool:
        """Return whether a snapshot is kept."""
        path = self._path(evidence_id)
        return path is not None and await asyncio.to_thread(path.is_file)

    async def remove(self, evidence_ids: Collection[str]) -> None:
        """Delete files; the last 10,000 removed ids are refused if they come again."""
        for evidence_id in evidence_ids:
            self._removed[evidence_id] = None
            path = self._path(evidence_id)
            if path is not None:
                await asyncio.to_thread(path.unlink, True)
        while len(self._removed) > TOMBSTONES:
            del self._removed[next(iter(self._removed))]

    async def stored(self) -> list[Stored]:
        """Return all files that are complete; drafts of a crash are deleted on the way."""
        return await asyncio.to_thread(lambda: list(_walk(self._folder)))


def _write(path: Path, sealed: bytes) -> None:
    path.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
    draft = path.with_name(f"{DRAFT}{path.name}")
    descriptor = os.open(draft, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600)
    try:
        with os.fdopen(descriptor, "wb") as file:
            file.write(sealed)
            file.flush()
            os.fsync(file.fileno())
        draft.replace(path)
    except OSError:
        draft.unlink(missing_ok=True)
        raise
    folder = os.open(path.parent, os.O_RDONLY)
    try:
        os.fsync(folder)
    finally:
        os.close(folder)


def _read(path: Path) -> bytes | None:
    try:
        return path.read_bytes()
    except FileNotFoundError:
        return None


def _walk(folder: Path) -> Iterator[Stored]:
    for path in folder.glob("*/*"):
        if path.name.startswith(DRAFT):
            path.unlink(missing_ok=True)
            continue
        try:
            yield Stored(path.name, path.stat().st_mtime_ns)
        except FileNotFoundError:
            continue
