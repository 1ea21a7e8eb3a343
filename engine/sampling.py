"""Knows which of a camera's pictures are analysed. Does not know how they are decoded."""

from dataclasses import dataclass

SECOND_NS = 1_000_000_000


@dataclass(frozen=True, slots=True)
class SamplingSettings:
    """How often pictures are analysed.

    full_hz: where somebody is there. idle_hz: where nothing moved and nobody was tracked for
    idle_after_s. least_hz: what load may lower it to, for all cameras alike.
    busy_high, busy_low: share of the turn's time spent working, above which the rate falls and
    below which it rises again; fall, rise_hz: by what factor, and by how much a second.
    busy_spare: below that share there is time for closer looks, which cost more.
    """

    full_hz: float = 8.0
    idle_hz: float = 3.0
    idle_after_s: float = 2.0
    least_hz: float = 1.0
    busy_high: float = 0.97
    busy_low: float = 0.92
    busy_spare: float = 0.6
    fall: float = 0.9
    rise_hz: float = 0.5

    def __post_init__(self) -> None:
        if not 0 < self.least_hz <= self.full_hz or not self.idle_hz > 0:
            raise ValueError("rates must be above 0, and least_hz at most full_hz")


class Sampler:
    """Chooses pictures on a grid of time, so that the mean rate is kept whatever the camera's."""

    def __init__(self, pictures_per_s: float) -> None:
        self._interval_ns = _interval_ns(pictures_per_s)
        self._next_ns: int | None = None

    def set_rate(self, pictures_per_s: float) -> None:
        """Go on at another rate; a faster one counts from the last chosen picture."""
        interval_ns = _interval_ns(pictures_per_s)
        if self._next_ns is not None:
            self._next_ns += interval_ns - self._interval_ns
        self._interval_ns = interval_ns

    def due(self, captured_ns: int) -> bool:
        """Return whether the picture of this moment is to be analysed; asked once a picture.

        A gap, or a step back in time, begins the grid anew: nothing is caught up.
        """
        if self._next_ns is None or captured_ns < self._next_ns - 2 * self._interval_ns:
            self._next_ns = captured_ns + self._interval_ns
            return True
        if captured_ns < self._next_ns:
            return False
        late_ns = captured_ns - self._next_ns
        begin_ns = captured_ns if late_ns >= self._interval_ns else self._next_ns
        self._next_ns = begin_ns + self._interval_ns
        return True


def _interval_ns(pictures_per_s: float) -> int:
    if pictures_per_s <= 0:
        raise ValueError(f"a rate must be above 0, got {pictures_per_s}")
    return round(SECOND_NS / pictures_per_s)


class Activity:
    """Whether there is something to see before one camera."""

    def __init__(self, settings: SamplingSettings) -> None:
        self._settings = settings
        self._last_ns: int | None = None

    def wanted_hz(self, moved: bool, tracked: bool, now_ns: int) -> float:
        """Note what the last picture showed; return how many pictures a second are worth it."""
        if moved or tracked or self._last_ns is None or now_ns < self._last_ns:
            self._last_ns = now_ns
        idle = now_ns - self._last_ns > self._settings.idle_after_s * SECOND_NS
        full_hz = self._settings.full_hz
        return min(self._settings.idle_hz, full_hz) if idle else full_hz


def rate_for_load(
    rate_hz: float, busy: float, elapsed_s: float, settings: SamplingSettings
) -> float:
    """Return the next rate for all cameras, from the share of time the worker was busy, 0..1.

    Falls by a factor, rises by steps (as TCP does), so that it settles instead of swinging.
    Called about once a second; `elapsed_s` is the time since the last call.
    """
    if busy > settings.busy_high:
        rate_hz *= settings.fall ** min(elapsed_s, 2.0)
    elif busy < settings.busy_low:
        rate_hz += settings.rise_hz * elapsed_s
    return min(max(rate_hz, settings.least_hz), settings.full_hz)
