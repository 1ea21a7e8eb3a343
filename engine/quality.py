"""Knows when a face is good enough to be used, and how good. Does not know how it is measured."""

from dataclasses import dataclass
from enum import StrEnum


class Unused(StrEnum):
    """Why a face was not used; in the order in which the reasons are given."""

    TOO_SMALL = "too_small"
    TURNED = "turned"
    DARK = "dark"
    BRIGHT = "bright"
    BLURRED = "blurred"


@dataclass(frozen=True, slots=True)
class Measured:
    """What was measured of one face.

    face_px: the shorter side of its box, source pixels. sharpness: variance of the Laplacian of the
    aligned 112x112 grey crop. brightness: that crop's mean, 0..255. yaw_degrees, pitch_degrees:
    from the five points; 0 is frontal, positive is towards the picture's right, and up.
    """

    face_px: float
    sharpness: float
    brightness: float
    yaw_degrees: float
    pitch_degrees: float


@dataclass(frozen=True, slots=True)
class QualityLimits:
    """From where on a face is unused, and from where on it is as good as it gets."""

    face_px: float = 28.0
    good_face_px: float = 90.0
    sharpness: float = 8.0
    good_sharpness: float = 120.0
    darkest: float = 28.0
    brightest: float = 238.0
    turned_degrees: float = 50.0
    frontal_degrees: float = 12.0


@dataclass(frozen=True, slots=True)
class Quality:
    """How good a face is, 0..1, and why it must not be used, or None. An unused face scores 0."""

    score: float
    unused_because: Unused | None


def judge(measured: Measured, limits: QualityLimits) -> Quality:
    """Return a face's quality: the product of what size, sharpness and turn leave of 1.

    Each part falls from 1, where it is good, to a quarter at its limit, so that a face that is just
    good enough in everything still counts for a little.
    """
    reason = reason_against(measured, limits)
    if reason is not None:
        return Quality(0.0, reason)
    turned = max(abs(measured.yaw_degrees), abs(measured.pitch_degrees))
    score = (
        ramp(measured.face_px, limits.face_px, limits.good_face_px)
        * ramp(measured.sharpness, limits.sharpness, limits.good_sharpness)
        * ramp(-turned, -limits.turned_degrees, -limits.frontal_degrees)
    )
    return Quality(score, None)


def reason_against(measured: Measured, limits: QualityLimits) -> Unused | None:
    """Return the first reason not to use a face, or None."""
    turned = max(abs(measured.yaw_degrees), abs(measured.pitch_degrees))
    if measured.face_px < limits.face_px:
        return Unused.TOO_SMALL
    if turned > limits.turned_degrees:
        return Unused.TURNED
    if measured.brightness < limits.darkest:
        return Unused.DARK
    if measured.brightness > limits.brightest:
        return Unused.BRIGHT
    if measured.sharpness < limits.sharpness:
        return Unused.BLURRED
    return None


def ramp(value: float, worst: float, good: float) -> float:
    """Return 0.25 at `worst` or below, 1 at `good` or above, straight between."""
    if good <= worst:
        raise ValueError(f"good ({good}) must be above worst ({worst})")
    return 0.25 + 0.75 * min(1.0, max(0.0, (value - worst) / (good - worst)))
