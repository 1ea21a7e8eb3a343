"""Knows how a camera is written in the settings file: URL with credentials, password elsewhere.

Does not know how cameras are stored.
"""

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from config.cameras import parse_address
from config.sources import Given, Problem

ELSEWHERE = ("password_file", "password_env")


def expand_cameras(
    given: Sequence[Given], environ: Mapping[str, str]
) -> tuple[list[Given], list[Problem]]:
    """Turn each camera's entries into those of `config.cameras.Camera`.

    Credentials are cut from the URL, a password is fetched from its file or environment variable,
    id and managed_by are added. Returns the new entries and what was wrong.
    """
    kept: list[Given] = []
    problems: list[Problem] = []
    entries: dict[str, dict[str, Given]] = {}
    places: dict[str, str] = {}
    for one in given:
        if one.path[0] != "cameras" or not _is_entry(one):
            kept.append(one)
            continue
        places.setdefault(one.path[1], one.place)
        keys = entries.setdefault(one.path[1], {})
        if len(one.path) == 3:
            keys[one.path[2]] = one
    for camera, keys in entries.items():
        entry = _Entry(camera, keys, problems)
        entry.cut_credentials()
        entry.fetch_password(environ)
        entry.put("id", camera, places[camera])
        entry.put("managed_by", "file", places[camera])
        kept += keys.values()
    return kept, problems


def _is_entry(one: Given) -> bool:
    """A key of a camera, or a camera without any key."""
    return len(one.path) == 3 or (len(one.path) == 2 and one.value in (None, {}))


class _Entry:
    """One camera's keys while they are rewritten."""

    def __init__(self, camera: str, keys: dict[str, Given], problems: list[Problem]) -> None:
        self._camera = camera
        self._keys = keys
        self._problems = problems

    def put(self, name: str, value: Any, place: str) -> None:
        if name in self._keys and name in ("id", "managed_by"):
            self._refuse(self._keys[name], "is set by the file itself; leave it out")
        self._keys[name] = Given(("cameras", self._camera, name), value, place)

    def cut_credentials(self) -> None:
        for name in ("url", "sub_url"):
            one = self._keys.get(name)
            if one is None or not isinstance(one.value, str):
                continue
            try:
                address = parse_address(one.value)
            except ValueError as error:
                del self._keys[name]
                self._refuse(one, str(error))
                self.put(name, "rtsp://refused", one.place)
                continue
            self.put(name, address.url, one.place)
            if address.username and "username" not in self._keys:
                self.put("username", address.username, one.place)
            if address.password and not {"password", *ELSEWHERE} & set(self._keys):
                self.put("password", address.password, one.place)

    def fetch_password(self, environ: Mapping[str, str]) -> None:
        for name in ELSEWHERE:
            one = self._keys.pop(name, None)
            if one is None:
                continue
            if "password" in self._keys:
                self._refuse(one, "the password is already given; keep one of them")
                continue
            try:
                self.put("password", _fetch(name, str(one.value), environ), one.place)
            except (OSError, KeyError, UnicodeDecodeError):
                self._refuse(one, f"there is no password at {one.value!r}")

    def _refuse(self, one: Given, what: str) -> None:
        self._problems.append(Problem(one.place, one.key, what))


def _fetch(name: str, where: str, environ: Mapping[str, str]) -> str:
    if name == "password_env":
        return environ[where]
    return Path(where).expanduser().read_text("utf-8").strip("\r\n")
