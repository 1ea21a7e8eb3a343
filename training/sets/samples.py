"""Knows one labelled picture, of whatever set. Does not know how sets are laid out."""

from collections import Counter
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field

import numpy as np
from numpy.typing import NDArray

from training.sets.classes import Task
from training.sets.pictures import Picture


@dataclass(frozen=True, slots=True, eq=False)
class Sample:
    """One labelled picture that can be read when it is needed.

    source: the set's name. label: the set's own word for the class; truth: the network's.
    trained: whether the shipped network has learnt from it or was chosen by it.
    kind: "real", "drawn" or "", as far as the set says. sheet: whether it is a tile of FER2013.
    votes: FER+'s, (10,): the seven of `Expression`, contempt, unknown, no face; or None.
    group: what near-duplicates and pictures of one person share, as far as the set says.
    people: the word by which the set sorts people by their looks, or "".
    """

    source: str
    name: str
    label: str
    truth: int
    read: Callable[[], Picture]
    trained: bool = False
    kind: str = ""
    sheet: bool = False
    votes: NDArray[np.float32] | None = None
    group: str = ""
    people: str = ""


@dataclass(slots=True)
class Collected:
    """What was found below a root.

    left_out: pictures of classes that are not scored, by class. unknown: such of classes that
    nobody knows, though others beside them are known. elsewhere: pictures that have to do with
    another task, by folder. absent: what a table names and is not there.
    """

    samples: list[Sample] = field(default_factory=list)
    left_out: Counter[str] = field(default_factory=Counter)
    unknown: Counter[str] = field(default_factory=Counter)
    elsewhere: Counter[str] = field(default_factory=Counter)
    absent: list[str] = field(default_factory=list)
    known_sets: set[str] = field(default_factory=set)


def names_in(samples: Sequence[Sample], task: Task) -> list[str]:
    """Return each class's name as most of the pictures have it; the usual one where none has."""
    names = task.usual_names()
    for place in range(len(names)):
        said = Counter(sample.label for sample in samples if sample.truth == place)
        if said:
            names[place] = said.most_common(1)[0][0]
    return names
