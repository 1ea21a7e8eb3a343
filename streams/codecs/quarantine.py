"""Knows which cameras kill decoders. Does not know how a decoder dies."""

from collections import deque
from dataclasses import dataclass, field
from typing import Final

KILLS: Final = 3
WITHIN_S: Final = 60.0


@dataclass(slots=True)
class Quarantine:
    """A camera that kills three children in a minute is refused until somebody changes it."""

    _kills: dict[str, deque[float]] = field(default_factory=dict)
    reasons: dict[str, str] = field(default_factory=dict)  # camera → what is shown

    def blame(self, camera: str, why: str, now_s: float) -> bool:
        """Note a kill; return whether the camera is quarantined now."""
        kills = self._kills.setdefault(camera, deque(maxlen=KILLS))
        kills.append(now_s)
        if len(kills) == KILLS and now_s - kills[0] <= WITHIN_S:
            self.reasons[camera] = f"its packets {why} the decoder {KILLS} times in a minute"
        return camera in self.reasons

    def forgive(self, camera: str) -> None:
        """Forget a camera's kills, as when it was changed or removed."""
        self._kills.pop(camera, None)
        self.reasons.pop(camera, None)
