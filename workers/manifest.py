"""Knows which weights exist, what they need and what was measured of them. Runs nothing.

Shipped are the entries of `weights/manifest.toml`; further models are folders below HOME/models,
each with a `model.toml` (an entry's fields and its `role`), its weights and its `card.md`. What
`ostiary evaluate` prints of a shipped network stands in its entry as `measured`.
"""

import hashlib
import re
import tomllib
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final, Literal, get_args

FOLDER: Final = Path(__file__).parent / "weights"
PLAIN: Final = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]{0,59}")  # names become names of folders

Role = Literal["detector", "embedder", "mask", "expression"]
ROLES: Final[tuple[Role, ...]] = get_args(Role)
CLASSES: Final[Mapping[Role, tuple[int, ...]]] = {"mask": (2, 3), "expression": (7,)}


class WeightsError(Exception):
    """A weights file or its description cannot be trusted; the message says what to do."""


class UnknownModel(WeightsError):
    """There is no model of this name for this role; `known` are the labels that there are."""

    def __init__(self, role: str, name: str, known: Iterable[str]) -> None:
        self.known = tuple(known)
        names = ", ".join(self.known) or "none"
        what = f"{role} model" if role else "model"
        super().__init__(f"There is no {what} {name!r}. Known: {names}.")


@dataclass(frozen=True, slots=True)
class Entry:
    """One network's weights, as `manifest.toml` or a `model.toml` states them.

    input: (height, width) in pixels; 0 means free, in multiples of 32.
    outputs: the runtime's names, in the network's order.
    classes: columns of a classifier; 3 of mask are in MaskState's order, 2 are worn and missing.
    thresholds, measured: numbers by name. card: what people read, which may be absent.
    """

    role: Role
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
    card: Path

    @property
    def label(self) -> str:
        """Name and version as evidence states them, "mobilenet-v2-mask@1"."""
        return f"{self.name}@{self.version}"

    @property
    def shipped(self) -> bool:
        """Whether it came with Ostiary, rather than from a folder below HOME/models."""
        return self.file.parent == FOLDER


@dataclass(frozen=True, slots=True)
class Broken:
    """A model folder that cannot be used, and why."""

    folder: Path
    reason: str


@dataclass(frozen=True, slots=True)
class Catalogue:
    """Every model there is, the shipped ones first; no two have one label."""

    entries: tuple[Entry, ...]
    broken: tuple[Broken, ...] = ()

    def of(self, role: Role, name: str | None = None) -> Entry:
        """Return a role's model by name or label, the shipped one for None.

        Raises UnknownModel; WeightsError for a broken folder, and for a name of several versions.
        """
        entries = [entry for entry in self.entries if entry.role == role]
        if name is None:
            return entries[0]
        found = [entry for entry in entries if name == entry.label]
        found = found or [entry for entry in entries if name == entry.name]
        if len(found) > 1:
            labels = ", ".join(entry.label for entry in found)
            raise WeightsError(f"There are several models {name!r}: say which of {labels}.")
        if found:
            return found[0]
        raise self._missing(role, name, entries)

    def chosen(self, names: Mapping[Role, str]) -> dict[Role, Entry]:
        """Return one entry for every role: by name where one is given, else the shipped one.

        Raises what `of` raises.
        """
        return {role: self.of(role, names.get(role)) for role in ROLES}

    def named(self, name: str) -> Entry:
        """Return the model of a name or label, whatever its role. Raises what `of` raises."""
        roles = [entry.role for entry in self.entries if name in (entry.name, entry.label)]
        if roles:
            return self.of(roles[0], name)
        raise self._missing("", name, self.entries)

    def _missing(self, role: str, name: str, entries: Sequence[Entry]) -> WeightsError:
        for broken in self.broken:
            if broken.folder.name in (name, name.partition("@")[0]):
                return WeightsError(broken.reason)
        return UnknownModel(role, name, [entry.label for entry in entries])


def load_models(home: Path | None) -> Catalogue:
    """Return the shipped models, and those of HOME/models where a home is given.

    A folder that cannot be used takes no other down: it is listed as broken, with its reason.
    Raises WeightsError only where the manifest itself is incomplete.
    """
    entries = _shipped(FOLDER / "manifest.toml")
    taken = {entry.label: FOLDER for entry in entries}
    broken = []
    for folder in _folders(home):
        try:
            entry = read_folder(folder)
            other = taken.setdefault(entry.label, folder)
            if other != folder:
                raise WeightsError(
                    f"{folder / 'model.toml'}: {entry.label} is already the label of the model in "
                    f"{other}: give it another version"
                )
            entries.append(entry)
        except WeightsError as error:
            broken.append(Broken(folder, str(error)))
    return Catalogue(tuple(entries), tuple(broken))


def load_manifest(path: Path = FOLDER / "manifest.toml") -> dict[Role, Entry]:
    """Return the shipped entry of each role. Raises WeightsError where one is incomplete."""
    found: dict[Role, Entry] = {}
    for entry in _shipped(path):
        found.setdefault(entry.role, entry)
    return found


def _shipped(path: Path) -> list[Entry]:
    """Return what a manifest holds: a table is called by its role, or says it."""
    return [
        _entry({"role": name} | table, f"{path}: [{name}]", path.parent)
        for name, table in _read(path).items()
    ]


def _folders(home: Path | None) -> Iterator[Path]:
    """Yield the model folders, without such as are still being written.

    Those are they whose name begins with a dot, and those where a training has not ended yet.
    """
    if home is not None and (home / "models").is_dir():
        for folder in sorted((home / "models").iterdir()):
            training = (folder / "state.pt").exists() and not (folder / "model.toml").exists()
            if folder.is_dir() and not folder.name.startswith(".") and not training:
                yield folder


def read_folder(folder: Path) -> Entry:
    """Return the model of a folder. Raises WeightsError."""
    place = folder / "model.toml"
    return _entry(_read(place), str(place), folder)


def _read(path: Path) -> dict[str, Any]:
    try:
        with path.open("rb") as file:
            return tomllib.load(file)
    except OSError as error:
        raise WeightsError(f"{path} cannot be read: {error.strerror}") from error
    except ValueError as error:
        raise WeightsError(f"{path} is no TOML: {error}") from error


def _entry(table: Mapping[str, Any], place: str, folder: Path) -> Entry:
    try:
        height, width = table["input"]
        name = str(table["name"])
        file, card = _beside(folder, str(table["file"])), folder / "cards" / f"{name}.md"
        entry = Entry(
            role=table["role"],
            name=name,
            version=str(table["version"]),
            network=str(table["network"]),
            file=file,
            sha256=str(table["sha256"]).lower(),
            input=(int(height), int(width)),
            outputs=tuple(str(name) for name in table["outputs"]),
            classes=int(table.get("classes", 0)),
            licence=str(table["licence"]),
            research_only=bool(table["research_only"]),
            training_data=str(table["training_data"]),
            thresholds={key: float(value) for key, value in table["thresholds"].items()},
            measured={key: float(value) for key, value in table["measured"].items()},
            card=card if folder == FOLDER else folder / "card.md",
        )
    except KeyError as error:
        raise WeightsError(f"{place} is incomplete: {error.args[0]} is missing") from error
    except (AttributeError, TypeError, ValueError) as error:
        raise WeightsError(f"{place} is wrong: {error}") from error
    wrong = next(_wrong(entry), None)
    if wrong is not None:
        raise WeightsError(f"{place} is wrong: {wrong}")
    return entry


def _beside(folder: Path, name: str) -> Path:
    if Path(name).name != name or name in ("", ".."):
        raise ValueError(f"file {name!r} must be the name of a file beside it")
    return folder / name


def _wrong(entry: Entry) -> Iterator[str]:
    """Yield what of an entry cannot be."""
    if entry.role not in ROLES:
        yield f"role {entry.role!r} is none of {', '.join(ROLES)}"
    for what, word in (("name", entry.name), ("version", entry.version)):
        if not PLAIN.fullmatch(word):
            yield f"{what} {word!r} must be letters, digits, dots and dashes, at most 60"
    if not re.fullmatch("[0-9a-f]{64}", entry.sha256):
        yield "sha256 must be 64 hexadecimal digits"
    known = CLASSES.get(entry.role)
    if known is None:
        return
    if entry.classes not in known:
        yield f"classes {entry.classes} must be {' or '.join(map(str, known))} for {entry.role}"
    height, width = entry.input
    if height != width or not 32 <= height <= 512:
        yield f"input {height}x{width} must be a square of 32 to 512 pixels"
    if len(entry.outputs) != 1:
        yield f"outputs {list(entry.outputs)} must be one"
    if not entry.thresholds.get("temperature", 0.0) > 0:
        yield "thresholds.temperature must be there, above 0"


def verify(entry: Entry) -> Path:
    """Return the weights' path once its SHA-256 matches. Raises WeightsError otherwise."""
    again = "reinstall Ostiary" if entry.shipped else "train the model again, or remove its folder"
    try:
        found = hashlib.sha256(entry.file.read_bytes()).hexdigest()
    except FileNotFoundError as error:
        raise WeightsError(f"weights {entry.file} of {entry.label} are missing; {again}") from error
    except OSError as error:
        raise WeightsError(
            f"weights {entry.file} of {entry.label} cannot be read: {error.strerror}"
        ) from error
    if found != entry.sha256:
        source = "the repository" if entry.shipped else "where it came from"
        raise WeightsError(
            f"weights {entry.file} of {entry.label} are not what its description names:\n"
            f"SHA-256 {found}, expected {entry.sha256}.\n"
            f"Restore the file from {source}, or correct the description if you changed it."
        )
    return entry.file
