"""Knows how sources become analysed pictures, one after another. Draws and writes nothing.

    for picture in Analysis(("door.jpg",)):
        print(picture.name, picture.faces)

The networks are loaded when the first picture is asked for. Closing the iterator ends the analysis
at once and leaves nothing open, so whoever iterates can cancel.
"""

from collections.abc import Callable, Generator, Iterator, Mapping, Sequence
from contextlib import closing
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Final

from engine.purpose import Purpose
from ostiary.analysis.results import (
    Face,
    Kind,
    Picture,
    Pixels,
    Problem,
    Progress,
    Unreadable,
)

if TYPE_CHECKING:
    from ostiary.analysis.films import Film
    from ostiary.analysis.people import People
    from ostiary.analysis.sources import Source
    from workers.manifest import Role
    from workers.models import Models

BATCH: Final = 8  # photographs that go through the networks together
BATCH_PX: Final = 64_000_000  # and how many pixels they have in all, so that memory is bounded


@dataclass(frozen=True, slots=True)
class Setup:
    """What an analysis runs with.

    home: where converted networks and further models are kept; OSTIARY_HOME for None.
    device: "cpu" or "cuda". detect_size_px: the longest side in which faces are looked for, a
    multiple of 32. models: names by task, the shipped ones where none is given.
    """

    home: Path | None = None
    device: str = "cpu"
    threads: int = 1
    detect_size_px: int = 640
    models: Mapping["Role", str] = field(default_factory=dict)


@dataclass(slots=True)
class Analysis:
    """Sources to be analysed, to be iterated over; see `ostiary.analyze`.

    problems: what could not be analysed, filled while it is iterated over. alone: whether a
    problem ends the analysis with Unreadable, as is right where one thing was asked for. opened:
    films that are open already, after what the names stand for.
    """

    names: Sequence[str | Path]
    purpose: Purpose = Purpose.NONE
    people_from: "Path | People | None" = None
    setup: Setup = field(default_factory=Setup)
    on_progress: Callable[[Progress], None] | None = None
    alone: bool = False
    opened: "tuple[Source, ...]" = ()
    problems: list[Problem] = field(default_factory=list)
    refused_photos: tuple[Problem, ...] = ()

    def __iter__(self) -> Generator[Picture, None, None]:
        """Yield every picture in the order of the names, a folder's in the order of its files.

        Raises Unreadable, DeviceError, WeightsError.
        """
        from ostiary.analysis.sources import list_sources

        listing = list_sources(self.names)
        for problem in listing.problems:
            self._note(problem)
        sources = (*listing.sources, *self.opened)
        if sources:
            with closing(_Run(self, sources).pictures()) as pictures:
                yield from pictures

    def _note(self, problem: Problem) -> None:
        self.problems.append(problem)
        if self.alone:
            raise Unreadable(problem)


@dataclass(slots=True)
class _Run:
    """One pass over the sources."""

    analysis: Analysis
    sources: "tuple[Source, ...]"
    _done: int = 0
    _waiting: "list[tuple[Source, Pixels]]" = field(default_factory=list)

    def pictures(self) -> Generator[Picture, None, None]:
        models = load(self.analysis.setup)
        people = _people(self.analysis, models)
        self.analysis.refused_photos = people.refused
        for source in self.sources:
            self._tell(source, 0.0)
            try:
                yield from self._open(source, models, people)
            except Unreadable as error:
                yield from self._flush(models, people)
                self.analysis._note(error.problem)
                self._finish(source)
        yield from self._flush(models, people)

    def _open(self, source: "Source", models: "Models", people: "People") -> Iterator[Picture]:
        import numpy as np

        from ostiary.analysis.sources import opening

        with opening(source) as found:
            if isinstance(found, np.ndarray):
                waiting_px = sum(pixels[..., 0].size for _, pixels in self._waiting)
                if self._waiting and waiting_px + found[..., 0].size > BATCH_PX:
                    yield from self._flush(models, people)
                self._waiting.append((source, found))
                if len(self._waiting) >= BATCH:
                    yield from self._flush(models, people)
                return
            yield from self._flush(models, people)
            yield from self._follow(source, found, models, people)
        self._finish(source)

    def _flush(self, models: "Models", people: "People") -> Iterator[Picture]:
        """Yield the photographs that wait, once the networks have seen them together."""
        from ostiary.analysis.looking import look

        waiting, self._waiting = self._waiting, []
        if not waiting:
            return
        seen = look(models, [one for _, one in waiting], self.analysis.purpose, people.gallery)
        for (source, pixels), faces in zip(waiting, seen, strict=True):
            yield Picture(source.name, source.inside, Kind.PHOTOGRAPH, 0, None, pixels, faces)
            self._finish(source)

    def _follow(
        self, source: "Source", film: "Film", models: "Models", people: "People"
    ) -> Iterator[Picture]:
        from ostiary.analysis.following import Follower

        follower = Follower(models, self.analysis.purpose, people.gallery)
        for index, frame in enumerate(film.frames):
            faces: tuple[Face, ...] = follower.follow(frame.pixels, frame.time_s)
            yield Picture(
                source.name, source.inside, film.kind, index, frame.time_s, frame.pixels, faces
            )
            whole_s = film.duration_s
            self._tell(source, None if not whole_s else min(1.0, frame.time_s / whole_s))

    def _finish(self, source: "Source") -> None:
        self._done += 1
        self._tell(source, 0.0)

    def _tell(self, source: "Source", part: float | None) -> None:
        """Say how far it is; part: of the source in hand, 0..1."""
        if self.analysis.on_progress is None:
            return
        total = len(self.sources)
        share = None if part is None else min(1.0, (self._done + part) / total)
        self.analysis.on_progress(Progress(source.name, self._done, total, share))


def load(setup: Setup) -> "Models":
    """Load the networks, converting them first where that was not done on this machine."""
    from config.load import Request
    from config.load import load as load_settings
    from workers.manifest import load_models
    from workers.models import Models
    from workers.runtime.conversion import convert_in_child

    home = setup.home or load_settings(Request()).settings.home
    home = home.expanduser().absolute()
    cache = home / "cache" / "networks"
    entries = load_models(home).chosen(setup.models)
    if setup.device == "cpu":
        convert_in_child(list(entries.values()), cache)
    return Models.load(setup.device, cache, setup.threads, setup.detect_size_px, entries)


def _people(analysis: Analysis, models: "Models") -> "People":
    from ostiary.analysis.people import People, enrol, nobody

    if analysis.purpose is not Purpose.PEOPLE or analysis.people_from is None:
        return nobody()
    given = analysis.people_from
    return given if isinstance(given, People) else enrol(models, given)
