"""Knows how settings are read from a file, the environment and flags. Does not judge them."""

import json
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import yaml

PREFIX = "OSTIARY__"
KeyPath = tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Given:
    """One value that somebody gave: its key, and the place where it stands."""

    path: KeyPath
    value: Any
    place: str

    @property
    def key(self) -> str:
        """The key as written in messages: gateway.port."""
        return ".".join(self.path)


@dataclass(frozen=True, slots=True)
class Problem:
    """One thing that is wrong, with its place and its key."""

    place: str
    key: str
    what: str

    def __str__(self) -> str:
        return ": ".join(filter(None, (self.place, self.key, self.what)))


class ConfigError(Exception):
    """Everything that is wrong with the settings, at once."""

    def __init__(self, problems: Sequence[Problem]) -> None:
        self.problems = tuple(problems)
        super().__init__("\n".join(map(str, self.problems)))


def from_file(file: Path) -> list[Given]:
    """Read a YAML file; every value knows its line.

    Raises ConfigError for a file that cannot be read, is not YAML, or repeats a key.
    """
    try:
        node = yaml.compose(file.read_text("utf-8"), yaml.SafeLoader)
    except (OSError, UnicodeDecodeError) as error:
        raise ConfigError([Problem(str(file), "", f"cannot be read ({error})")]) from error
    except yaml.YAMLError as error:
        mark = getattr(error, "problem_mark", None)
        place = f"{file}:{mark.line + 1}" if mark else str(file)
        what = getattr(error, "problem", None) or "it cannot be parsed"
        raise ConfigError([Problem(place, "", f"not YAML: {what}")]) from error
    if node is None:
        return []
    if not isinstance(node, yaml.MappingNode):
        raise ConfigError([Problem(str(file), "", "must hold keys with values, like gateway:")])
    problems: list[Problem] = []
    given = list(_leaves(node, (), file, problems))
    if problems:
        raise ConfigError(problems)
    return given


def _leaves(
    node: yaml.MappingNode, path: KeyPath, file: Path, problems: list[Problem]
) -> Iterator[Given]:
    seen: set[str] = set()
    for key_node, value_node in node.value:
        key = str(getattr(key_node, "value", ""))
        place = f"{file}:{key_node.start_mark.line + 1}"
        here = (*path, key)
        if key in seen:
            problems.append(Problem(place, ".".join(here), "stands twice; keep one"))
        seen.add(key)
        if isinstance(value_node, yaml.MappingNode) and value_node.value:
            yield from _leaves(value_node, here, file, problems)
            continue
        try:
            value = _plain(value_node)
        except yaml.YAMLError as error:
            what = getattr(error, "problem", None) or "it cannot be parsed"
            problems.append(Problem(place, ".".join(here), str(what)))
            continue
        yield Given(here, value, place)


def _plain(node: yaml.Node) -> Any:
    """Build the plain value of a scalar or list that was composed before."""
    loader: Any = yaml.SafeLoader("")
    return loader.construct_document(node)


def from_environment(environ: Mapping[str, str]) -> list[Given]:
    """Read OSTIARY__SECTION__KEY; an empty value counts as not set."""
    return [
        Given(
            tuple(name.removeprefix(PREFIX).lower().split("__")),
            text_value(text),
            f"environment {name}",
        )
        for name, text in sorted(environ.items())
        if name.startswith(PREFIX) and text
    ]


def from_flags(assignments: Sequence[str]) -> tuple[list[Given], list[Problem]]:
    """Read --set section.key=value; return what they give, and what is wrong with the others."""
    given, problems = [], []
    for assignment in assignments:
        key, equals, text = assignment.partition("=")
        key = key.strip()
        if not equals or not key:
            problems.append(Problem("flag --set", key, "must be section.key=value"))
            continue
        given.append(Given(tuple(key.split(".")), text_value(text), f"flag --set {key}"))
    return given, problems


def text_value(text: str) -> Any:
    """Turn text into a value: JSON lists and null are taken as such, all else stays text."""
    stripped = text.strip()
    if stripped == "null":
        return None
    if stripped.startswith("[") and stripped.endswith("]"):
        try:
            return json.loads(stripped)
        except ValueError:
            return text
    return text
