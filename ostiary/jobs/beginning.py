"""Knows what the page "Analyze" begins with when a command opens it. Serves nothing."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path


@dataclass(frozen=True, slots=True)
class Beginning:
    """What the page begins with."""

    sources: Sequence[str] = ()
    people: Path | None = None
    expression: bool = False
    language: str = "en"
    models: Mapping[str, str] = field(default_factory=dict)

    @property
    def purpose(self) -> str:
        """What is looked for beside masks."""
        return "people" if self.people else "expression" if self.expression else "none"
