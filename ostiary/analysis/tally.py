"""Knows what an analysis comes to, file by file: how many faces, masks, moods, and who was there.

Does not know how it is printed. A photograph counts its faces; a film its confirmed tracks, each
by what stood longest, and whom its last picture showed for too short to be sure.
"""

from collections import Counter
from dataclasses import dataclass, field
from typing import Any, TypeVar

from engine.observations import Expression, MaskState
from ostiary.analysis.reporting import Record, record_of
from ostiary.analysis.results import Face, Kind, Picture

T = TypeVar("T")


@dataclass(slots=True)
class Person:
    """One face of a photograph, or one track of a film: for how long what was said of it."""

    first_s: float = 0.0
    last_s: float = 0.0
    masks: Counter[MaskState] = field(default_factory=Counter)
    expressions: Counter[Expression] = field(default_factory=Counter)
    names: Counter[str] = field(default_factory=Counter)
    pictures: int = 0

    def add(self, face: Face, time_s: float) -> None:
        """Note one look."""
        self.first_s = self.first_s if self.pictures else time_s
        self.last_s = time_s
        self.pictures += 1
        if face.mask is not None and face.mask.state is not None:
            self.masks[face.mask.state] += 1
        if face.expression is not None and face.expression.label is not None:
            self.expressions[face.expression.label] += 1
        if face.person is not None and face.person.name is not None:
            self.names[face.person.name] += 1


@dataclass(slots=True)
class File:
    """What became of one source."""

    name: str
    kind: Kind
    size_px: tuple[int, int]
    pictures: int = 0
    seconds: float = 0.0
    confirmed: dict[int, Person] = field(default_factory=dict)
    begun: dict[int, Person] = field(default_factory=dict)  # tentative in the last picture
    faces: list[Record] = field(default_factory=list)  # of a photograph
    saved: str | None = None

    def add(self, picture: Picture) -> None:
        """Count one picture."""
        self.pictures += 1
        self.seconds = picture.time_s or 0.0
        before, self.begun = self.begun, {}
        for index, face in enumerate(picture.faces):
            number = index if face.track is None else face.track
            if face.tentative:
                person = self.begun[number] = before.get(number, Person())
            else:
                person = self.confirmed.setdefault(number, before.get(number, Person()))
            person.add(face, picture.time_s or 0.0)
        if picture.kind is Kind.PHOTOGRAPH:
            self.faces = [record_of(picture, face) for face in picture.faces]

    @property
    def people(self) -> dict[int, Person]:
        """Whom it shows, by track: a film of a moment shows people before it can be sure."""
        return self.confirmed | self.begun

    def masks(self) -> Counter[MaskState | None]:
        """Return how many faces or tracks have each state; None where nothing was sure."""
        return Counter(usual(person.masks) for person in self.people.values())

    def expressions(self) -> Counter[Expression]:
        """Return how many faces or tracks have each expression."""
        said = (usual(person.expressions) for person in self.people.values())
        return Counter(label for label in said if label is not None)

    def names(self) -> list[str]:
        """Return who was there."""
        said = (usual(person.names) for person in self.people.values())
        return sorted({name for name in said if name is not None})

    def as_json(self) -> dict[str, Any]:
        """Return the file as `--json` prints it."""
        masks = self.masks()
        found: dict[str, Any] = {
            "file": self.name,
            "kind": self.kind.value,
            "width": self.size_px[0],
            "height": self.size_px[1],
            "pictures": self.pictures,
            "people": len(self.people),
            "masks": {state.value: masks[state] for state in MaskState},
            "undecided": masks[None],
            "expressions": dict(self.expressions()),
            "names": self.names(),
            "saved": self.saved,
        }
        if self.kind is Kind.PHOTOGRAPH:
            return found | {"faces": self.faces}
        tracks = [_track(number, person) for number, person in sorted(self.people.items())]
        return found | {"seconds": round(self.seconds, 3), "tracks": tracks}


@dataclass(slots=True)
class Tally:
    """What all sources come to, in their order."""

    files: dict[str, File] = field(default_factory=dict)

    def add(self, picture: Picture) -> File:
        """Count one picture; return its file's count."""
        file = self.files.get(picture.name)
        if file is None:
            file = self.files[picture.name] = File(picture.name, picture.kind, picture.size_px)
        file.add(picture)
        return file


def usual(said: Counter[T]) -> T | None:
    """Return what was said most often, None where nothing was."""
    return max(said, key=lambda one: said[one]) if said else None


def _track(number: int, person: Person) -> dict[str, Any]:
    mask, expression = usual(person.masks), usual(person.expressions)
    return {
        "track": number,
        "first_s": round(person.first_s, 3),
        "last_s": round(person.last_s, 3),
        "pictures": person.pictures,
        "mask": mask,
        "masks": dict(person.masks),
        "expression": expression,
        "expressions": dict(person.expressions),
        "person": usual(person.names),
    }
