"""Knows how a share of faces that are found is figured, with its interval. Runs no network.

Faces of one film, person or picture are alike, so that an interval comes of drawing these groups,
not faces (B. Efron, Annals of Statistics 7, 1979).
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray

from engine.boxes import iou_matrix
from engine.faces import Detections

# the tracker's least, one between, the detector's, what begins a track
LIMITS: Final = (0.3, 0.4, 0.5, 0.6)
LIVE: Final = 0.5
SAME_FACE: Final = 0.5  # intersection over union
RESAMPLES: Final = 1000
FEWEST: Final = 10  # bare faces that a comparison needs
AIM_POINTS: Final = 3.0
SIZES: Final = ((0, 16, "<16"), (16, 32, "16-32"), (32, 64, "32-64"), (64, 128, "64-128"),
                (128, np.inf, ">128"))  # fmt: skip


@dataclass(frozen=True, slots=True)
class Look:
    """One face looked at with and without a mask, or once only.

    way: the kind of mask, or the class, or what the film shows. side_px: the shorter side of the
    face's box as the detector sees it. bare, masked: the best score with which it was found, 0
    where it was not; of a face that is looked at once, bare is 1.
    """

    group: str
    way: str
    side_px: float
    bare: float
    masked: float
    shrunk: bool = False


def best_match(box: NDArray[np.float32], found: Detections) -> float:
    """Return the best score of the finds that are the face in a box (4,); 0 where none is."""
    same = iou_matrix(box[None], found.boxes)[0] >= SAME_FACE
    return float(found.scores[same].max(initial=0.0))


def row(looks: Sequence[Look], limit: float) -> dict[str, Any]:
    """Return what share is found at a score from `limit`, and what the mask costs, in percent.

    loss_ci: the middle 95 % over draws of groups; None with fewer than two groups.
    """
    sums, drawn = _sums(looks, limit, 0)
    count, bare, masked = sums.sum(axis=0)
    losses = (drawn[:, 1] - drawn[:, 2]) / drawn[:, 0]
    return {
        "faces": int(count),
        "groups": len(sums),
        "shrunk": sum(look.shrunk for look in looks),
        "limit": limit,
        "bare": _percent(bare / count),
        "found": _percent(masked / count),
        "loss": _percent((bare - masked) / count),
        "loss_ci": _interval(losses) if len(sums) > 1 else None,
    }


def difference(bare: Sequence[Look], masked: Sequence[Look], limit: float) -> dict[str, Any]:
    """Return how many more of other faces are found that are bare, in points; both looked at once.

    loss_ci: as `row` has it; None with fewer than two groups on a side.
    """
    sums, drawn = zip(_sums(bare, limit, 0), _sums(masked, limit, 1), strict=True)
    shares = [one[:, 2].sum() / one[:, 0].sum() for one in sums]
    draws = [one[:, 2] / one[:, 0] for one in drawn]
    return {
        "faces": len(masked),
        "bare_faces": len(bare),
        "groups": len(sums[1]),
        "shrunk": sum(look.shrunk for look in masked),
        "limit": limit,
        "bare": _percent(shares[0]),
        "found": _percent(shares[1]),
        "loss": _percent(shares[0] - shares[1]),
        "loss_ci": _interval(draws[0] - draws[1]) if min(map(len, sums)) > 1 else None,
    }


def _sums(looks: Sequence[Look], limit: float, seed: int) -> tuple[NDArray[Any], NDArray[Any]]:
    """Return groups' faces, found bare, found masked (G, 3), and sums of drawn groups (R, 3)."""
    place = {name: number for number, name in enumerate(sorted({look.group for look in looks}))}
    sums = np.zeros((len(place), 3))
    for look in looks:
        sums[place[look.group]] += 1, look.bare >= limit, look.masked >= limit
    drawn = np.random.default_rng(seed).integers(0, len(sums), (RESAMPLES, len(sums)))
    return sums, sums[drawn].sum(axis=1)


def _percent(share: float) -> float:
    return round(float(share) * 100, 1)


def _interval(shares: NDArray[np.float64]) -> list[float]:
    return [_percent(share) for share in np.percentile(shares, [2.5, 97.5])]


def rows(looks: Sequence[Look]) -> list[dict[str, Any]]:
    """Return a row for each way at all limits, and for each size of it at two of them."""
    found = []
    for way in sorted({look.way for look in looks}):
        mine = [look for look in looks if look.way == way]
        found += [{"way": way, "size": "all", **row(mine, limit)} for limit in LIMITS]
        found += [
            {"way": way, "size": size, **row(sized, limit)}
            for size, sized in by_size(mine).items()
            for limit in (LIMITS[0], LIVE)
        ]
    return found


def costs(looks: Sequence[Look], bare_of: Callable[[str], str]) -> list[dict[str, Any]]:
    """Return what masks cost where other faces are bare; bare_of: which way a way is held to."""
    ways: dict[str, list[Look]] = {}
    for look in looks:
        ways.setdefault(look.way, []).append(look)
    found = []
    for way, masked in sorted(ways.items()):
        bare = ways.get(bare_of(way), []) if bare_of(way) != way else []
        mine, theirs = by_size(masked), by_size(bare)
        for size, sized in {"all": masked, **mine}.items():
            others = bare if size == "all" else theirs.get(size, [])
            if min(len(others), len(sized)) >= FEWEST:
                found += [
                    {"way": way, "size": size, **difference(others, sized, limit)}
                    for limit in (LIMITS[0], LIVE)
                ]
    return found


def by_size(looks: Sequence[Look]) -> dict[str, list[Look]]:
    """Return the looks by the name of their size, small ones first."""
    named = {name: [one for one in looks if low <= one.side_px < high] for low, high, name in SIZES}
    return {name: sized for name, sized in named.items() if sized}
