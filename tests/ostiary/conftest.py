"""Knows the fixture by which the face's tests get installations of their own."""

import shutil
import tempfile
from collections.abc import Iterator
from pathlib import Path

import pytest
from fakes.installation import Installation, MakeInstallation, free_port


@pytest.fixture(scope="module")
def make_installation() -> Iterator[MakeInstallation]:
    """Yield a function that makes installations; none of their processes is left after."""
    folder = Path(tempfile.mkdtemp(prefix="ostiary-up-"))  # short: socket paths are bounded
    made: list[Installation] = []

    def make(*flags: str) -> Installation:
        home = folder / str(len(made)) / "home"
        home.parent.mkdir()
        made.append(Installation(home, free_port(), flags))
        return made[-1]

    yield make
    for one in made:
        if one.process is not None and one.process.poll() is None:
            one.process.kill()
            one.process.wait(30)
    shutil.rmtree(folder, ignore_errors=True)
