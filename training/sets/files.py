"""Knows folders and zips as one list of files. Does not know what is in a file.

A zip counts as a folder of its name without ".zip"; where that folder lies beside it too, the
folder's files are taken, once.
"""

import os
import zipfile
import zlib
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from pathlib import Path, PurePosixPath
from typing import Final

# HEIC cannot be read: it is named, so that nobody thinks that it was.
PICTURES: Final = frozenset(
    (".jpg", ".jpeg", ".jpe", ".jfif", ".png", ".bmp", ".webp", ".tif", ".tiff", ".gif", ".avif",
     ".jp2", ".ppm", ".pgm", ".heic", ".heif")
)  # fmt: skip


class Unreadable(ValueError):
    """A file cannot be read as what its name says; the message is for people."""


@dataclass(frozen=True, slots=True)
class File:
    """One file below the data's root; path is relative to it, a zip being a folder."""

    path: PurePosixPath
    held: Path  # the file itself, or its zip
    archive: zipfile.ZipFile | None = None
    member: str = ""

    @property
    def is_picture(self) -> bool:
        """Whether its name says that it is a picture."""
        return self.path.suffix.casefold() in PICTURES

    def read(self) -> bytes:
        """Return the bytes. Raises Unreadable."""
        try:
            return self.archive.read(self.member) if self.archive else self.held.read_bytes()
        except (OSError, RuntimeError, zipfile.BadZipFile, zlib.error) as error:
            raise Unreadable(f"{self.path}: {error}") from error


@dataclass(frozen=True, slots=True)
class Opened:
    """All files below a root, by path, and the zips that are none."""

    files: tuple[File, ...]
    damaged: tuple[str, ...]


@contextmanager
def opened(data: Path) -> Iterator[Opened]:
    """Open a folder, or one zip, and everything in it that is not hidden."""
    with ExitStack() as stack:
        root = data if data.is_dir() else data.parent
        found: dict[PurePosixPath, File] = {}
        damaged: list[str] = []
        for path in _walk(data) if data.is_dir() else [data]:
            relative = PurePosixPath(path.relative_to(root).as_posix())
            if path.suffix.casefold() != ".zip":
                found[relative] = File(relative, path)
                continue
            try:
                archive = stack.enter_context(zipfile.ZipFile(path))
            except (OSError, zipfile.BadZipFile) as error:
                damaged.append(f"{relative}: {error}")
                continue
            for file in _members(archive, path, relative.with_suffix("")):
                found.setdefault(file.path, file)
        yield Opened(tuple(found[path] for path in sorted(found)), tuple(damaged))


def _members(archive: zipfile.ZipFile, held: Path, folder: PurePosixPath) -> Iterator[File]:
    for name in archive.namelist():
        inner = PurePosixPath(name.replace("\\", "/"))
        if not name.endswith("/") and not _hidden(inner):
            yield File(folder / inner, held, archive, name)


def _walk(root: Path) -> Iterator[Path]:
    """Yield every file, plain ones before zips; links are followed, a loop of them once."""
    seen: set[Path] = set()
    zips: list[Path] = []
    for folder, inside, names in os.walk(root, followlinks=True):
        real = Path(folder).resolve()
        if real in seen:
            inside.clear()
            continue
        seen.add(real)
        inside[:] = [name for name in inside if not name.startswith(".")]
        for path in (Path(folder, name) for name in sorted(names) if not name.startswith(".")):
            if path.suffix.casefold() == ".zip":
                zips.append(path)
            else:
                yield path
    yield from zips


def _hidden(path: PurePosixPath) -> bool:
    """Whether a zip's member is what systems add beside a user's files."""
    return any(part.startswith((".", "__MACOSX")) for part in path.parts)
