"""Knows where labels lie beside their boxes. Does not know what they say, nor how they are drawn.

Places are whole pixels, from the picture's upper left corner.
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Final

LABEL_COST: Final = 10  # a label on a label hides both
FACE_COST: Final = 2  # a label on another's face; on its own it costs half
SLIDES: Final = (0.0, 1.0, 0.5)  # along a side: from its left, its right, its middle


@dataclass(frozen=True, slots=True)
class Area:
    """A rectangle: left, top, width, height."""

    x: int
    y: int
    width: int
    height: int

    def shared(self, other: "Area") -> int:
        """Return how many pixels lie in both."""
        wide = min(self.x + self.width, other.x + other.width) - max(self.x, other.x)
        high = min(self.y + self.height, other.y + other.height) - max(self.y, other.y)
        return max(0, wide) * max(0, high)


def place(
    size: Area, own: int, boxes: Sequence[Area], labels: Sequence[Area], picture: Area
) -> Area:
    """Return where a label lies: wholly in the picture, off other labels and faces if it can.

    size: the label's. own: which of the boxes it belongs to. labels: those placed before.
    Of equally good places the first counts: above, below, beside, then inside the box.
    """

    def cost(spot: Area) -> float:
        hidden = sum(spot.shared(label) for label in labels) * LABEL_COST
        faces = sum(spot.shared(box) for box in boxes) * FACE_COST
        return hidden + faces - spot.shared(boxes[own]) * FACE_COST / 2

    return min((_inside(spot, picture) for spot in _spots(size, boxes[own])), key=cost)


def _spots(size: Area, box: Area) -> Iterator[Area]:
    wide, high = size.width, size.height
    for y in (box.y - high, box.y + box.height):
        for slide in SLIDES:
            yield Area(box.x + round(slide * (box.width - wide)), y, wide, high)
    for x in (box.x + box.width, box.x - wide):
        for slide in SLIDES:
            yield Area(x, box.y + round(slide * (box.height - high)), wide, high)
    yield Area(box.x, box.y, wide, high)
    yield Area(box.x, box.y + box.height - high, wide, high)


def _inside(spot: Area, picture: Area) -> Area:
    x = min(max(spot.x, picture.x), picture.x + max(0, picture.width - spot.width))
    y = min(max(spot.y, picture.y), picture.y + max(0, picture.height - spot.height))
    return Area(x, y, spot.width, spot.height)
