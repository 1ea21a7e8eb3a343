"""The face: command line, supervisor, demo, Python API (`analyze`, `subscribe`)."""

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from ostiary.analysis import analyze as analyze
    from ostiary.client import subscribe as subscribe


def __getattr__(name: str) -> Any:
    """Import what is asked for when it is asked for: the one needs numpy, the other redis."""
    if name == "analyze":
        from ostiary.analysis import analyze

        return analyze
    if name == "subscribe":
        from ostiary.client import subscribe

        return subscribe
    raise AttributeError(f"module 'ostiary' has no attribute {name!r}")
