"""Knows how a sender's clock and 90 kHz time become pts, captured_ns and epochs.

Does not know where packets come from, and reads no clock: every arrival is an argument.

Theory: a camera's RTP time is a counter of 32 bits from a random start; sender reports (RFC 3550
6.4.1) tie one value of it to the camera's wall clock. For each access unit the difference between
the time that the camera states and our arrival time is one noisy measure of the offset between
the two clocks (noisy by the network's delay). The learnt offset follows these measures by at most
5 ms/s, so that a burst moves it little and a drifting clock is followed. What stays more than 1 s
away for two seconds is a clock that was set: then a new epoch begins.
"""

from dataclasses import dataclass, replace
from typing import Final

from engine.packets import PTS_HZ

NTP_TO_UNIX_S: Final = 2_208_988_800
NS: Final = 1_000_000_000


@dataclass(frozen=True, slots=True)
class ClockLimits:
    """How the learnt offset may move."""

    slew_ns_per_s: int = 5_000_000
    jump_ns: int = NS
    jump_confirmed_after_ns: int = 2 * NS
    believable_ns: int = 86_400 * NS  # further off, it is no UTC (time since start, 1970)


LIMITS: Final = ClockLimits()


@dataclass(frozen=True, slots=True)
class SenderReport:
    """One RTP time and the sender's UTC at it."""

    rtp_time: int  # uint32
    sender_ns: int


def ntp_to_utc_ns(seconds: int, fraction: int) -> int:
    """Return UTC ns of an NTP time stamp (RFC 5905 6), its fraction in 2^-32 s."""
    return (seconds - NTP_TO_UNIX_S) * NS + (fraction * NS >> 32)


def rtp_distance(later: int, earlier: int) -> int:
    """Return the signed distance of two RTP times, taking the shorter way around 2^32."""
    return ((later - earlier + (1 << 31)) & 0xFFFFFFFF) - (1 << 31)


def unwrap(previous: int, rtp_time: int) -> int:
    """Return the unbounded time nearest to `previous` whose low 32 bits are rtp_time."""
    return previous + rtp_distance(rtp_time, previous & 0xFFFFFFFF)


def ticks_to_ns(ticks: int, clock_hz: int = PTS_HZ) -> int:
    """Return a duration in ns."""
    return ticks * NS // clock_hz


def next_epoch_ms(previous_ms: int, now_ns: int) -> int:
    """Return a new epoch: the present UTC in ms, and at least the previous plus one."""
    return max(previous_ms + 1, now_ns // 1_000_000)


@dataclass(frozen=True, slots=True)
class SenderClock:
    """What is known of one connection's clock; `observe` returns what is known after a picture.

    offset_ns: sender's time minus arrival, as learnt; 0 while the sender gave no time.
    error_ns: the newest measure, for show; learnt: whether offset_ns has a source.
    """

    report: SenderReport | None = None
    offset_ns: int = 0
    error_ns: int = 0
    learnt: bool = False
    _seen_ns: int = 0
    _far_since_ns: int | None = None

    def interrupted(self) -> "SenderClock":
        """Return the clock after the RTP time line broke: the old report says nothing of it."""
        return replace(self, report=None, _far_since_ns=None)

    def reported(self, report: SenderReport) -> "SenderClock":
        """Return the clock after a sender report."""
        return replace(self, report=report)

    def observe(
        self, rtp_time: int, arrival_ns: int, limits: ClockLimits = LIMITS
    ) -> "SenderClock":
        """Return the clock after an access unit that came at arrival_ns."""
        if self.report is None:
            return replace(self, _seen_ns=arrival_ns)
        ticks = rtp_distance(rtp_time, self.report.rtp_time)
        measure_ns = self.report.sender_ns + ticks_to_ns(ticks) - arrival_ns
        known = replace(self, error_ns=measure_ns, _seen_ns=arrival_ns)
        if abs(measure_ns) > limits.believable_ns:
            return replace(known, _far_since_ns=None)
        distance_ns = measure_ns - self.offset_ns
        if abs(distance_ns) > limits.jump_ns:
            since_ns = arrival_ns if self._far_since_ns is None else self._far_since_ns
            return replace(known, _far_since_ns=since_ns)
        passed_ns = max(0, arrival_ns - self._seen_ns)
        step_ns = min(abs(distance_ns), passed_ns * limits.slew_ns_per_s // NS)
        moved_ns = self.offset_ns + (step_ns if distance_ns > 0 else -step_ns)
        return replace(known, offset_ns=moved_ns, learnt=True, _far_since_ns=None)

    def jumped(self, arrival_ns: int, limits: ClockLimits = LIMITS) -> bool:
        """Return whether the sender's clock was set: a new epoch is due."""
        since_ns = self._far_since_ns
        return since_ns is not None and arrival_ns - since_ns >= limits.jump_confirmed_after_ns

    def begun(self, limits: ClockLimits = LIMITS) -> "SenderClock":
        """Return the clock for a new epoch: the newest believable measure becomes its offset."""
        if self.report is None:
            return self
        if abs(self.error_ns) > limits.believable_ns:
            return replace(self, offset_ns=0, learnt=False, _far_since_ns=None)
        return replace(self, offset_ns=self.error_ns, learnt=True, _far_since_ns=None)


@dataclass(frozen=True, slots=True)
class EpochTime:
    """One epoch's running time: pts from its start and captured_ns, monotone within it."""

    epoch_ms: int
    first_rtp: int  # unwrapped
    last_rtp: int  # unwrapped
    captured_ns: int

    @classmethod
    def start(cls, epoch_ms: int, rtp_time: int, captured_ns: int) -> "EpochTime":
        """Return an epoch whose first access unit has pts 0."""
        return cls(epoch_ms, rtp_time, rtp_time, captured_ns)

    @property
    def pts(self) -> int:
        """Ticks of 90 kHz since the epoch's first access unit; before it only by reordering."""
        return self.last_rtp - self.first_rtp

    def advanced(self, rtp_time: int, captured_ns: int) -> "EpochTime":
        """Return the time at the next access unit; captured_ns never goes back."""
        return replace(
            self,
            last_rtp=unwrap(self.last_rtp, rtp_time),
            captured_ns=max(captured_ns, self.captured_ns + 1),
        )

    def continues(self, rtp_time: int, ahead_s: float = 10.0, back_s: float = 1.0) -> bool:
        """Return whether an RTP time can follow the last one, else the sender began anew.

        Back it goes only by reordering, which spans a few pictures.
        """
        distance = rtp_distance(rtp_time, self.last_rtp & 0xFFFFFFFF)
        return -back_s * PTS_HZ <= distance <= ahead_s * PTS_HZ
