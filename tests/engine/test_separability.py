"""Who is like whom among the enrolled, against plain loops; and what is advised."""

import numpy as np
import pytest

from engine import separability
from engine.gallery import Enrolled, GallerySettings, unit
from engine.separability import Advice, apart

pytestmark = pytest.mark.unit

SETTINGS = GallerySettings()


def along(*weights):
    """A vector (128,) with these first numbers."""
    found = np.zeros(128, np.float32)
    found[: len(weights)] = weights
    return found


def person(name, *vectors):
    return Enrolled(name, np.stack(vectors))


def one(found, name):
    return next(each for each in found if each.person_id == name)


def test_nobody_and_somebody_alone():
    assert apart([], SETTINGS) == []
    (alone,) = apart([person("ada", along(1))], SETTINGS)
    assert (alone.nearest, alone.likeness, alone.own) == (None, -1.0, None)
    assert alone.advice == (Advice.ONE_PHOTO,)


def test_people_who_are_well_apart_need_no_advice():
    found = apart(
        [person("ada", along(1, 0.2), along(1, 0.3)), person("bo", along(0, 0, 1), along(0, 0, 1))],
        SETTINGS,
    )
    assert all(each.advice == () for each in found)


def test_look_alikes_and_people_enrolled_twice_are_named_first():
    likeness = (SETTINGS.reject_bare + SETTINGS.accept_bare) / 2
    alike = along(likeness, (1 - likeness**2) ** 0.5)
    found = apart(
        [
            person("bo", along(0, 0, 0, 1), along(0, 0, 0, 1, 0.1)),
            person("ada", along(1), along(1)),
            person("eve", alike, alike),
            person("ada again", along(0.9, 0, 0.3), along(0.9, 0, 0.3)),
        ],
        SETTINGS,
    )
    assert [each.person_id for each in found] == ["ada", "ada again", "eve", "bo"]
    assert found[0].advice == found[1].advice == (Advice.SAME_PERSON,)
    assert (found[0].nearest, found[1].nearest) == ("ada again", "ada")
    assert one(found, "eve").advice == (Advice.LOOK_ALIKE,)
    assert one(found, "eve").nearest == "ada"
    assert one(found, "eve").likeness == pytest.approx(likeness, abs=1e-6)


def test_a_photo_unlike_the_others_is_named_by_its_place():
    stranger = along(0, 0, 0, 0, 1)
    (found,) = apart([person("ada", along(1), stranger, along(1, 0.1))], SETTINGS)
    assert found.outlying == (1,)
    assert found.own == pytest.approx(0, abs=1e-6)
    assert found.advice == (Advice.OUTLYING_PHOTO,)
    mixed = apart(  # his second photo is hers
        [person("bo", along(0, 1), along(0.9, 0.43)), person("ada", along(1), along(1, 0.05))],
        SETTINGS,
    )
    assert one(mixed, "bo").outlying == (1,)


def test_many_people_agree_with_plain_loops(monkeypatch):
    monkeypatch.setattr(separability, "BLOCK", 5)
    random = np.random.default_rng(3)
    people = [
        person(f"p{k}", *(random.normal(size=(k % 3 + 1, 128)).astype(np.float32)))
        for k in range(12)
    ]
    found = apart(people, SETTINGS)
    for mine in people:
        said = one(found, mine.person_id)
        rows = [
            (float(a @ b), other.person_id)
            for other in people
            if other is not mine
            for a in unit(mine.vectors)
            for b in unit(other.vectors)
        ]
        assert (said.likeness, said.nearest) == (
            pytest.approx(max(rows)[0], abs=1e-6),
            max(rows)[1],
        )
        assert said.photos == len(mine.vectors)
