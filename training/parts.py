"""Knows which pictures a figure rests on, and how classes are scored. Computes no figure."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Final

import numpy as np
from numpy.typing import NDArray

from training.answers import Answers
from training.intervals import Said
from training.prepare import SAME_PICTURE, near_duplicates
from training.sets.classes import INCORRECT, MISSING, WORN, Task
from training.sets.ferplus import verdicts
from training.sets.files import Unreadable
from training.sets.known import FACES
from training.sets.made import MADE
from training.sets.samples import Sample, names_in

TWO: Final = "{0} is a mask worn or worn wrongly (both probabilities added), {1} is no mask"
FOUND: Final = "face found by the detector"
FAR_PX: Final = 32  # of a face
SMALLEST_PX: Final = 16
FRESH: Final = "no near-duplicate in Training"
FERPLUS: Final = "FER+ majority"

Chosen = NDArray[np.bool_]


@dataclass(slots=True)
class Split:
    """What is scored: the headline, the same in two classes, by FER+'s votes, and parts of these.

    rule: how classes are scored, in a sentence. main: which answers the headline rests on.
    """

    whole: Said
    main: Chosen
    rule: str
    two: Said | None = None
    ferplus: Said | None = None
    ferplus_left_out: Mapping[str, int] = field(default_factory=dict)
    parts: dict[str, Said] = field(default_factory=dict)

    @property
    def headline(self) -> Said:
        """What is stated first."""
        return self.whole.where(self.main)

    def add(self, name: str, said: Said) -> None:
        """Add a part, unless nothing is in it."""
        if len(said.truth):
            self.parts[name] = said


def split(answers: Answers, task: Task, learnt: Sequence[Sample]) -> Split:
    """Return what is scored; learnt: the pictures that were left out as trained on."""
    found = _masks(answers, task) if task.name == "mask" else _expressions(answers, task, learnt)
    if not answers.found[found.main].all():
        found.add(FOUND, found.whole.where(found.main & answers.found))
    sources = np.array([sample.source for sample in answers.samples])
    for source in sorted(set(sources.tolist())):
        chosen = sources == source
        if np.array_equal(chosen, found.main):
            continue
        part = found.whole.where(chosen)
        if task.name == "expression":  # each set has its own words, and figures of its own
            mine = [sample for sample in answers.samples if sample.source == source]
            part = replace(part, names=names_in(mine, task))
        found.add(source, part)
    return found


def said_of(answers: Answers, names: Sequence[str]) -> Said:
    """Return what was said, by the names of the classes."""
    return Said(answers.chances, answers.truth, answers.side_px, names, answers.groups)


def _masks(answers: Answers, task: Task) -> Split:
    """Score three classes where some picture shows a mask worn wrongly, else two."""
    beside = np.array([one.source == FACES or one.kind == MADE for one in answers.samples])
    main = ~beside | beside.all()
    three = said_of(answers, names_in(answers.samples, task))
    two = two_classes(three.where(main))
    rule = TWO.format(*two.names)
    if INCORRECT in three.truth:
        left_out = three.names[INCORRECT]
        rule = f'Three classes. In "two classes" {left_out} is left out: {rule}.'
        split = Split(three, main, rule, two if len(set(two.truth.tolist())) == 2 else None)
    else:
        split = Split(two_classes(three), main, f"Two classes: {rule}.")
    kinds = np.array([sample.kind for sample in answers.samples])
    if {"real", "drawn"} <= set(kinds[main].tolist()):
        split.add("real", split.whole.where(main & (kinds == "real")))
        split.add("drawn", split.whole.where(main & (kinds == "drawn")))
        _by_distance(split, three.where(main & (kinds == "real")))
    looks = np.array([sample.people for sample in answers.samples])
    for kind in sorted(set(looks[kinds == "real"].tolist()) - {""}):
        split.add(
            f"bare, said to be {kind}", split.whole.where((kinds == "real") & (looks == kind))
        )
    return split


def _by_distance(split: Split, three: Said) -> None:
    """Add real faces with against without a mask, from FAR_PX up and below."""
    two = two_classes(three)
    near, seen = two.side_px >= FAR_PX, two.side_px >= SMALLEST_PX
    split.add(f"two classes, real, from {FAR_PX} px", two.where(near))
    split.add(f"two classes, real, {SMALLEST_PX} to {FAR_PX} px", two.where(seen & ~near))


def two_classes(said: Said) -> Said:
    """Return with and without a mask of three classes; pictures of masks worn wrongly go."""
    kept = said.truth != INCORRECT
    chances = said.chances[kept]
    masked = chances[:, WORN] + chances[:, INCORRECT]
    return Said(
        np.stack([masked, chances[:, MISSING]], axis=1),
        (said.truth[kept] == MISSING).astype(np.intp),
        said.side_px[kept],
        [said.names[WORN], said.names[MISSING]],
        said.groups[kept],
    )


def _expressions(answers: Answers, task: Task, learnt: Sequence[Sample]) -> Split:
    """Score FER2013's tiles where there are any, and other sets beside them; else all sets."""
    tiles = np.array([sample.sheet for sample in answers.samples], np.bool_)
    main = tiles if tiles.any() else ~tiles
    samples = [answers.samples[place] for place in np.flatnonzero(main)]
    whole = said_of(answers, names_in(samples, task))
    split = Split(whole, main, "Seven classes, by the data's own labels.")
    if not tiles.any():
        return split
    headline, fresh = split.headline, ~repeated(samples, learnt)
    if not fresh.all():
        split.add(FRESH, headline.where(fresh))
    votes = verdicts(samples)
    if votes is not None:
        voted = replace(headline, truth=votes.truth)
        split.ferplus_left_out = votes.left_out
        split.ferplus = voted.where(votes.truth >= 0) if (votes.truth >= 0).any() else None
        split.add(f"{FERPLUS}, more than half of the votes", voted.where(votes.clear))
        if not fresh.all():
            split.add(f"{FERPLUS}, {FRESH}", voted.where(fresh & (votes.truth >= 0)))
            split.add(
                f"{FERPLUS}, more than half of the votes, {FRESH}", voted.where(fresh & votes.clear)
            )
    return split


def repeated(samples: Sequence[Sample], learnt: Sequence[Sample]) -> Chosen:
    """Return which tiles (N,) show a tile of Training again; none where Training is not there."""
    tiles = [pixels for sample in learnt if sample.sheet and (pixels := _tile(sample)) is not None]
    if not tiles:
        return np.zeros(len(samples), np.bool_)
    mine = np.stack([sample.read() for sample in samples])
    return near_duplicates(mine, np.stack(tiles), SAME_PICTURE)


def _tile(sample: Sample) -> NDArray[np.uint8] | None:
    try:
        return sample.read()
    except Unreadable:
        return None
