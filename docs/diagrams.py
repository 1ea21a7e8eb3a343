"""Draws the state diagrams of `docs/states.md` from the tables in the code (`make docs`)."""

import sys
from collections import defaultdict
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from engine import alerts, analyses, source, tracking

OUT = Path(__file__).parent / "states.md"
TABLES: tuple[tuple[str, str, Mapping[tuple[Any, Any], Any]], ...] = (
    ("A source", "engine/source.py", source.TABLE),
    ("A track", "engine/tracking.py", tracking.TRANSITIONS),
    ("An alert", "engine/alerts.py", alerts.TRANSITIONS),
    ("An analysis of uploaded files", "engine/analyses.py", analyses.TRANSITIONS),
)


def diagram(table: Mapping[tuple[Any, Any], Any]) -> list[str]:
    """Return a Mermaid state diagram; parallel arrows share one line."""
    arrows: dict[tuple[str, str], list[str]] = defaultdict(list)
    for (state, event), following in table.items():
        arrows["[*]" if state is None else state.value, following.value].append(event.value)
    lines = [f"    {a} --> {b}: {', '.join(events)}" for (a, b), events in arrows.items()]
    return ["```mermaid", "stateDiagram-v2", *lines, "```"]


def text() -> str:
    """Return the whole page."""
    lines = ["# States", "", "Drawn from the tables in the code by `make docs`; a pair that is not",
             "in a table raises.", ""]  # fmt: skip
    for title, place, table in TABLES:
        lines += [f"## {title}", "", f"`{place}`", "", *diagram(table), ""]
    return "\n".join(lines)


if __name__ == "__main__":
    OUT.write_text(text())
    sys.stdout.write(f"wrote {OUT.name}\n")
