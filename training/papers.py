"""Knows what the two papers state of their networks. Does not know ours.

A figure that a paper does not print is not here.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Final

from training.sets.classes import TaskName


@dataclass(frozen=True, slots=True)
class Stated:
    """One paper: its figures by class ("accuracy" alone is of all), and what they rest on."""

    title: str
    rests_on: str
    accuracy: float | None
    classes: Mapping[str, Mapping[str, float]]


PAPERS: Final[Mapping[TaskName, Stated]] = {
    "mask": Stated(
        "N. A. Abd Elhameed, M. Saad: Face-mask-detection Project (2023), classification report",
        "767 pictures, a fifth of its set at random, two classes",
        None,  # the report's line for accuracy is cut off; macro and weighted means are 0.99
        {
            "with_mask": {"precision": 0.99, "recall": 0.99, "f1": 0.99, "support": 383},
            "without_mask": {"precision": 0.99, "recall": 0.99, "f1": 0.99, "support": 384},
        },
    ),
    "expression": Stated(
        "S. Wu: MobileNet-based facial expression recognition system (2023), section 4",
        "its own test folder of FER2013, seven classes; nothing is stated by class",
        0.6450,
        {},
    ),
}
