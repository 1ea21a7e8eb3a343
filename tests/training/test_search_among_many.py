"""People in a gallery and strangers: who is enrolled, who asks, and what a search comes to."""

import numpy as np
import pytest

from training.recognition.gallery import FPIR, STRANGER, enrol, searched

pytestmark = pytest.mark.unit


def people(*pictures: int) -> np.ndarray:
    return np.random.default_rng(1).permutation(np.repeat(np.arange(len(pictures)), pictures))


def test_people_with_two_pictures_are_enrolled_and_all_others_ask():
    whose = people(*[1] * 20, *[3] * 10, *[2] * 10)
    found = enrol(whose, 12)
    assert len(set(whose[found.enrolled])) == 12
    assert (np.bincount(whose)[whose[found.enrolled]] > 1).all()
    assert sorted([*found.enrolled, *found.asking]) == list(range(len(whose)))
    for asking, place in zip(found.asking, found.whose, strict=True):
        if place == STRANGER:
            assert whose[asking] not in whose[found.enrolled]
        else:
            assert whose[asking] == whose[found.enrolled][place]
    assert (found.several, found.filling) == (20, 0)


def test_people_with_one_picture_fill_the_gallery_and_nobody_asks_for_them():
    whose = people(*[1] * 20, 4, 2, 2)
    found = enrol(whose, 10)
    assert (len(found.enrolled), found.several, found.filling) == (10, 3, 7)
    assert np.bincount(whose)[whose[found.enrolled]].tolist().count(1) == 7
    known = found.whose[found.whose != STRANGER]
    assert len(known) == 3 + 1 + 1
    assert set(whose[found.enrolled][known]) == {20, 21, 22}


def test_a_small_set_is_enrolled_whole():
    found = enrol(people(1, 2, 3), 1000)
    assert len(found.enrolled) == 3
    assert STRANGER not in found.whose


def test_the_search_misses_who_is_not_first_or_not_above_the_threshold():
    random = np.random.default_rng(4)
    whose = people(*[1] * 700, *[4] * 200)
    middles = random.normal(size=(900, 12))
    vectors = middles[whose] + 0.5 * random.normal(size=(len(whose), 12))
    vectors = (vectors / np.linalg.norm(vectors, axis=1, keepdims=True)).astype(np.float32)
    enrolment = enrol(whose, 150)
    found = searched(vectors[enrolment.enrolled], vectors[enrolment.asking], enrolment)
    own, others = [], []
    for asking, place in zip(enrolment.asking, enrolment.whose, strict=True):
        cosines = [float(vectors[asking] @ vectors[k]) for k in enrolment.enrolled]
        own.append(cosines.pop(place) if place != STRANGER else None)
        others.append(max(cosines))
    limit = sorted(others, reverse=True)[int(len(others) * FPIR)]
    missed = [o <= max(limit, other) for o, other in zip(own, others, strict=True) if o is not None]
    assert found.threshold == pytest.approx(limit, abs=1e-6)
    assert found.asked == len(missed) == 450
    assert found.fnir == pytest.approx(np.mean(missed), abs=1.5 / 450)
    assert 0.05 < found.fnir < 0.95
    few = enrol(np.repeat(np.arange(250), 4), 150)
    assert searched(vectors[few.enrolled], vectors[few.asking], few) is None  # 850 ask
