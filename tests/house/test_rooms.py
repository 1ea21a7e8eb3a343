"""The rooms: whose names they are, what the engine must not know, what the documents name."""

import ast
import importlib
import re
import subprocess
import sys
from pathlib import Path

import pytest

pytestmark = pytest.mark.house

ROOT = Path(__file__).resolve().parents[2]
ROOMS = ("engine", "config", "streams", "workers", "training", "ostiary")
CLOCKS = {"now", "today", "utcnow"}


@pytest.mark.parametrize("room", ROOMS)
def test_a_room_belongs_to_this_distribution(room: str) -> None:
    module = importlib.import_module(room)
    assert module.__file__ is not None
    assert Path(module.__file__).resolve().is_relative_to(ROOT), (
        f"another package named {room} is installed and hides ours: {module.__file__}"
    )


def test_the_engine_reads_no_clock() -> None:
    found = [
        f"{path.name}:{node.lineno}"
        for path in (ROOT / "engine").rglob("*.py")
        for node in ast.walk(ast.parse(path.read_text()))
        if isinstance(node, ast.Attribute) and node.attr in CLOCKS
        and isinstance(node.value, ast.Name) and node.value.id in ("datetime", "date")
    ]  # fmt: skip
    assert not found


def test_only_shells_read_the_clock() -> None:
    """streams.clock is the one reader below the face; networks' benchmarks may time themselves."""
    readers = []
    for room in ("config", "streams", "workers"):
        for path in (ROOT / room).rglob("*.py"):
            if re.search(r"\btime\.(time|time_ns)\(", path.read_text()):
                readers.append(str(path.relative_to(ROOT)))
    assert readers == ["streams/clock.py"]


@pytest.mark.slow
@pytest.mark.parametrize(
    "module",
    ["ostiary.client", "ostiary.cli.__main__", "streams.ingest.app", "streams.gateway.app"],
)
def test_runs_without_torch(module: str) -> None:
    code = f"import sys, {module}; sys.exit('torch' in sys.modules)"
    assert subprocess.run([sys.executable, "-c", code], cwd=ROOT, check=False).returncode == 0


@pytest.mark.parametrize("document", ["ARCHITECTURE.md", "README.md"])
def test_documents_name_paths_that_exist(document: str) -> None:
    text = (ROOT / document).read_text()
    rooms = "|".join((*ROOMS, "tests", "benchmarks", "docs"))
    named = re.findall(rf"`((?:{rooms})/[A-Za-z0-9_./-]*)`", text)
    assert named, f"{document} names no path"
    assert not [path for path in named if not (ROOT / path).exists()]
