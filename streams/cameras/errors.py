"""Knows how a camera's failure is named. Does not know what is done about it."""

from engine.source import Reason


class SourceError(Exception):
    """A source ended: why, in a word that the supervisor understands, and in one for people.

    The detail never holds credentials: nothing here ever sees a URL that has any.
    """

    def __init__(self, reason: Reason, detail: str = "") -> None:
        super().__init__(f"{reason}: {detail}" if detail else str(reason))
        self.reason = reason
        self.detail = detail


class ProtocolError(SourceError):
    """The camera sent what the protocol does not allow, or more than is bearable."""

    def __init__(self, detail: str) -> None:
        super().__init__(Reason.PROTOCOL, detail)
