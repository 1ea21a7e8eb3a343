"""Knows what a source's name stands for: a file, the files of a folder, a webcam. Opens no film."""

import re
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from PIL import Image

from ostiary.analysis.films import Film, animation, film, webcam
from ostiary.analysis.photographs import read, unreadable
from ostiary.analysis.results import Pixels, Problem, Trouble, Unreadable

# What is looked for in a folder; a file that is named itself is judged by what is in it.
PICTURES: Final = frozenset({
    ".jpg", ".jpeg", ".jpe", ".jfif", ".png", ".apng", ".webp", ".gif", ".bmp", ".dib", ".tif",
    ".tiff", ".ppm", ".pgm", ".pnm", ".avif", ".jp2", ".tga", ".heic", ".heif",
})  # fmt: skip
FILMS: Final = frozenset({
    ".mp4", ".m4v", ".mov", ".mkv", ".webm", ".avi", ".mpg", ".mpeg", ".ts", ".m2ts", ".mts",
    ".flv", ".wmv", ".ogv", ".3gp", ".3g2", ".mjpeg", ".mjpg",
})  # fmt: skip
WEBCAM: Final = re.compile(r"webcam(?::(\d{1,3}))?")


@dataclass(frozen=True, slots=True)
class Source:
    """One thing to analyse. name: the path as it was given, or "webcam:N".

    place: the file, the webcam's number, or a film that is open already. inside: the file's path
    below the folder that was named, or its own name.
    """

    name: str
    place: Path | int | Film
    inside: Path


@dataclass(frozen=True, slots=True)
class Listing:
    """What is to be analysed, in order, and which names lead nowhere."""

    sources: tuple[Source, ...]
    problems: tuple[Problem, ...]


def list_sources(names: Sequence[str | Path]) -> Listing:
    """Return what names stand for; a folder stands for the pictures and films below it."""
    sources: dict[str, Source] = {}  # what is named twice is analysed once
    problems: list[Problem] = []
    for name in names:
        try:
            sources |= {source.name: source for source in _behind(name)}
        except Unreadable as error:
            problems.append(error.problem)
    return Listing(tuple(sources.values()), tuple(problems))


def _behind(name: str | Path) -> list[Source]:
    camera = WEBCAM.fullmatch(name) if isinstance(name, str) else None
    if camera:
        number = int(camera[1] or 0)
        return [Source(f"webcam:{number}", number, Path(f"webcam-{number}"))]
    path = Path(name)
    if path.is_dir():
        found = [
            Source(str(file), file, file.relative_to(path))
            for file in sorted(path.rglob("*"))
            if file.suffix.lower() in PICTURES | FILMS and file.is_file()
            and not file.name.startswith(".")
        ]  # fmt: skip
        if not found:
            raise _missing(path, "there is no picture and no film in this folder")
        return found
    if not path.exists():
        raise _missing(path, "there is no such file or folder")
    if not path.is_file():  # a pipe would be waited for without end
        raise unreadable(str(path), "it is neither a file nor a folder")
    return [Source(str(name), path, Path(path.name))]


def _missing(path: Path, message: str) -> Unreadable:
    return Unreadable(Problem(str(path), Trouble.MISSING, message))


@contextmanager
def opening(source: Source) -> Iterator[Pixels | Film]:
    """Yield a source's picture, or its film. Raises Unreadable."""
    if isinstance(source.place, Film):
        yield source.place
        return
    if isinstance(source.place, int):
        with webcam(source.place, source.name) as live:
            yield live
        return
    try:
        picture = read(source.place, source.name)
    except FileNotFoundError as error:
        raise _missing(source.place, "it is gone") from error
    if picture is None:
        with film(source.place, source.name) as found:
            yield found
    elif isinstance(picture, Image.Image):
        with picture:
            yield animation(picture, source.name)
    else:
        yield picture
