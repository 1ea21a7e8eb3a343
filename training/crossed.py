"""Knows which pictures each of several models of one cross-validation judges. Asks none of them."""

from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass

from training.learnt import tested_by
from training.refusal import Refusal
from training.sets.samples import Sample
from workers.manifest import Entry


class NotCrossed(Refusal):
    """Several models are not of one cross-validation; the lines say why, and what to do."""


@dataclass(frozen=True, slots=True, eq=False)
class Asked:
    """One model, and the pictures that it is asked about."""

    entry: Entry
    samples: tuple[Sample, ...]

    def and_of(self, make: Callable[[Sequence[Sample]], Iterable[Sample]]) -> "Asked":
        """Return the same with the pictures that are made of these."""
        return Asked(self.entry, (*self.samples, *make(self.samples)))


def crossed(samples: Sequence[Sample], entries: Sequence[Entry]) -> tuple[Asked, ...]:
    """Return what each model judges: what was on its own test side, by its `split.csv`.

    Raises NotCrossed where a model does not say what that was, where two judge the same picture,
    and where no picture is left; OSError.
    """
    asked: list[Asked] = []
    judges: dict[str, str] = {}
    for entry in entries:
        names = tested_by(entry.file.parent)
        if names is None:
            raise NotCrossed(
                f"{entry.label} does not say which pictures it was tested on: it has no split.csv.",
                "Several models are judged together only if `ostiary train --fold` made them.",
            )
        mine = tuple(sample for sample in samples if sample.name in names)
        both = [sample.name for sample in mine if sample.name in judges]
        if both:
            raise NotCrossed(
                f"{judges[both[0]]} and {entry.label} were both tested on {both[0]}: they are not "
                "folds of one cross-validation."
            )
        judges |= dict.fromkeys((sample.name for sample in mine), entry.label)
        asked.append(Asked(entry, mine))
    if not judges:
        raise NotCrossed(
            "None of the pictures was on the test side of these models.",
            "Name the folder that they were trained with by --data.",
        )
    return tuple(asked)


def judged_by(asked: Sequence[Asked], there: int) -> Iterator[str]:
    """Yield how many pictures each model judged, and how many nobody; there: of how many."""
    each = ", ".join(f"{one.entry.label} {len(one.samples):,}" for one in asked)
    yield f"Each model judged the pictures of its own test side: {each}."
    none = there - sum(len(one.samples) for one in asked)
    if none:
        yield f"{none:,} of {there:,} pictures were on none of these test sides: not judged."
