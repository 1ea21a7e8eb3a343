"""Knows how results are printed: tables for people, JSON for programs. Does not know results."""

import json
import sys
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from typing import Any


def print_json(value: Any) -> None:
    """Print one value as indented JSON."""
    print(json.dumps(value, indent=2, ensure_ascii=False, default=str))


def print_json_line(value: Any) -> None:
    """Print one value as one line of JSON, at once."""
    print(json.dumps(value, ensure_ascii=False, default=str), flush=True)


def print_table(columns: Sequence[str], rows: Sequence[Sequence[object]], empty: str) -> None:
    """Print rows under their columns' names; `empty` where there are none."""
    if not rows:
        print(empty)
        return
    from rich import box
    from rich.console import Console
    from rich.markup import escape
    from rich.table import Table

    table = Table(box=box.SIMPLE_HEAD, pad_edge=False, header_style="bold")
    for column in columns:
        table.add_column(column, overflow="fold")
    for row in rows:
        table.add_row(*(escape(shown(value)) for value in row))
    # A pipe has no width: nothing may be cut there.
    width = None if sys.stdout.isatty() else 200
    Console(highlight=False, width=width).print(table)


def print_facts(facts: Sequence[tuple[str, object]]) -> None:
    """Print names with their values, one a line."""
    width = max((len(name) for name, _ in facts), default=0)
    for name, value in facts:
        print(f"{name:<{width}}  {shown(value)}")


def shown(value: object) -> str:
    """A value as people read it."""
    if value is None:
        return "-"
    if isinstance(value, bool):
        return "yes" if value else "no"
    if isinstance(value, float):
        return f"{value:.1f}"
    if isinstance(value, list | tuple | set | frozenset):
        return ", ".join(str(one) for one in value) if value else "-"
    return str(value)


@contextmanager
def progress(what: str) -> Iterator[None]:
    """Show that something takes its time, on standard error, where a person looks."""
    if not sys.stderr.isatty():
        yield
        return
    from rich.console import Console

    with Console(stderr=True).status(what):
        yield


def clock(at: str | None) -> str:
    """An RFC 3339 time as local time of day; the day too where it is not today."""
    if not at:
        return "-"
    from datetime import datetime

    try:
        local = datetime.fromisoformat(at).astimezone()
    except ValueError:
        return at
    today = time.strftime("%Y-%m-%d")
    return local.strftime("%H:%M:%S" if local.strftime("%Y-%m-%d") == today else "%Y-%m-%d %H:%M")
