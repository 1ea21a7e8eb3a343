"""Knows how the demo server misbehaves on request. Does not know sockets.

A path `/fault/KIND/NAME` or `/fault/KIND=VALUE/NAME` plays the stream NAME with that fault.
"""

from dataclasses import dataclass
from enum import StrEnum
from typing import Final


class FaultKind(StrEnum):
    """What goes wrong; the text in brackets says what VALUE means, and its default."""

    REFUSE = "refuse"  # the connection is closed at DESCRIBE, without an answer
    MUTE = "mute"  # DESCRIBE is never answered
    UNAUTHORIZED = "401"  # every password is wrong
    NOT_FOUND = "404"
    BUSY = "503"
    STALL = "stall"  # after VALUE pictures (25) silence on an open connection
    CLOSE = "close"  # after VALUE pictures (25) a plain end
    RESET = "reset"  # after VALUE pictures (25) a TCP reset
    HALF = "half"  # after VALUE pictures (25) half a picture, then a plain end
    DRIP = (
        "drip"  # after VALUE pictures (25) a trickle of 2,000 bytes a second, whole pictures lost
    )
    GARBAGE = "garbage"  # after VALUE pictures (25) slices hold random bytes
    RESIZE = "resize"  # after VALUE pictures (25), at a keyframe, pictures of half the size
    BACKSTEP = "backstep"  # after VALUE pictures (25) RTP time jumps back by 5 s
    WRAP = "wrap"  # RTP time passes 2^32 VALUE pictures (50) after the start
    CLOCK = "clock"  # sender reports are VALUE seconds (10,800) ahead of the truth
    NO_REPORTS = "nosr"  # no sender reports
    NO_PARAMETERS = "noparams"  # parameter sets only in the session description
    NO_SPROP = "nosprop"  # parameter sets only in-band
    LOSS = "loss"  # every VALUE-th RTP packet (50) is left out


class Action(StrEnum):
    """What a session does with the next picture."""

    SEND = "send"
    NOTHING = "nothing"
    HALF = "half"
    CLOSE = "close"
    RESET = "reset"
    DRIP = "drip"
    GARBAGE = "garbage"
    RESIZED = "resized"


_DEFAULTS: Final = {FaultKind.WRAP: 50, FaultKind.CLOCK: 10_800, FaultKind.LOSS: 50}
_ACTIONS: Final = {
    FaultKind.STALL: Action.NOTHING,
    FaultKind.CLOSE: Action.CLOSE,
    FaultKind.RESET: Action.RESET,
    FaultKind.HALF: Action.HALF,
    FaultKind.DRIP: Action.DRIP,
    FaultKind.GARBAGE: Action.GARBAGE,
    FaultKind.RESIZE: Action.RESIZED,
}
BACKSTEP_TICKS: Final = 5 * 90_000


@dataclass(frozen=True, slots=True)
class Fault:
    """One fault of one session."""

    kind: FaultKind
    value: int

    def action(self, sent: int) -> Action:
        """Return what to do with the next picture after `sent` were sent whole."""
        if sent < self.value:
            return Action.SEND
        return _ACTIONS.get(self.kind, Action.SEND)

    def rtp_shift(self, first_rtp_time: int, period_ticks: int, sent: int) -> int:
        """Return what is added to the RTP time of a picture, before the wrap at 2^32."""
        if self.kind is FaultKind.WRAP:
            return -first_rtp_time - self.value * period_ticks
        if self.kind is FaultKind.BACKSTEP and sent >= self.value:
            return -BACKSTEP_TICKS
        return 0

    def reports_ahead_s(self) -> int:
        """Return how far the sender reports' clock is ahead of the truth."""
        return self.value if self.kind is FaultKind.CLOCK else 0


@dataclass(frozen=True, slots=True)
class Target:
    """A requested path: which stream, played with which fault."""

    stream: str
    fault: Fault | None


def parse_path(path: str) -> Target | None:
    """Read the path of a request; None where it names no stream or an unknown fault."""
    parts = [part for part in path.split("/") if part and not part.startswith("trackID=")]
    match parts:
        case [stream]:
            return Target(stream, None)
        case ["fault", kind_text, stream]:
            name, _, value = kind_text.partition("=")
            try:
                kind = FaultKind(name)
                number = int(value) if value else _DEFAULTS.get(kind, 25)
            except ValueError:
                return None
            return Target(stream, Fault(kind, number))
    return None
