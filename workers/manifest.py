"""Knows which weights exist, what they need and what was measured. Runs nothing."""

import hashlib
import tomllib
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final, Literal

FOLDER: Final = Path(__file__).parent / "weights"


class WeightsError(Exception):
    """A weights file or its manifest cannot be trusted; the message says what to do."""


@dataclass(frozen=True, slots=True)
class Entry:
    """One network's weights, as `manifest.toml` states them.

    input: (height, width) in pixels; 0 means free, in multiples of 32.
    outputs: the runtime's names, in the network's order.
    thresholds, measured: numbers by name, the latter from `training.evaluation`.
    """

    name: str
    version: str
    network: str
    file: Path
    sha256: str
    input: tuple[int, int]
    outputs: tuple[str, ...]
    classes: int
    licence: str
    research_only: bool
    training_data: str
    thresholds: Mapping[str, float]
    measured: Mapping[str, float]

    @property
    def label(self) -> str:
        """Name and version as evidence states them, "mobilenet-v2-mask@1"."""
        return f"{self.name}@{self.version}"


Role = Literal["detector", "embedder", "mask", "expression"]


def load_manifest(path: Path = FOLDER / "manifest.toml") -> dict[str, Entry]:
    """Return every entry by its role. Raises WeightsError where the manifest is incomplete."""
    with path.open("rb") as file:
        document = tomllib.load(file)
    return {role: _entry(role, table, path) for role, table in document.items()}


def _entry(role: str, table: Mapping[str, Any], manifest: Path) -> Entry:
    try:
        height, width = table["input"]
        return Entry(
            name=str(table["name"]),
            version=str(table["version"]),
            network=str(table["network"]),
            file=manifest.parent / str(table["file"]),
            sha256=str(table["sha256"]),
            input=(int(height), int(width)),
            outputs=tuple(str(name) for name in table["outputs"]),
            classes=int(table.get("classes", 0)),
            licence=str(table["licence"]),
            research_only=bool(table["research_only"]),
            training_data=str(table["training_data"]),
            thresholds={key: float(value) for key, value in table["thresholds"].items()},
            measured={key: float(value) for key, value in table["measured"].items()},
        )
    except (KeyError, TypeError, ValueError) as error:
        raise WeightsError(f"{manifest}: [{role}] is incomplete or wrong: {error!r}") from error


def verify(entry: Entry) -> Path:
    """Return the weights' path once its SHA-256 matches. Raises WeightsError otherwise."""
    if not entry.file.is_file():
        raise WeightsError(f"weights {entry.file} of {entry.label} are missing; reinstall Ostiary")
    found = hashlib.sha256(entry.file.read_bytes()).hexdigest()
    if found != entry.sha256:
        raise WeightsError(
            f"weights {entry.file} of {entry.label} are not what the manifest names:\n"
            f"SHA-256 {found}, expected {entry.sha256}.\n"
            "Restore the file from the repository, or correct the manifest if you changed it."
        )
    return entry.file
