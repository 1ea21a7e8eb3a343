"""Knows a source's states, what moves it between them, and when it may try again.

Does not know sockets, cameras or the clock: time and chance are arguments.

Theory: one source is one stream of one camera. It connects, is live while pictures come, stalled
when they stop coming on an open connection, and waits between two tries. A source itself never
tries again: it ends, and this table says what then. The wait grows with each failed try, with
full jitter (a random part of the bound), so that twenty cameras behind one switch do not come
back in step; it begins anew after the source has been live for a while.
"""

from collections.abc import Mapping
from dataclasses import dataclass, replace
from enum import StrEnum
from typing import Final

NS: Final = 1_000_000_000


class SourceState(StrEnum):
    """What a source is doing."""

    CONNECTING = "connecting"
    LIVE = "live"
    STALLED = "stalled"
    WAITING = "waiting"
    STOPPED = "stopped"


class SourceEvent(StrEnum):
    """What can happen to a source."""

    PICTURE = "picture"  # an access unit came
    SILENCE = "silence"  # none came for stall_after_s
    FAILED = "failed"  # the connection ended, or could not be made
    RETRY = "retry"  # the wait is over
    STOP = "stop"  # nobody wants it any longer, or trying again is pointless


class Reason(StrEnum):
    """Why a source is not live; shown to people, so each says what is wrong."""

    NONE = ""
    REFUSED = "connection refused"
    UNREACHABLE = "host does not answer"
    NAME_UNKNOWN = "host name unknown"
    TLS = "TLS failed"
    WRONG_PASSWORD = "wrong user name or password"  # noqa: S105
    PASSWORD_NEEDED = "user name and password needed"  # noqa: S105
    NO_SUCH_STREAM = "no such stream"
    NOT_ALLOWED = "not allowed by the camera"
    BUSY = "camera is busy"
    UNSUPPORTED_CODEC = "unsupported codec"
    UNSUPPORTED_TRANSPORT = "camera does not send over TCP"
    PROTOCOL = "camera breaks the protocol"
    NO_ANSWER = "camera stopped answering"
    NO_PICTURE = "no picture comes"
    NO_KEYFRAME = "no keyframe comes"
    CLOSED = "camera closed the connection"
    RESET = "connection reset"
    FORBIDDEN_ADDRESS = "address not allowed"
    NO_PUBLISHER = "nobody lends this camera"
    REMOVED = "removed"


_S, _E = SourceState, SourceEvent
TABLE: Final[Mapping[tuple[SourceState, SourceEvent], SourceState]] = {
    (_S.CONNECTING, _E.PICTURE): _S.LIVE,
    (_S.CONNECTING, _E.SILENCE): _S.WAITING,
    (_S.CONNECTING, _E.FAILED): _S.WAITING,
    (_S.CONNECTING, _E.STOP): _S.STOPPED,
    (_S.LIVE, _E.PICTURE): _S.LIVE,
    (_S.LIVE, _E.SILENCE): _S.STALLED,
    (_S.LIVE, _E.FAILED): _S.WAITING,
    (_S.LIVE, _E.STOP): _S.STOPPED,
    (_S.STALLED, _E.PICTURE): _S.LIVE,
    (_S.STALLED, _E.SILENCE): _S.WAITING,
    (_S.STALLED, _E.FAILED): _S.WAITING,
    (_S.STALLED, _E.STOP): _S.STOPPED,
    (_S.WAITING, _E.RETRY): _S.CONNECTING,
    (_S.WAITING, _E.STOP): _S.STOPPED,
}


class WrongStep(Exception):
    """An event came in a state that does not know it: a defect in the shell."""


class Patience(StrEnum):
    """How soon trying again can help."""

    SOON = "soon"  # the network or the camera may be back at any moment
    LATER = "later"  # a person must change something; trying often locks accounts
    WHEN_READY = "when ready"  # the other side must come; the source says when
    NEVER = "never"  # only other settings can help


PATIENCE: Final[Mapping[Reason, Patience]] = {
    Reason.WRONG_PASSWORD: Patience.LATER,
    Reason.PASSWORD_NEEDED: Patience.LATER,
    Reason.NOT_ALLOWED: Patience.LATER,
    Reason.UNSUPPORTED_CODEC: Patience.LATER,
    Reason.UNSUPPORTED_TRANSPORT: Patience.LATER,
    Reason.NO_PUBLISHER: Patience.WHEN_READY,
    Reason.FORBIDDEN_ADDRESS: Patience.NEVER,
    Reason.REMOVED: Patience.NEVER,
}


@dataclass(frozen=True, slots=True)
class SourceLimits:
    """The times that govern a source."""

    connect_within_s: float = 10.0
    stall_after_s: float = 5.0
    give_up_after_s: float = 15.0  # of silence, in all
    keyframe_within_s: float = 90.0  # while other pictures come; some cameras send one a minute
    backoff_base_s: float = 1.0
    backoff_cap_s: float = 30.0
    backoff_least_s: float = 0.25
    later_base_s: float = 30.0
    later_cap_s: float = 300.0
    steady_after_s: float = 10.0  # live that long, the next failure is a first one


LIMITS: Final = SourceLimits()


@dataclass(frozen=True, slots=True)
class Supervision:
    """One source's state, since when, why, and when it is tried next."""

    state: SourceState
    since_ns: int
    reason: Reason = Reason.NONE
    detail: str = ""
    failures: int = 0
    next_try_ns: int | None = None
    last_picture_ns: int | None = None
    live_since_ns: int | None = None  # of this connection
    last_heard_ns: int | None = None  # pictures came that need a keyframe before them

    @classmethod
    def begin(cls, now_ns: int) -> "Supervision":
        """Return a source that begins to connect."""
        return cls(SourceState.CONNECTING, now_ns)

    def pictured(self, now_ns: int) -> "Supervision":
        """Return the source after an access unit."""
        if self.state is SourceState.LIVE:
            return replace(self, last_picture_ns=now_ns)
        moved = self._moved(SourceEvent.PICTURE, now_ns)
        began_ns = now_ns if self.live_since_ns is None else self.live_since_ns
        return replace(
            moved,
            reason=Reason.NONE,
            detail="",
            last_picture_ns=now_ns,
            live_since_ns=began_ns,
            last_heard_ns=None,
        )

    def heard(self, now_ns: int) -> "Supervision":
        """Return the source after a picture that is of no use before the next keyframe."""
        if self.state is SourceState.CONNECTING:
            return replace(self, last_heard_ns=now_ns, reason=Reason.NO_KEYFRAME, detail="")
        return replace(self, last_heard_ns=now_ns)

    def silent(self, now_ns: int, jitter: float, limits: SourceLimits = LIMITS) -> "Supervision":
        """Return the source after its deadline passed without a picture."""
        reason = Reason.NO_PICTURE if self.last_heard_ns is None else Reason.NO_KEYFRAME
        moved = self._moved(SourceEvent.SILENCE, now_ns)
        if self.state is SourceState.LIVE:
            return replace(moved, reason=reason)
        return moved._put_off(reason, now_ns, jitter, limits)

    def failed(
        self,
        reason: Reason,
        now_ns: int,
        jitter: float,
        detail: str = "",
        limits: SourceLimits = LIMITS,
    ) -> "Supervision":
        """Return the source after its connection ended; jitter is a random number of [0, 1)."""
        if PATIENCE.get(reason) is Patience.NEVER:
            return replace(self.stopped(reason, now_ns), detail=detail)
        moved = self._moved(SourceEvent.FAILED, now_ns)
        if PATIENCE.get(reason) is Patience.WHEN_READY:
            return replace(moved, reason=reason, detail=detail, failures=0, next_try_ns=None)
        return replace(moved._put_off(reason, now_ns, jitter, limits), detail=detail)

    def retried(self, now_ns: int) -> "Supervision":
        """Return the source as it tries again; it keeps the reason of its last failure."""
        moved = self._moved(SourceEvent.RETRY, now_ns)
        return replace(
            moved, next_try_ns=None, live_since_ns=None, last_picture_ns=None, last_heard_ns=None
        )

    def stopped(self, reason: Reason, now_ns: int) -> "Supervision":
        """Return the source at rest."""
        if self.state is SourceState.STOPPED:
            return self
        moved = self._moved(SourceEvent.STOP, now_ns)
        return replace(moved, reason=reason, next_try_ns=None)

    def deadline_ns(self, limits: SourceLimits = LIMITS) -> int | None:
        """Return when something must be done if nothing happens; None: never."""
        match self.state:
            case SourceState.CONNECTING:
                return self._extended_ns(self.since_ns, limits.connect_within_s, limits)
            case SourceState.LIVE:
                return self._last_sign_ns() + round(limits.stall_after_s * NS)
            case SourceState.STALLED:
                return self._extended_ns(self._last_sign_ns(), limits.give_up_after_s, limits)
            case SourceState.WAITING:
                return self.next_try_ns
            case SourceState.STOPPED:
                return None

    def _extended_ns(self, from_ns: int, within_s: float, limits: SourceLimits) -> int:
        """Return the end of a wait; pictures without their keyframe lengthen it, within bounds."""
        within_ns = round(within_s * NS)
        if self.last_heard_ns is None:
            return from_ns + within_ns
        latest_ns = from_ns + round(limits.keyframe_within_s * NS)
        return min(max(from_ns, self.last_heard_ns) + within_ns, latest_ns)

    def _last_sign_ns(self) -> int:
        return self.since_ns if self.last_picture_ns is None else self.last_picture_ns

    def _was_steady(self, limits: SourceLimits) -> bool:
        if self.live_since_ns is None or self.last_picture_ns is None:
            return False
        return self.last_picture_ns - self.live_since_ns >= limits.steady_after_s * NS

    def _moved(self, event: SourceEvent, now_ns: int) -> "Supervision":
        state = TABLE.get((self.state, event))
        if state is None:
            raise WrongStep(f"{event} cannot happen to a source that is {self.state}")
        return replace(self, state=state, since_ns=now_ns)

    def _put_off(
        self, reason: Reason, now_ns: int, jitter: float, limits: SourceLimits
    ) -> "Supervision":
        failures = 0 if self._was_steady(limits) else self.failures
        wait_s = backoff_s(reason, failures, jitter, limits)
        return replace(
            self,
            reason=reason,
            detail="",
            failures=failures + 1,
            next_try_ns=now_ns + round(wait_s * NS),
        )


def backoff_s(reason: Reason, failures: int, jitter: float, limits: SourceLimits = LIMITS) -> float:
    """Return how long to wait after the failures so far, with full jitter.

    jitter: a random number of [0, 1). What a person must mend waits at least half its bound.
    """
    if PATIENCE.get(reason) is Patience.LATER:
        bound_s = min(limits.later_cap_s, limits.later_base_s * float(1 << min(failures, 16)))
        return bound_s * (0.5 + jitter / 2)
    bound_s = min(limits.backoff_cap_s, limits.backoff_base_s * float(1 << min(failures, 16)))
    return max(limits.backoff_least_s, bound_s * jitter)
