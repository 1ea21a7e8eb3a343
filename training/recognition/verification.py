"""Knows how an embedder is judged on pairs of pictures. Draws nothing, prints nothing."""

from dataclasses import dataclass, replace
from pathlib import Path
from typing import Final

import numpy as np
from numpy.typing import NDArray

from training.draw import Template
from training.live import live_detector, live_runtime
from training.looking import FINE_PX, Eyes
from training.recognition.embedding import Bench, Look, Vectors, embedded
from training.recognition.faces import Faces, identities
from training.recognition.occluding import Hidden
from training.recognition.pairs import Pairs, every_pair, numbered, placed, read_pairs
from training.recognition.photographs import aligned
from training.recognition.rates import (
    DISTANCE,
    Folds,
    Impostors,
    Owned,
    at_distance,
    impostors,
    over_folds,
    true_accepts,
)
from training.refusal import Refusal
from workers.detector import Detector
from workers.manifest import Entry, load_manifest

CHUNK: Final = 1 << 18  # pairs whose cosines are computed at once
MOST_PAIRS: Final = 50_000_000


@dataclass(frozen=True, slots=True)
class Question:
    """What is compared.

    pictures: a folder or a zip, a folder for each person there. pairs: a file of pairs; every pair
    where there is none. raw: the pictures are not aligned. masks: which of a pair's two pictures,
    first and second, are given masks. seed: of the masks. templates: photographed masks.
    between: how the files' names of a pair's two pictures begin, where not all are compared.
    hidden: what hides a share of every picture.
    """

    pictures: Path
    pairs: Path | None = None
    raw: bool = False
    masks: tuple[bool, bool] = (False, False)
    seed: int = 0
    templates: tuple[Template, ...] = ()
    between: tuple[str, str] = ("", "")
    hidden: Hidden | None = None

    def look(self, masked: bool) -> Look:
        """Return how a pair's picture is shown, one that is given a mask or one that is not."""
        look = Look(self.pictures, self.raw, hidden=self.hidden, seed=self.seed)
        if masked:
            return replace(look, masked=True, templates=self.templates)
        return look if self.hidden else replace(look, seed=0)


@dataclass(frozen=True, slots=True, eq=False)
class Verification:
    """What an embedder is worth on some pairs.

    at_distance: the accuracy at DISTANCE. genuine: the cosines of one person's pairs. impostors: of
    all pairs across identities among the pictures that the pairs name. true_accepts, thresholds: by
    false accept rate, None where the impostors are too few. not_found: pictures without a face that
    was found; their pairs are counted as rejected.
    """

    model: str
    pairs: int
    people: int
    pictures: int
    folds: Folds
    at_distance: float
    genuine: NDArray[np.float32]
    impostors: Impostors
    true_accepts: dict[str, float | None]
    ms_per_face: float
    not_found: tuple[str, ...]

    @property
    def thresholds(self) -> dict[str, float | None]:
        """The cosine at each false accept rate."""
        return dict(self.impostors.thresholds())


def verify(question: Question, entry: Entry, bench: Bench) -> Verification:
    """Judge an embedder on pairs. Raises Refusal, Unreadable, WeightsError, OSError."""
    faces, not_found = faces_of(question, bench)
    pairs, faces = _pairs(question, faces)
    one, other = (embedded(faces, question.look(m), entry, bench) for m in question.masks)
    left, right = one.vectors, other.vectors
    cosines = cosines_of(left, right, pairs)
    lost = np.isin(faces.names, not_found)
    cosines[lost[pairs.first] | lost[pairs.second]] = -1
    others = _impostors(question, (left, right), faces, ~lost)
    genuine = cosines[pairs.same]
    return Verification(
        entry.label,
        len(pairs.same),
        len(set(faces.people)),
        len(faces.names),
        over_folds(cosines, pairs.same, pairs.fold),
        at_distance(cosines, pairs.same, DISTANCE),
        genuine,
        others,
        true_accepts(genuine, others.thresholds()),
        one.ms_per_face,
        not_found,
    )


def _impostors(
    question: Question, sides: tuple[Vectors, Vectors], faces: Faces, found: NDArray[np.bool_]
) -> Impostors:
    """Return all pairs across identities of pictures on which a face was found."""
    people = faces.numbers()
    chosen = [found & begins(faces, start) for start in question.between]
    left, right = (Owned(side[c], people[c]) for side, c in zip(sides, chosen, strict=True))
    within = len(set(question.masks)) == len(set(question.between)) == 1
    return impostors(left, None if within else right)


def begins(faces: Faces, start: str) -> NDArray[np.bool_]:
    """Return which files' names begin so, (N,)."""
    return np.array([name.rpartition("/")[2].startswith(start) for name in faces.names])


def faces_of(question: Question, bench: Bench) -> tuple[Faces, tuple[str, ...]]:
    """Return the faces to compare, and the names of pictures on which none was found."""
    if not question.raw:
        return identities(question.pictures), ()
    fine = load_manifest()["detector"]
    eyes = Eyes(
        live_detector(bench.cache), Detector(live_runtime(fine, bench.cache), fine, FINE_PX)
    )
    return aligned(question.pictures, eyes, bench.report)


def _pairs(question: Question, faces: Faces) -> tuple[Pairs, Faces]:
    """Return the pairs, and the faces that they name: places are of those."""
    if question.pairs is None:
        count = len(faces.names) * (len(faces.names) - 1) // 2
        if count > MOST_PAIRS:
            raise Refusal(
                f"{len(faces.names):,} pictures are {count:,} pairs, more than {MOST_PAIRS:,}.",
                "Name fewer pictures, or the pairs by --pairs.",
            )
        left, right = (begins(faces, start) for start in question.between)
        pairs = every_pair(faces.numbers(), left, right)
    else:
        pairs = placed(read_pairs(question.pairs), numbered(faces.names))
        used = np.unique(np.concatenate([pairs.first, pairs.second]))
        first, second = (np.searchsorted(used, side) for side in (pairs.first, pairs.second))
        pairs, faces = Pairs(first, second, pairs.same, pairs.fold), faces.where(used)
    if pairs.same.all() or not pairs.same.any():
        raise Refusal(
            f"All {len(pairs.same):,} pairs are of {'one person' if pairs.same.all() else 'two'}.",
            "Pairs of both kinds are needed: two people at least, one with two pictures.",
        )
    return pairs, faces


def cosines_of(left: Vectors, right: Vectors, pairs: Pairs) -> NDArray[np.float32]:
    """Return each pair's cosine (N,), the first of left, the second of right."""
    parts = []
    for begin in range(0, len(pairs.same), CHUNK):
        some = slice(begin, begin + CHUNK)
        parts.append(np.einsum("nd,nd->n", left[pairs.first[some]], right[pairs.second[some]]))
    return np.concatenate(parts).astype(np.float32)
