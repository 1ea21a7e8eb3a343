"""Knows whether a new track is a visit seen a moment ago. Does not know rules or alerts.

On people cameras faces are compared, which needs no place: whoever turns round may come back
elsewhere. Where no embedding may be made, clothes, place and a short gap must speak together.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from enum import StrEnum

import numpy as np
from numpy.typing import NDArray

from engine.boxes import Box

SECOND_NS = 1_000_000_000


class AppearanceKind(StrEnum):
    """What a visit is found again by."""

    FACE = "face"
    COLOUR = "colour"


@dataclass(frozen=True, slots=True)
class Appearance:
    """What a visit looked like, on its way to the next owner: kept for minutes, never stored.

    vector: float16; (128,) of unit length for a face, else a histogram (B,) that sums to 1.
    """

    visit_id: str
    kind: AppearanceKind
    vector: NDArray[np.float16]
    seen_ns: int


@dataclass(frozen=True, slots=True)
class ReappearanceSettings:
    """When a new track goes on with a visit.

    face_gap_s, colour_gap_s: the longest gap, found by face or by clothes and place.
    face_cosine: least cosine of mean embeddings. colour_overlap: least Bhattacharyya coefficient.
    reach_sizes, reach_sizes_s: how far, in face sizes, a face may be from where it was last
    seen: at once, and more for each second of the gap. size_ratio: by what factor it may grow.
    wait_s: how long a new track waits for a face good enough to compare.
    """

    face_gap_s: float = 8.0
    colour_gap_s: float = 3.0
    face_cosine: float = 0.45
    colour_overlap: float = 0.75
    reach_sizes: float = 1.0
    reach_sizes_s: float = 1.5
    size_ratio: float = 2.0
    wait_s: float = 1.0


@dataclass(frozen=True, slots=True)
class Sight:
    """A track or a visit as it was last seen.

    box: 0..1 of the picture. face: mean embedding (128,) of unit length or None.
    colour: histogram (B,) that sums to 1, or None.
    """

    box: Box
    seen_ns: int
    face: NDArray[np.float32] | None
    colour: NDArray[np.float32] | None


def find(
    new: Sight, gone: Sequence[Sight], by_face: bool, settings: ReappearanceSettings
) -> int | None:
    """Return the index of the visit that the new track most likely goes on with, or None."""
    scores = [_likeness(new, old, by_face, settings) for old in gone]
    best = max(range(len(scores)), key=lambda index: scores[index], default=None)
    return best if best is not None and scores[best] > 0 else None


def _likeness(new: Sight, old: Sight, by_face: bool, settings: ReappearanceSettings) -> float:
    """Return above 0 where both may be one person, the more the likelier."""
    gap_s = max(0, new.seen_ns - old.seen_ns) / SECOND_NS
    if by_face and new.face is not None and old.face is not None:
        cosine = float(new.face @ old.face)
        return cosine if gap_s <= settings.face_gap_s and cosine >= settings.face_cosine else 0.0
    if gap_s > settings.colour_gap_s or not _reachable(new.box, old.box, gap_s, settings):
        return 0.0
    nearness = 1.0 / (1.0 + distance_sizes(new.box, old.box))
    if new.colour is None or old.colour is None:
        return nearness / 2
    overlap = float(np.sqrt(new.colour * old.colour).sum())
    return overlap * nearness if overlap >= settings.colour_overlap else 0.0


def _reachable(new: Box, old: Box, gap_s: float, settings: ReappearanceSettings) -> bool:
    grew = (new.y2 - new.y1) / max(old.y2 - old.y1, 1e-6)
    if not 1 / settings.size_ratio <= grew <= settings.size_ratio:
        return False
    return distance_sizes(new, old) <= settings.reach_sizes + settings.reach_sizes_s * gap_s


def distance_sizes(first: Box, second: Box) -> float:
    """Return how far two boxes' centres are apart, in mean widths and heights of the boxes."""
    width = max((first.x2 - first.x1 + second.x2 - second.x1) / 2, 1e-6)
    height = max((first.y2 - first.y1 + second.y2 - second.y1) / 2, 1e-6)
    across = (first.x1 + first.x2 - second.x1 - second.x2) / 2 / width
    down = (first.y1 + first.y2 - second.y1 - second.y2) / 2 / height
    return float(np.hypot(across, down))
