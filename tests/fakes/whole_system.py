"""Knows how a test gets the whole demo: `ostiary up --demo`, and how it asks it what happened."""

import json
import os
import shutil
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import httpx
from fakes.installation import Installation, eventually, free_port

CACHE = Path(os.environ.get("OSTIARY_TEST_CACHE", tempfile.gettempdir())) / "ostiary-tests"
PEOPLE = 3
READY_WITHIN_S = 420.0  # a bare machine renders the scenes and converts the networks first


@dataclass
class WholeSystem:
    """The running demo of one test module."""

    installation: Installation

    @property
    def key(self) -> str:
        return (self.installation.home / "cli.key").read_text().strip()

    def get(self, path: str, **parameters: str) -> Any:
        headers = {"Authorization": f"Bearer {self.key}"}
        url = f"{self.installation.url}/api/v1{path}"
        answer = httpx.get(url, headers=headers, params=parameters, timeout=20)
        answer.raise_for_status()
        return answer.json()

    def analysed(self, camera: str) -> float:
        """Pictures a second of a camera now, 0 while it cannot be told."""
        try:
            cameras = {one["id"]: one for one in self.get("/status")["cameras"]}
        except httpx.HTTPError:
            return 0.0
        return float(cameras.get(camera, {}).get("analysed_per_s") or 0.0)

    def revisions(self) -> list[dict[str, Any]]:
        """Every revision of every alert, oldest first, by the command line."""
        done = self.installation.ostiary("alerts", "tail", "--json", "--since", "0", "--no-follow")
        assert done.returncode == 0, done.stderr
        return [json.loads(line) for line in done.stdout.splitlines()]

    def truth(self, scene: str) -> list[dict[str, Any]]:
        """The scene's true pictures."""
        (found,) = (CACHE / "demo").glob(f"*/{scene}.truth.jsonl")
        return [json.loads(line) for line in found.read_text().splitlines()[1:]]


def one_story_each(revisions: list[dict[str, Any]]) -> None:
    """No (rule, visit) has two ids, no id a revision twice, and revisions only grow."""
    last: dict[str, int] = {}
    for one in revisions:
        assert one["revision"] > last.get(one["id"], 0), one
        last[one["id"]] = one["revision"]


@contextmanager
def whole_system(*flags: str, workers: int = 1) -> Iterator[WholeSystem]:
    """Run the demo; scenes and converted networks are kept for the next module."""
    folder = Path(tempfile.mkdtemp(prefix="ostiary-all-"))  # short: socket paths are bounded
    home, networks = folder / "home", CACHE / "networks"
    home.mkdir(mode=0o700)
    if networks.exists():
        shutil.copytree(networks, home / "cache" / "networks")
    environ = {"OSTIARY_DEMO_CACHE": str(CACHE / "demo")}
    one = Installation(home, free_port(), flags, workers=workers, extra=environ)
    try:
        one.start("--demo", within_s=READY_WITHIN_S)
        system = WholeSystem(one)
        ready = eventually(lambda: len(system.get("/people")["people"]) == PEOPLE, READY_WITHIN_S)
        assert ready, one.said()
        if not networks.exists():
            shutil.copytree(home / "cache" / "networks", networks)
        yield system
    finally:
        one.stop()
        assert one.survivors() == []
        shutil.rmtree(folder, ignore_errors=True)
