"""The house's sizes: files up to 300 lines, functions up to 40, at most five parameters."""

import ast
from collections.abc import Iterator
from pathlib import Path

import pytest

pytestmark = pytest.mark.house

ROOT = Path(__file__).resolve().parents[2]
ROOMS = ("engine", "config", "streams", "workers", "training", "ostiary")
FOLDERS = (*ROOMS, "tests", "benchmarks")
MAX_FILE_LINES = 300
MAX_FUNCTION_LINES = 40
MAX_PARAMETERS = 5

# Exceptions, each with its reason: "path" or "path:function".
ALLOWED: dict[str, str] = {
    "tests/engine/test_alerts.py:judge": "a finding's parts, each with a default; tests name one",
    "tests/engine/test_gallery.py:look": "a view's parts, each with a default; tests name one",
}
FORBIDDEN_NAMES = ("util", "utils", "helper", "helpers", "manager", "handler", "common", "misc")


def sources() -> list[Path]:
    return [path for folder in FOLDERS for path in sorted((ROOT / folder).rglob("*.py"))]


def functions(path: Path) -> Iterator[ast.FunctionDef | ast.AsyncFunctionDef]:
    for node in ast.walk(ast.parse(path.read_text())):
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef):
            yield node


def parameters(node: ast.FunctionDef | ast.AsyncFunctionDef) -> int:
    names = [a.arg for a in (*node.args.posonlyargs, *node.args.args, *node.args.kwonlyargs)]
    return len([name for name in names if name not in ("self", "cls")])


def is_command(node: ast.FunctionDef | ast.AsyncFunctionDef) -> bool:
    """A command's or route's parameters are its options: the framework reads them there."""
    decorators = [d.func if isinstance(d, ast.Call) else d for d in node.decorator_list]
    return any(isinstance(d, ast.Attribute) for d in decorators)


def too_large() -> Iterator[tuple[str, str]]:
    """Yield what is over the sizes, "path" or "path:function", and by how much."""
    for path in sources():
        name = str(path.relative_to(ROOT))
        if (lines := len(path.read_text().splitlines())) > MAX_FILE_LINES:
            yield name, f"{lines} lines"
        for node in functions(path):
            label = f"{name}:{node.name}"
            if (span := (node.end_lineno or 0) - node.lineno + 1) > MAX_FUNCTION_LINES:
                yield label, f"{span} lines"
            if parameters(node) > MAX_PARAMETERS and not is_command(node):
                yield label, f"{parameters(node)} parameters"


def test_sizes() -> None:
    over = [f"{label}: {what}" for label, what in too_large() if label not in ALLOWED]
    assert not over, "over the house's sizes:\n" + "\n".join(over)


def test_exceptions_are_still_needed() -> None:
    assert not set(ALLOWED) - {label for label, _ in too_large()}


def test_names_say_what_a_file_knows() -> None:
    assert not [path for path in sources() if path.stem in FORBIDDEN_NAMES]


def test_every_file_says_what_it_knows() -> None:
    silent = [path for path in sources() if not ast.get_docstring(ast.parse(path.read_text()))]
    assert not silent


def test_nothing_is_left_for_later() -> None:
    words = ("TO" + "DO", "FIX" + "ME", "NotImplemented" + "Error")
    left = [
        f"{path.relative_to(ROOT)}: {word}"
        for path in sources()
        for word in words
        if word in path.read_text()
    ]
    assert not left
