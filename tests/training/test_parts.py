"""How classes are scored, and what each figure rests on, with answers made up by hand."""

import numpy as np
import pytest
from fakes.labelled import tile

from engine.observations import Expression
from training.answers import Answers
from training.judge import figures
from training.parts import FERPLUS, FOUND, FRESH, split
from training.sets.classes import EXPRESSION_TASK, INCORRECT, MASK_TASK, MISSING, WORN
from training.sets.files import Unreadable
from training.sets.known import FACES
from training.sets.made import MADE
from training.sets.samples import Sample

pytestmark = pytest.mark.unit


def sample(truth: int, label: str = "x", source: str = "set", **more) -> Sample:
    return Sample(source, "name", label, truth, read=lambda: np.zeros((8, 8, 3), np.uint8), **more)


def answers(samples: list[Sample], chances: list[list[float]], found: list[bool] | None = None):
    count = len(samples)
    return Answers(
        tuple(samples), np.array(chances, np.float32), np.array(found or [True] * count),
        np.full(count, 50, np.float32), (), np.ones(count), np.ones(count),
    )  # fmt: skip


def accuracy(said) -> float:
    return figures(said.chances, said.truth, said.names).accuracy


def test_in_two_classes_worn_or_worn_wrongly_is_with():
    given = [
        sample(WORN, "mask"),
        sample(WORN, "mask"),
        sample(MISSING, "no_mask"),
        sample(MISSING, "no_mask"),
    ]
    found = split(
        answers(given, [[0.3, 0.3, 0.4], [0.2, 0.2, 0.6], [0.3, 0.3, 0.4], [0.1, 0.1, 0.8]]),
        MASK_TASK, (),
    )  # fmt: skip
    assert found.headline.names == ["mask", "no_mask"]
    assert found.headline.chances[:, 0].tolist() == pytest.approx([0.6, 0.4, 0.6, 0.2])
    assert found.headline.truth.tolist() == [0, 0, 1, 1]
    assert accuracy(found.headline) == 0.5
    assert found.two is None
    assert "Two classes: mask is a mask worn or worn wrongly" in found.rule


def test_with_pictures_of_masks_worn_wrongly_there_are_three_classes_and_two_beside():
    given = [sample(WORN, "with"), sample(INCORRECT, "wrong"), sample(MISSING, "none")]
    found = split(
        answers(given, [[0.3, 0.6, 0.1], [0.2, 0.7, 0.1], [0.1, 0.2, 0.7]]), MASK_TASK, ()
    )
    assert found.headline.names == ["with", "wrong", "none"]
    assert accuracy(found.headline) == pytest.approx(2 / 3)
    assert found.two is not None
    assert found.two.names == ["with", "none"]
    assert found.two.truth.tolist() == [0, 1]
    assert accuracy(found.two) == 1.0


def test_without_bare_faces_two_classes_say_nothing():
    given = [sample(WORN), sample(INCORRECT)]
    assert split(answers(given, [[1, 0, 0], [0, 1, 0]]), MASK_TASK, ()).two is None


def test_parts_by_set_by_kind_and_by_what_was_found():
    given = [sample(WORN, source="a", kind="real"), sample(MISSING, source="a", kind="real"),
             sample(WORN, source="b", kind="drawn")]  # fmt: skip
    found = split(
        answers(given, [[1, 0, 0], [1, 0, 0], [0, 0, 1]], [True, False, True]), MASK_TASK, ()
    )
    assert {name: len(part.truth) for name, part in found.parts.items()} == {
        "a": 2, "b": 1, "real": 2, "drawn": 1, FOUND: 2, "two classes, real, from 32 px": 2
    }  # fmt: skip
    assert accuracy(found.parts["a"]) == 0.5
    assert accuracy(found.parts["drawn"]) == 0.0


def test_bare_faces_and_made_pictures_stand_beside_the_headline():
    given = [sample(WORN), sample(MISSING),
             sample(MISSING, source=FACES, kind="real", people="Indian"),
             sample(MISSING, source=FACES, kind="real", people="Black"),
             sample(MISSING, source="hidden", kind=MADE)]  # fmt: skip
    chances = [[1, 0, 0], [0, 0, 1], [0, 1, 0], [0, 0, 1], [1, 0, 0]]
    found = split(answers(given, chances), MASK_TASK, ())
    assert accuracy(found.headline) == 1.0
    assert len(found.headline.truth) == 2
    assert {name: (len(part.truth), accuracy(part)) for name, part in found.parts.items()} == {
        FACES: (2, 0.5), "hidden": (1, 0.0),
        "bare, said to be Indian": (1, 0.0), "bare, said to be Black": (1, 1.0),
    }  # fmt: skip


def test_with_against_without_is_told_by_distance():
    given = answers([sample(WORN, kind="real"), sample(MISSING, kind="real"),
                     sample(INCORRECT, kind="real"), sample(MISSING, kind="real"),
                     sample(WORN, kind="drawn")], [[1, 0, 0]] * 5)  # fmt: skip
    given.side_px[:] = [40, 20, 40, 15, 40]
    found = split(given, MASK_TASK, ())
    assert len(found.parts["two classes, real, from 32 px"].truth) == 1
    assert len(found.parts["two classes, real, 16 to 32 px"].truth) == 1


def test_one_set_alone_has_no_parts():
    given = [sample(WORN), sample(MISSING)]
    assert split(answers(given, [[1, 0, 0], [0, 0, 1]]), MASK_TASK, ()).parts == {}


def seven(place: int) -> list[float]:
    return [0.94 if n == place else 0.01 for n in range(7)]


def test_sheets_are_the_headline_and_other_sets_stand_beside():
    given = [
        sample(0, "angry", "fer", sheet=True),
        sample(3, "happy", "fer", sheet=True),
        sample(3, "happiness", "ck"),
    ]
    found = split(answers(given, [seven(0), seven(1), seven(3)]), EXPRESSION_TASK, ())
    assert accuracy(found.headline) == 0.5
    assert found.headline.names[3] == "happy"
    assert found.parts["ck"].names[3] == "happiness"
    assert accuracy(found.parts["ck"]) == 1.0
    assert set(found.parts) == {"ck"}
    assert found.ferplus is None


def test_folders_alone_are_the_headline():
    found = split(answers([sample(3, "happy")], [seven(3)]), EXPRESSION_TASK, ())
    assert len(found.headline.truth) == 1
    assert found.headline.names == [
        "anger",
        "disgust",
        "fear",
        "happy",
        "sadness",
        "surprise",
        "neutral",
    ]


def voted(**given: int) -> np.ndarray:
    ten = [*Expression, "contempt", "unknown", "nf"]
    return np.array([given.get(name, 0) for name in ten], np.float32)


def test_by_the_votes_ties_and_other_words_are_left_out():
    rows = [(0, voted(sadness=8, anger=2)), (0, voted(anger=5, fear=5)), (0, voted(contempt=10)),
            (0, voted(anger=4, fear=3, neutral=3))]  # fmt: skip
    given = [sample(truth, sheet=True, votes=votes) for truth, votes in rows]
    found = split(answers(given, [seven(4)] * 4), EXPRESSION_TASK, ())
    assert accuracy(found.headline) == 0.0
    assert found.ferplus is not None
    assert found.ferplus.truth.tolist() == [4, 0]
    assert accuracy(found.ferplus) == 0.5
    assert found.ferplus_left_out == {"tie": 1, "contempt": 1, "unknown": 0, "no_face": 0}
    assert found.parts[f"{FERPLUS}, more than half of the votes"].truth.tolist() == [4]


def shown(seed: int, **more) -> Sample:
    pixels = np.repeat(tile(seed)[..., None], 3, axis=2)
    return Sample("fer", f"tile {seed}", "happy", 3, read=lambda: pixels, sheet=True, **more)


def test_tiles_that_stand_in_training_too_are_told_apart():
    def gone() -> np.ndarray:
        raise Unreadable("gone")

    learnt = [shown(2), shown(9), Sample("fer", "gone", "happy", 3, read=gone, sheet=True)]
    given = [shown(1), shown(2, votes=voted(happiness=10)), shown(3, votes=voted(happiness=10))]
    found = split(answers(given, [seven(3), seven(0), seven(3)]), EXPRESSION_TASK, learnt)
    assert accuracy(found.headline) == pytest.approx(2 / 3)
    assert len(found.parts[FRESH].truth) == 2
    assert accuracy(found.parts[FRESH]) == 1.0
    assert len(found.parts[f"{FERPLUS}, {FRESH}"].truth) == 1
    assert FRESH not in split(answers(given, [seven(3)] * 3), EXPRESSION_TASK, ()).parts


def test_every_part_knows_the_groups_of_its_pictures():
    given = [sample(WORN, kind="real", group="g"), sample(MISSING, kind="drawn"),
             sample(INCORRECT, kind="real", group="g"), sample(MISSING, kind="real", group="h"),
             sample(MISSING, kind="drawn"), sample(WORN, kind="drawn", group="g")]  # fmt: skip
    found = split(answers(given, [[1, 0, 0]] * 6), MASK_TASK, ())
    assert found.headline.groups.tolist() == [0, 1, 0, 2, 3, 0]
    assert found.two is not None
    assert found.two.groups.tolist() == [0, 1, 2, 3, 0]
    assert found.parts["real"].groups.tolist() == [0, 0, 2]
    assert found.parts["two classes, real, from 32 px"].groups.tolist() == [0, 2]
