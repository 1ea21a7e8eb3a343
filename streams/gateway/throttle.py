"""Knows how often an address may guess a key. Does not know whether a guess was right."""

from collections import OrderedDict


class Throttle:
    """A bucket of guesses per address, refilled over time.

    Bounded: beyond `addresses` the longest unseen one is forgotten, which gives it a full
    bucket again; a key has far more entropy than that is worth.
    """

    def __init__(self, guesses: int, refill_s: float, addresses: int = 4096) -> None:
        self._guesses = guesses
        self._refill_s = refill_s
        self._limit = addresses
        self._left: OrderedDict[str, tuple[float, float]] = OrderedDict()

    def _now_left(self, address: str, now_s: float) -> float:
        left, seen_s = self._left.get(address, (float(self._guesses), now_s))
        return min(self._guesses, left + max(0.0, now_s - seen_s) / self._refill_s)

    def wait_s(self, address: str, now_s: float) -> float:
        """Return how long the address must wait before its next guess; 0 means go on."""
        left = self._now_left(address, now_s)
        return 0.0 if left >= 1 else (1 - left) * self._refill_s

    def failed(self, address: str, now_s: float) -> None:
        """Take one guess from the address."""
        left = self._now_left(address, now_s)
        self._left[address] = (max(0.0, left - 1), now_s)
        self._left.move_to_end(address)
        while len(self._left) > self._limit:
            self._left.popitem(last=False)
