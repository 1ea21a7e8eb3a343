"""Knows what the process that analyses is told, and what it says. Does not know who asked."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Self

from workers.manifest import Role

FACES = "faces.json"
REPORTS = ("report.csv", "report.jsonl")


@dataclass(frozen=True, slots=True)
class Order:
    """One analysis. Below `folder` lie `in/NUMBER`, and `out/` is for the results.

    names: the files' labels by their number. file_bytes: no result may be larger. people: a folder
    of who may be named.
    """

    folder: Path
    home: Path
    names: Mapping[int, str]
    purpose: str = "none"
    language: str = "en"
    models: Mapping[Role, str] = field(default_factory=dict)
    detect_size_px: int = 640
    niceness: int = 19
    file_bytes: int = 500_000_000
    people: Path | None = None
    camera: bool = False

    def given(self, number: int) -> Path:
        """Where a file to analyse lies."""
        return self.folder / "in" / str(number)

    @property
    def out(self) -> Path:
        """Where results are put."""
        return self.folder / "out"

    def as_json(self) -> dict[str, Any]:
        """Return what `read` reads."""
        return {
            "folder": str(self.folder),
            "home": str(self.home),
            "names": [[number, name] for number, name in self.names.items()],
            "purpose": self.purpose,
            "language": self.language,
            "models": dict(self.models),
            "detect_size_px": self.detect_size_px,
            "niceness": self.niceness,
            "file_bytes": self.file_bytes,
            "people": None if self.people is None else str(self.people),
            "camera": self.camera,
        }

    @classmethod
    def read(cls, told: Mapping[str, Any]) -> Self:
        """Read what `as_json` returned, in another process."""
        people = told["people"]
        return cls(
            folder=Path(told["folder"]),
            home=Path(told["home"]),
            names={int(number): str(name) for number, name in told["names"]},
            purpose=told["purpose"],
            language=told["language"],
            models=told["models"],
            detect_size_px=told["detect_size_px"],
            niceness=told["niceness"],
            file_bytes=told["file_bytes"],
            people=None if people is None else Path(people),
            camera=told["camera"],
        )
