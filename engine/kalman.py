"""Knows how a box moves between two moments (Kalman filter, seconds). Does not know identities.

Centre x, centre y, width and height are four independent filters of position and velocity,
driven by white acceleration. Noise is measured in face sizes, so the picture's scale is nothing
to it; time is in seconds, so the picture rate is nothing to it either.
"""

from dataclasses import dataclass, replace
from typing import Final

import numpy as np
from numpy.typing import NDArray

Four = NDArray[np.float64]  # (4,) centre x, centre y, width, height

# In face sizes: what a detector's box is off by, and how fast velocity itself wanders.
MEASURE_SIZES: Final = 0.05
WANDER_SIZES_S: Final[Four] = np.array([2.0, 2.0, 0.5, 0.5])
FIRST_SPEED_SIZES_S: Final[Four] = np.array([2.0, 2.0, 0.5, 0.5])
# An unseen face is no longer believed to walk on for ever.
COAST_HALF_LIFE_S: Final = 0.25


@dataclass(frozen=True, slots=True)
class Motion:
    """Where a box is believed to be and how it moves, each field (4,).

    place, speed: px and px/s. var_place, covar, var_speed: their variances and covariance.
    """

    place: Four
    speed: Four
    var_place: Four
    covar: Four
    var_speed: Four


def to_centre(box: NDArray[np.float32]) -> Four:
    """Return centre x, centre y, width, height of a box x1 y1 x2 y2."""
    x1, y1, x2, y2 = (float(side) for side in box)
    return np.array([(x1 + x2) / 2, (y1 + y2) / 2, x2 - x1, y2 - y1])


def to_box(place: Four) -> NDArray[np.float32]:
    """Return the box x1 y1 x2 y2 of centre x, centre y, width, height."""
    half = place[2:] / 2
    return np.concatenate([place[:2] - half, place[:2] + half]).astype(np.float32)


def begin(box: NDArray[np.float32]) -> Motion:
    """Return the belief after one sight of a box (4,): speed unknown, so zero with doubt."""
    place = to_centre(box)
    size = _size(place)
    return Motion(
        place=place,
        speed=np.zeros(4),
        var_place=np.full(4, (MEASURE_SIZES * size) ** 2),
        covar=np.zeros(4),
        var_speed=(FIRST_SPEED_SIZES_S * size) ** 2,
    )


def predict(motion: Motion, dt_s: float) -> Motion:
    """Return the belief `dt_s` seconds later; the width and height at most halve or double."""
    noise = (WANDER_SIZES_S * _size(motion.place)) ** 2
    place = motion.place + motion.speed * dt_s
    sides = motion.place[2:]
    place[2:] = np.clip(place[2:], sides / 2, sides * 2)
    return Motion(
        place=place,
        speed=motion.speed,
        var_place=motion.var_place
        + 2 * dt_s * motion.covar
        + dt_s**2 * motion.var_speed
        + noise * dt_s**3 / 3,
        covar=motion.covar + dt_s * motion.var_speed + noise * dt_s**2 / 2,
        var_speed=motion.var_speed + noise * dt_s,
    )


def correct(motion: Motion, box: NDArray[np.float32]) -> Motion:
    """Return the belief after seeing the box (4,)."""
    seen = to_centre(box)
    spread = motion.var_place + (MEASURE_SIZES * _size(seen)) ** 2
    gain_place, gain_speed = motion.var_place / spread, motion.covar / spread
    off = seen - motion.place
    return Motion(
        place=motion.place + gain_place * off,
        speed=motion.speed + gain_speed * off,
        var_place=(1 - gain_place) * motion.var_place,
        covar=(1 - gain_place) * motion.covar,
        var_speed=motion.var_speed - gain_speed * motion.covar,
    )


def coast(motion: Motion, dt_s: float) -> Motion:
    """Return the belief with less speed, after `dt_s` seconds in which nobody saw the box."""
    return replace(motion, speed=motion.speed * 0.5 ** (dt_s / COAST_HALF_LIFE_S))


def _size(place: Four) -> float:
    return float(np.sqrt(max(place[2] * place[3], 1e-12)))
