"""Knows the report: one line for each face of each picture, as CSV or JSON Lines.

Does not know how a face is judged.
"""

import csv
import json
from pathlib import Path
from types import TracebackType
from typing import Final, Self, TextIO

from engine.observations import Expression, MaskState
from ostiary.analysis.results import Face, Picture
from ostiary.analysis.saving import CannotSave, WrongSuffix

Record = dict[str, str | int | float | None]

FORMATS: Final = (".csv", ".jsonl")
COLUMNS: Final = (
    "file", "kind", "frame", "time_s", "width", "height", "track", "state", "x1", "y1", "x2", "y2",
    "score", "quality", "unused_because",
    "mask", "mask_probability", *(f"mask_{state}" for state in MaskState),
    "expression", "expression_probability", *(f"expression_{label}" for label in Expression),
    "knowledge", "person", "person_score",
)  # fmt: skip


def record_of(picture: Picture, face: Face) -> Record:
    """Return one face as the report states it: box in pixels, None where nothing is said."""
    width, height = picture.size_px
    box, mask, expression, person = face.box, face.mask, face.expression, face.person
    found: Record = dict.fromkeys(COLUMNS)
    found |= {
        "file": picture.name,
        "kind": picture.kind.value,
        "frame": picture.index,
        "time_s": None if picture.time_s is None else round(picture.time_s, 3),
        "width": width,
        "height": height,
        "track": face.track,
        "x1": round(box.x1 * width, 1),
        "y1": round(box.y1 * height, 1),
        "x2": round(box.x2 * width, 1),
        "y2": round(box.y2 * height, 1),
        "score": round(face.score, 4),
        "quality": round(face.quality, 4),
        "unused_because": face.unused_because,
    }
    if face.track is not None:
        found["state"] = "tentative" if face.tentative else "confirmed"
    if mask is not None:
        found |= {"mask": mask.state, "mask_probability": round(mask.probability, 4)}
        found |= {f"mask_{state}": round(one, 4) for state, one in mask.probabilities.items()}
    if expression is not None:
        found["expression"] = expression.label
        found["expression_probability"] = round(expression.probability, 4)
        for label, one in expression.probabilities.items():
            found[f"expression_{label}"] = round(one, 4)
    if person is not None:
        found |= {"knowledge": person.knowledge.value, "person": person.name}
        found["person_score"] = round(person.score, 4)
    return found


class Report:
    """A report file, written line by line as pictures come, so that an end loses nothing."""

    def __init__(self, place: Path) -> None:
        """Raise CannotSave for a place that is no .csv or .jsonl, or cannot be written."""
        if place.suffix.lower() not in FORMATS:
            raise WrongSuffix(f"{place}: a report is a {' or '.join(FORMATS)} file")
        self._place = place
        try:
            place.parent.mkdir(parents=True, exist_ok=True)
            self._file: TextIO = place.open("w", encoding="utf-8", newline="")
        except OSError as error:
            raise CannotSave(f"{place} cannot be written: {error.strerror}") from error
        self._table: csv.DictWriter[str] | None = None
        if place.suffix.lower() == ".csv":
            self._table = csv.DictWriter(self._file, COLUMNS)
            self._table.writeheader()

    def add(self, picture: Picture) -> None:
        """Write a picture's faces. Raises CannotSave."""
        try:
            for face in picture.faces:
                record = record_of(picture, face)
                if self._table is not None:
                    self._table.writerow(record)
                else:
                    self._file.write(json.dumps(record, ensure_ascii=False) + "\n")
        except OSError as error:
            raise CannotSave(f"{self._place} cannot be written: {error.strerror}") from error

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self._file.close()
