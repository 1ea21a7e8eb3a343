"""Which photos may stand for a person."""

import numpy as np
import pytest

from engine.enrolment import ADVICE, Refusal, outliers, refuse, the_one_face

pytestmark = pytest.mark.unit


def person(seed: int, count: int, spread: float = 0.04) -> np.ndarray:
    random = np.random.default_rng(seed)
    centre = random.normal(size=128)
    centre /= np.linalg.norm(centre)
    views = centre + random.normal(size=(count, 128)) * spread
    return (views / np.linalg.norm(views, axis=1, keepdims=True)).astype(np.float32)


def test_a_photo_without_a_face_or_with_two_is_refused() -> None:
    assert the_one_face([]) is Refusal.NO_FACE
    assert the_one_face([100.0, 60.0]) is Refusal.SEVERAL


def test_a_small_face_in_the_background_does_not_matter() -> None:
    assert the_one_face([20.0, 100.0, 30.0]) == 1


def test_photos_of_one_person_stand_together() -> None:
    assert outliers(person(1, 6)) == set()


def test_a_stranger_among_the_photos_is_found() -> None:
    mixed = np.concatenate([person(1, 4), person(2, 1)])
    assert outliers(mixed) == {4}


def test_of_two_that_disagree_the_second_is_out() -> None:
    assert outliers(np.concatenate([person(1, 1), person(2, 1)])) == {1}


@pytest.mark.parametrize("reason", list(Refusal))
def test_every_refusal_says_what_to_do(reason: Refusal) -> None:
    verdict = refuse(reason, need_px=64, have_px=30)
    assert not verdict.accepted
    assert verdict.detail
    assert set(ADVICE) == set(Refusal)
