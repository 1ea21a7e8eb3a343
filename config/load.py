"""Knows how defaults, file, environment and flags become one checked tree, and each value's source.

Does not know what a setting does.
"""

import difflib
import os
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, get_args

from pydantic import BaseModel, SecretStr, ValidationError
from pydantic.fields import FieldInfo
from pydantic_core import ErrorDetails

from config.cameras import Camera
from config.file_cameras import expand_cameras
from config.schema import Settings
from config.sources import (
    ConfigError,
    Given,
    KeyPath,
    Problem,
    from_environment,
    from_file,
    from_flags,
)

DEFAULT = "default"
FILE_NAME = "ostiary.yaml"
PRIVATE_KEYS = frozenset({"url", "sub_url", "username", "password"})


@dataclass(frozen=True, slots=True)
class Request:
    """Where to look: flags win over the environment, that over the file, that over defaults."""

    home: Path | None = None  # --home
    file: Path | None = None  # --config
    assignments: tuple[str, ...] = ()  # --set section.key=value
    environ: Mapping[str, str] = field(default_factory=lambda: dict(os.environ))


@dataclass(frozen=True, slots=True)
class Shown:
    """One line of `ostiary config show`; secrets are masked."""

    key: str
    value: Any
    source: str


@dataclass(frozen=True, slots=True)
class Loaded:
    """The checked tree, and the place of each value that somebody gave."""

    settings: Settings
    places: Mapping[KeyPath, str]

    def shown(self) -> list[Shown]:
        """Every value with its source, in the tree's order."""
        return [
            Shown(".".join(path), value, _place_of(path, self.places) or DEFAULT)
            for path, value in _values(self.settings, ())
        ]


def load_settings(request: Request | None = None) -> Settings:
    """Load and check everything; raises ConfigError with all that is wrong."""
    return load(request or Request()).settings


def load(request: Request) -> Loaded:
    """Load and check everything, keeping each value's source.

    Raises ConfigError with all that is wrong.
    """
    home = _home_before_file(request)
    given, problems = _read_all(request, home)
    if home is not None:
        given = [one for one in given if one.path != ("home",)] + [home]
    given, camera_problems = expand_cameras(given, request.environ)
    problems += camera_problems
    places = {one.path: one.place for one in given}
    settings = Settings()
    try:
        settings = Settings.model_validate(_tree(given))
    except ValidationError as error:
        problems += [_problem(one, places) for one in error.errors(include_url=False)]
    if problems:
        raise ConfigError(problems)
    return Loaded(_absolute(settings), places)


def _read_all(request: Request, home: Given | None) -> tuple[list[Given], list[Problem]]:
    """Read the three sources, the weakest first, and collect what none of them could read."""
    file = _file(request, home)
    given: list[Given] = []
    problems: list[Problem] = []
    try:
        given += _in_folder(from_file(file), file.parent) if file else []
    except ConfigError as error:
        problems += error.problems
    given += from_environment(request.environ)
    flags, wrong_flags = from_flags(request.assignments)
    return [_listed(one) for one in (*given, *flags)], problems + wrong_flags


def _home_before_file(request: Request) -> Given | None:
    if request.home is not None:
        return Given(("home",), request.home, "flag --home")
    for name in ("OSTIARY_HOME", "OSTIARY__HOME"):
        if text := request.environ.get(name):
            return Given(("home",), text, f"environment {name}")
    return None


def _file(request: Request, home: Given | None) -> Path | None:
    named = request.file or request.environ.get("OSTIARY_CONFIG")
    if named:
        return Path(named).expanduser().absolute()
    folder = Path(home.value) if home else Settings.model_fields["home"].default
    file = Path(folder).expanduser().absolute() / FILE_NAME
    return file if file.exists() else None


def _absolute(settings: Settings) -> Settings:
    return settings.model_copy(update={"home": settings.home.expanduser().absolute()})


def _field_at(path: KeyPath) -> FieldInfo | None:
    model: type[BaseModel] = Settings
    for index, name in enumerate(path):
        found = model.model_fields.get(name)
        if found is None or index == len(path) - 1:
            return found
        annotation = found.annotation
        if not (isinstance(annotation, type) and issubclass(annotation, BaseModel)):
            return None
        model = annotation
    return None


def _holds_path(path: KeyPath) -> bool:
    if path[0] == "cameras":
        return path[-1] == "password_file"
    found = _field_at(path)
    return found is not None and Path in (found.annotation, *get_args(found.annotation))


def _in_folder(given: Iterable[Given], folder: Path) -> list[Given]:
    """Paths in a file are relative to the file's folder."""
    return [
        Given(one.path, folder / Path(one.value).expanduser(), one.place)
        if isinstance(one.value, str) and _holds_path(one.path)
        else one
        for one in given
    ]


def _listed(one: Given) -> Given:
    """Text with commas is a list where the setting is one."""
    found = _field_at(one.path)
    if isinstance(one.value, str) and found is not None and "tuple" in str(found.annotation):
        parts = [part.strip() for part in one.value.split(",") if part.strip()]
        return Given(one.path, parts, one.place)
    return one


def _tree(given: Sequence[Given]) -> dict[str, Any]:
    tree: dict[str, Any] = {}
    for one in given:
        node = tree
        for name in one.path[:-1]:
            below = node.setdefault(name, {})
            if not isinstance(below, dict):
                break  # a value where a section belongs: the check names it
            node = below
        else:
            last = one.path[-1]
            if not (one.value is None and _is_section(one.path)):
                node[last] = one.value
    return tree


def _is_section(path: KeyPath) -> bool:
    found = _field_at(path)
    annotation = found.annotation if found else None
    return path == ("cameras",) or (
        isinstance(annotation, type) and issubclass(annotation, BaseModel)
    )


def _problem(error: ErrorDetails, places: Mapping[KeyPath, str]) -> Problem:
    path = tuple(str(part) for part in error["loc"])
    place = _place_of(path, places) or "settings"
    what = error["msg"].removeprefix("Value error, ")
    if error["type"] == "extra_forbidden":
        what = "unknown key" + _nearest(path)
    elif not PRIVATE_KEYS & set(path) and not isinstance(error.get("input"), dict):
        what += f", got {error.get('input')!r}"
    return Problem(place, ".".join(path), what[:1].lower() + what[1:])


def _nearest(path: KeyPath) -> str:
    parent = _field_at(path[:-1]) if len(path) > 1 else None
    model: Any = parent.annotation if parent else Settings
    if path[0] == "cameras":
        model = Camera
    names = list(getattr(model, "model_fields", {}))
    close = difflib.get_close_matches(path[-1], names, n=1)
    if close:
        return f"; did you mean {close[0]}?"
    return f"; known here: {', '.join(names)}" if names else ""


def _place_of(path: KeyPath, places: Mapping[KeyPath, str]) -> str | None:
    for length in range(len(path), 0, -1):
        if path[:length] in places:
            return places[path[:length]]
    below = (place for given, place in places.items() if given[: len(path)] == path)
    return next(below, None) if path else None


def _values(node: Any, path: KeyPath) -> list[tuple[KeyPath, Any]]:
    if isinstance(node, BaseModel):
        names = type(node).model_fields
        return [one for name in names for one in _values(getattr(node, name), (*path, name))]
    if isinstance(node, dict) and node:
        return [one for name, below in node.items() for one in _values(below, (*path, str(name)))]
    return [(path, masked(node))]


def masked(value: Any) -> Any:
    """A value as it may be shown: secrets as asterisks, paths and lists as text would have them."""
    if isinstance(value, SecretStr):
        return "********"
    if isinstance(value, Path):
        return str(value)
    return list(value) if isinstance(value, tuple) else value
