"""Knows how noisy views become one stable statement. Does not know what the labels mean.

Theory of operation. A view stands for the time since the view before it, at most `view_cap_s`,
times its quality: evidence is measured in seconds of clear sight, so 4 pictures a second say as
much as 16. The first view of a track stands for no time at all. Old evidence fades with a
half-life. A statement begins when a label has enough evidence and leads; it stays until another
label leads by more than was needed to begin. Until the first one, undecided is the answer.
"""

import math
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

SECOND_NS = 1_000_000_000


def faded_s(held_s: float, half_life_s: float) -> float:
    """Return what is left at its end of evidence that came in evenly for `held_s` seconds."""
    rate_hz = math.log(2) / half_life_s
    return -math.expm1(-rate_hz * held_s) / rate_hz


@dataclass(frozen=True, slots=True)
class BeliefSettings:
    """What a statement needs.

    votes_needed: evidence for the label, in seconds of perfectly clear sight.
    lead_needed: share of all evidence by which the label leads the second.
    switch_extra: how much more lead it needs to replace another standing label.
    min_probability: share of all evidence that the label needs.
    half_life_s: after this time a view counts half.
    view_cap_s: one view stands for at most this long.
    """

    votes_needed: float = 0.25
    lead_needed: float = 0.25
    switch_extra: float = 0.1
    min_probability: float = 0.6
    half_life_s: float = 0.8
    view_cap_s: float = 0.26

    def __post_init__(self) -> None:
        if min(self.half_life_s, self.view_cap_s) <= 0:
            raise ValueError("half_life_s and view_cap_s must be above 0")
        if self.votes_needed <= faded_s(self.view_cap_s, self.half_life_s):
            raise ValueError("votes_needed must be above what one view can bring")


@dataclass(frozen=True, slots=True)
class Statement:
    """What stands: index of the label or None, its share of the evidence, evidence, views."""

    label: int | None
    probability: float
    votes: float
    count: int


UNDECIDED = Statement(None, 0.0, 0.0, 0)


def weight_of(quality: float) -> float:
    """Return what a view of a quality, 0..1, weighs as evidence, 0..1.

    Quality is a product of parts, so a face that is middling in all of them comes out low; its
    root keeps such a view worth a middling share of a perfect one.
    """
    return math.sqrt(min(1.0, max(0.0, quality)))


class Fading:
    """A sum over time of values (K,) that forgets; exact for any spacing of the views."""

    def __init__(self, size: int, half_life_s: float, view_cap_s: float) -> None:
        self._half_life_s = half_life_s
        self._view_cap_s = view_cap_s
        self._sum = np.zeros(size)
        self._last_ns: int | None = None

    def add(self, values: NDArray[np.float64], now_ns: int) -> None:
        """Add values (K,) as having held since the view before, at most for the cap."""
        if self._last_ns is not None:
            gap_s = max(0, now_ns - self._last_ns) / SECOND_NS
            held_s = min(gap_s, self._view_cap_s)
            kept = 0.5 ** (gap_s / self._half_life_s)
            self._sum = self._sum * kept + faded_s(held_s, self._half_life_s) * values
        self._last_ns = now_ns if self._last_ns is None else max(now_ns, self._last_ns)

    def at(self, now_ns: int) -> NDArray[np.float64]:
        """Return the sum (K,) as it has faded by now."""
        if self._last_ns is None:
            return self._sum.copy()
        gap_s = max(0, now_ns - self._last_ns) / SECOND_NS
        kept: float = 0.5 ** (gap_s / self._half_life_s)
        return self._sum * kept


class Belief:
    """A stable statement over K labels; one object per track and question."""

    def __init__(self, labels: int, settings: BeliefSettings) -> None:
        self._labels = labels
        self._settings = settings
        self._evidence = Fading(labels, settings.half_life_s, settings.view_cap_s)
        self._label: int | None = None
        self._count = 0

    def add(self, probabilities: NDArray[np.floating], weight: float, now_ns: int) -> None:
        """Take one view: probabilities (K,) that sum to 1, and its quality as weight, 0..1."""
        if probabilities.shape != (self._labels,) or not 0 <= weight <= 1:
            raise ValueError(f"need ({self._labels},) and 0..1: {probabilities.shape}, {weight}")
        if not np.isfinite(probabilities).all():
            raise ValueError("probabilities must be finite")
        self._evidence.add(weight * probabilities.astype(np.float64), now_ns)
        self._count += 1
        self._decide(now_ns)

    def disagrees(self, probabilities: NDArray[np.floating]) -> bool:
        """Return whether a view (K,) speaks against what stands, or nothing stands."""
        return self._label is None or int(np.argmax(probabilities)) != self._label

    def statement(self, now_ns: int) -> Statement:
        """Return what stands now; votes have faded since the last view, the label has not."""
        votes = self._evidence.at(now_ns)
        best = int(np.argmax(votes)) if self._label is None else self._label
        total = float(votes.sum())
        share = float(votes[best]) / total if total > 0 else 0.0
        return Statement(self._label, share, float(votes[best]), self._count)

    def _decide(self, now_ns: int) -> None:
        votes = self._evidence.at(now_ns)
        total = float(votes.sum())
        best = int(np.argmax(votes))
        if total <= 0 or best == self._label:
            return
        second = float(np.delete(votes, best).max()) if self._labels > 1 else 0.0
        lead_needed = self._settings.lead_needed
        if self._label is not None:
            lead_needed += self._settings.switch_extra
        enough = votes[best] >= self._settings.votes_needed
        likely = votes[best] / total >= self._settings.min_probability
        if enough and likely and (votes[best] - second) / total >= lead_needed:
            self._label = best
