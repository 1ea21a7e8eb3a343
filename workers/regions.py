"""Knows which part of a detector's input covers what is worth seeing. Does not know why it is.

Parts come in six sizes, as each costs a compiled network for each lane: half of the longer side or
all of it, half of the shorter, three quarters, or all. They begin at multiples of the coarsest
stride, so that a part's anchors lie where the whole's lie. A closer look, at twice the scale, is as
large as the whole input: it costs the same and needs no network of its own.
"""

from dataclasses import dataclass, field
from typing import Final

import numpy as np
from numpy.typing import NDArray

STEP_PX: Final = 32  # the detector's coarsest stride
LONGER: Final = (0.5,)  # shares of a side, beside the whole
SHORTER: Final = (0.5, 0.75)
LEAST_PX: Final = 192  # smaller parts save little and show too little around a face
MARGIN_PX: Final = 32  # seen around what is worth seeing

Area = NDArray[np.float32]  # (4,) x1 y1 x2 y2 in 0..1 of the picture
WHOLE: Final[Area] = np.array([0, 0, 1, 1], np.float32)


@dataclass(frozen=True, slots=True, eq=False)
class Sight:
    """What of a picture is looked at. closely: at twice the scale, where one input holds it."""

    area: Area = field(default_factory=lambda: WHOLE)
    closely: bool = False


@dataclass(frozen=True, slots=True)
class Size:
    """The size of a detector's input, pixels."""

    width_px: int
    height_px: int


@dataclass(frozen=True, slots=True)
class Part:
    """Where a part lies in the whole input, pixels."""

    left_px: int
    top_px: int
    size: Size


def part(area: Area, scaled: Size, whole: Size) -> Part:
    """Return the smallest part of the input that covers an area with its margin.

    scaled: of the picture inside the input, whose size with its padding is `whole`.
    """
    wide, high = sides(whole)
    left, width = _along(float(area[0]), float(area[2]), scaled.width_px, wide)
    top, height = _along(float(area[1]), float(area[3]), scaled.height_px, high)
    return Part(left, top, Size(width, height))


def window(area: Area, scaled: Size, whole: Size, size: Size) -> Part | None:
    """Return the part of one size that covers an area with its margin; None if it is too small.

    scaled, whole: as `part` takes them; size: not above the whole's.
    """
    left, width = _along(
        float(area[0]), float(area[2]), scaled.width_px, (size.width_px, whole.width_px)
    )
    top, height = _along(
        float(area[1]), float(area[3]), scaled.height_px, (size.height_px, whole.height_px)
    )
    return Part(left, top, size) if Size(width, height) == size else None


def _along(begin: float, end: float, scaled_px: int, lengths: tuple[int, ...]) -> tuple[int, int]:
    """Return where a part begins and how long it is, along one side; the last length is all."""
    first_px = max(0.0, begin * scaled_px - MARGIN_PX)
    last_px = min(float(lengths[-1]), end * scaled_px + MARGIN_PX)
    start_px = int(first_px) // STEP_PX * STEP_PX
    length_px = next((one for one in lengths if last_px - start_px <= one), lengths[-1])
    return min(start_px, lengths[-1] - length_px), length_px


def sides(whole: Size) -> tuple[tuple[int, ...], tuple[int, ...]]:
    """Return how wide and how high a part of an input may be, the smallest first."""
    landscape = whole.width_px >= whole.height_px
    return (
        _lengths(whole.width_px, LONGER if landscape else SHORTER),
        _lengths(whole.height_px, SHORTER if landscape else LONGER),
    )


def _lengths(whole_px: int, shares: tuple[float, ...]) -> tuple[int, ...]:
    least = (max(round(whole_px * share), LEAST_PX) for share in shares)
    found = {-(-one // STEP_PX) * STEP_PX for one in least}
    return (*sorted(one for one in found if one < whole_px), whole_px)


def part_sizes(whole: Size) -> list[Size]:
    """Return every size that a part of an input may have."""
    wide, high = sides(whole)
    return [Size(width, height) for width in wide for height in high]


def hull(areas: NDArray[np.float32]) -> Area:
    """Return the smallest area around some, (N, 4) with N of at least 1, clipped to the picture."""
    low, high = areas[:, :2].min(axis=0), areas[:, 2:].max(axis=0)
    around: Area = np.clip(np.concatenate([low, high]), 0, 1).astype(np.float32)
    return around
