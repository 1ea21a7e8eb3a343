"""Knows what a hub counts and how it adds up. Does not know who counts."""

from collections import Counter
from dataclasses import dataclass, field


@dataclass(slots=True)
class Losses:
    """What did not reach viewers, by reason; each figure only grows.

    packets: the camera's own, once for each viewer. boxes: box messages. pictures: what a shared
    encoder left out. encoders: its children that died.
    """

    packets: Counter[str] = field(default_factory=Counter)
    boxes: Counter[str] = field(default_factory=Counter)
    pictures: Counter[str] = field(default_factory=Counter)
    encoders: int = 0

    def add(self, other: "Losses") -> None:
        """Take the figures of somebody who left, or of a part, in."""
        self.packets.update(other.packets)
        self.boxes.update(other.boxes)
        self.pictures.update(other.pictures)
        self.encoders += other.encoders


@dataclass(frozen=True, slots=True)
class ViewerFigures:
    """What the hub does now, and what it lost since it started."""

    viewers: int
    encoders: int
    lost: Losses = field(default_factory=Losses)
