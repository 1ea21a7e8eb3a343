"""Knows how a folder of labelled pictures becomes training, validation and test. Trains nothing."""

import hashlib
from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Final

import numpy as np
from numpy.typing import NDArray

from engine.observations import Expression, MaskState
from training.answers import Report
from training.evaluation import check
from training.material import Cut, Cutting, Material, keep_whole
from training.prepare import SAME_PICTURE, Pictures, near_duplicates
from training.recipe import Recipe
from training.refusal import Refusal
from training.sets.classes import TASKS
from training.sets.collect import collect
from training.sets.files import Unreadable, opened
from training.sets.known import CLIPS, clip_samples
from training.sets.pictures import Picture
from training.sets.samples import Sample
from training.splits import Side, side_of

FEWEST: Final = 20  # pictures of a class
WORDS: Final = {"mask": tuple(MaskState), "expression": tuple(Expression)}


class TooLittle(Refusal):
    """The pictures are not enough to train on; the lines say of what, and what to do."""


@dataclass(frozen=True, slots=True)
class Source:
    """Where pictures come from, and how they are divided; fold: which one is the test side."""

    recipe: Recipe
    data: Path
    cache: Path
    seed: int
    fold: int = 0


def gather(source: Source, report: Report) -> Material:
    """Return everything that a recipe is trained and tested on.

    Raises NothingToJudge where a folder holds nothing of the task, TooLittle where a class is
    missing or too rare.
    """
    recipe = source.recipe
    samples, pictures = read(source)
    if source.fold and any(sample.sheet for sample in samples):
        raise Refusal("FER2013 says itself what its test part is: it has no other folds.")
    truth = np.array([recipe.labels.index(_word(recipe, s.truth)) for s in samples], np.intp)
    _enough(recipe, truth)
    if recipe.framing is None:
        cut = keep_whole(pictures)
    else:
        sources = [sample.source for sample in samples]
        cut = Cutting(recipe.framing, source.cache).cut(pictures, sources, report)
    sides = divide(source, samples, cut)
    _every_side(recipe, truth, sides)
    digest = hashlib.sha256()
    for sample, label, side in zip(samples, truth, sides, strict=True):
        digest.update(f"{sample.name} {label} {side}\n".encode())
    for picture in pictures:
        digest.update(picture.tobytes())
    return Material(
        samples,
        cut.crops,
        cut.points,
        cut.found,
        truth,
        sides,
        digest.hexdigest(),
        source.data,
        source.fold,
    )


def read(source: Source) -> tuple[tuple[Sample, ...], list[Picture]]:
    """Return the samples that a recipe uses and can be read, with their pictures."""
    recipe, root = source.recipe, source.data.resolve()
    task = TASKS[recipe.task]
    with opened(root) as files:
        found = collect(files, task, root.stem if root.is_file() else root.name)
        found.absent += files.damaged
        check(found, task, source.data)
        if CLIPS in recipe.sets and (root / CLIPS).is_dir():
            from training.live import live_detector

            found.samples += clip_samples(root, live_detector(source.cache))
        read: list[tuple[Sample, Picture]] = []
        for sample in _of_sets(recipe, found.samples):
            try:
                read.append((sample, sample.read()))
            except Unreadable:
                continue
    return tuple(sample for sample, _ in read), [picture for _, picture in read]


def _of_sets(recipe: Recipe, samples: Sequence[Sample]) -> list[Sample]:
    """Return what a recipe can use: its classes, of its sets where one of them is there."""
    known = [s for s in samples if _word(recipe, s.truth) in recipe.labels]
    mine = [s for s in known if s.source.startswith(recipe.sets)] if recipe.sets else []
    return mine or known


def _word(recipe: Recipe, truth: int) -> str:
    return str(WORDS[recipe.task][truth].value)


def divide(source: Source, samples: Sequence[Sample], cut: Cut) -> NDArray[np.str_]:
    """Return each picture's side, (N,).

    Of FER2013's sheets all but Training is the test side. By groups, what shows a picture of
    another side again is left out.
    """
    by_chance = source.recipe.split == "chance"
    sides = np.array([_side(source, sample).value for sample in samples])
    if by_chance:
        return sides
    for kept, others in (
        (Side.VALIDATION, [Side.TEST]),
        (Side.TRAINING, [Side.TEST, Side.VALIDATION]),
    ):
        mine = np.flatnonzero(sides == kept)
        theirs = np.flatnonzero(np.isin(sides, others))
        again = near_duplicates(_at(cut.crops, mine), _at(cut.crops, theirs), SAME_PICTURE)
        sides[mine[again]] = Side.LEFT_OUT
    return sides


def _at(crops: Pictures, indices: Iterable[int]) -> list[Picture]:
    return [crops[index] for index in indices]


def _side(source: Source, sample: Sample) -> Side:
    by_chance = source.recipe.split == "chance"
    group = f"{source.seed}/{sample.name}" if by_chance else sample.group or sample.name
    if not sample.sheet:
        return side_of(group, fold=source.fold)
    return side_of(group, 6, 0) if sample.trained else Side.TEST


def _enough(recipe: Recipe, truth: NDArray[np.intp]) -> None:
    counts = Counter(recipe.labels[label] for label in truth)
    missing = [name for name in recipe.labels if not counts[name]]
    if missing:
        raise TooLittle(
            f"There is no picture of: {', '.join(missing)}.",
            f"The recipe {recipe.name} needs {', '.join(recipe.labels)}. {_others(recipe)}",
        )
    few = [f"{name} ({counts[name]})" for name in recipe.labels if counts[name] < FEWEST]
    if few:
        raise TooLittle(f"Too few pictures of: {', '.join(few)}. {FEWEST} of each are the least.")


def _others(recipe: Recipe) -> str:
    return "Two classes are enough for --recipe paper." if recipe.task == "mask" else ""


def _every_side(recipe: Recipe, truth: NDArray[np.intp], sides: NDArray[np.str_]) -> None:
    for side in (Side.TRAINING, Side.VALIDATION, Side.TEST):
        there = set(truth[sides == side].tolist())
        absent = [name for place, name in enumerate(recipe.labels) if place not in there]
        if absent:
            raise TooLittle(
                f"No picture of {', '.join(absent)} falls to the {side.value} part.",
                "Give more pictures, or such that are not near-duplicates of one another.",
            )
