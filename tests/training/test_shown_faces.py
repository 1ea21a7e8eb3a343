"""What an embedder is shown while it learns: faces bare, masked and behind things, and of whom."""

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from training.augment import Strength
from training.recognition.faces import Faces
from training.recognition.learnt_from import Taught, some_of
from training.recognition.material import make
from training.recognition.recipes import CLEAN, DISTILLED, HIDDEN, UNMASKED
from training.recognition.tables import GROWTH, PAPER_1, as_course
from training.recognition.train import Course

pytestmark = pytest.mark.unit
PLAIN = Strength(turn_degrees=0, shift=0, size=0, light=0, colour=0, worsen=0)
DRAWS = 600
GREY, WHITE = 60, 255
COURSE = Course(DISTILLED, Path("data"), Path("out"), Path("cache"), epochs=2)


def shown(teaching) -> dict[str, float]:
    """Shares of what is drawn: faces are dark and even, masked copies white and even."""
    crops = np.full((2, 112, 112, 3), GREY, np.uint8)
    faces = Faces(("a/1", "b/1"), ("a", "b"), crops)
    masked, classes = np.full((2, 2, 112, 112, 3), WHITE, np.uint8), np.zeros((2, 0), np.float32)
    taught = Taught(faces, masked, classes, np.arange(2), np.arange(0), "")
    sample = make(taught, replace(teaching, strength=PLAIN), Path("nowhere"))
    random, counts = np.random.default_rng(3), dict.fromkeys(("bare", "masked", "hidden"), 0)
    for turn in range(DRAWS):
        crop = sample(turn % 2, 112, random).crop
        even = int(crop.max()) - int(crop.min()) < 6
        counts["hidden" if not even else "masked" if crop.mean() > 150 else "bare"] += 1
    return {kind: count / DRAWS for kind, count in counts.items()}


@pytest.mark.parametrize("teaching", [HIDDEN, UNMASKED])
def test_paper_2_shows_one_clean_face_to_two_occluded_ones(teaching):
    found = shown(teaching)
    assert found == {kind: pytest.approx(1 / 3, abs=0.07) for kind in found}


def test_a_clean_lesson_hides_nothing():
    assert shown(CLEAN) == {"bare": 1, "masked": 0, "hidden": 0}


@pytest.mark.parametrize("size_px", [56, 112, 224])
def test_of_every_size_the_whole_face_is_shown(size_px):
    rows = np.linspace(0, 222, 112).astype(np.uint8)  # dark above, bright below
    crops = np.broadcast_to(rows[None, :, None, None], (1, 112, 112, 3)).copy()
    taught = Taught(Faces(("a/1",), ("a",), crops), crops[None], np.zeros((1, 0), np.float32),
                    np.arange(1), np.arange(0), "")  # fmt: skip
    sample = make(taught, replace(CLEAN, strength=PLAIN), Path("nowhere"))
    crop = sample(0, size_px, np.random.default_rng(5)).crop
    assert crop.shape == (size_px, size_px, 3)
    column, wanted = crop[:, size_px // 2, 0].astype(float), np.linspace(0, 222, size_px)
    assert column - column.mean() == pytest.approx(wanted - wanted.mean(), abs=6)


def many(people: int = 40) -> Taught:
    names = tuple(f"{k // 2}/{k}.jpg" for k in range(2 * people))
    crops = np.arange(2 * people, dtype=np.uint8)[:, None, None, None] * np.ones((1, 2, 2, 3), "u1")
    faces = Faces(names, tuple(name.partition("/")[0] for name in names), crops)
    classes = np.arange(2 * people, dtype=np.float32)[:, None]
    masked = np.stack([crops, crops])
    return Taught(faces, masked, classes, np.arange(8, 2 * people), np.arange(8), "")


def test_some_of_the_people_are_among_more_of_them_and_validation_stays():
    taught = many()
    parts = [some_of(taught, share) for share in (0.25, 0.5, 1.0)]
    learnt = [{part.faces.people[k] for k in part.training} for part in parts]
    assert [len(people) for people in learnt] == [9, 18, 36]
    assert learnt[0] < learnt[1] < learnt[2]
    for part in parts:
        assert [part.faces.names[k] for k in part.validation] == list(taught.faces.names[:8])
        for place in (*part.training, *part.validation):  # what belongs together stays together
            number = int(part.faces.names[place].split("/")[1].removesuffix(".jpg"))
            assert part.classes[place, 0] == part.masked[1, place, 0, 0, 0] == number


def test_of_fewer_people_there_are_more_epochs():
    whole = as_course(PAPER_1.rows[0], Path("rows"), COURSE)
    rows = [as_course(row, Path("rows"), COURSE) for row in GROWTH.rows]
    assert (whole.share, whole.epochs) == (1, 2)
    assert {row.out.name: (row.share, row.epochs) for row in rows} == {
        "eighth": (0.125, 16), "quarter": (0.25, 8), "half": (0.5, 4), "whole": (1, 2)
    }  # fmt: skip
