"""Knows what one check of the doctor found. Does not know the checks."""

from dataclasses import dataclass
from enum import StrEnum


class Verdict(StrEnum):
    """How bad it is."""

    FINE = "ok"
    WORTH_KNOWING = "warning"
    FAILED = "failed"


@dataclass(frozen=True, slots=True)
class Finding:
    """One thing that was found; `remedy` says what to do unless all is well."""

    verdict: Verdict
    what: str
    remedy: str = ""


def fine(what: str) -> Finding:
    """All is well."""
    return Finding(Verdict.FINE, what)


def warning(what: str, remedy: str) -> Finding:
    """It works, but somebody should know."""
    return Finding(Verdict.WORTH_KNOWING, what, remedy)


def failed(what: str, remedy: str) -> Finding:
    """It does not work before somebody does something."""
    return Finding(Verdict.FAILED, what, remedy)
