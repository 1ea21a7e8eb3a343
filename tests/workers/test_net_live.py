"""All four networks together on the demo's portraits: bare, masked, under the nose; who is who."""

import cv2
import numpy as np
import pytest
from fakes.model_folders import write_model

from engine.observations import MaskState
from ostiary.demo.mask import draw_mask
from ostiary.demo.portraits import load_portraits, read_picture
from workers.crops import ALIGNED, EXPRESSION, MASK
from workers.manifest import load_models
from workers.models import Models

pytestmark = [pytest.mark.integration, pytest.mark.slow]

PORTRAITS = load_portraits()
# Bright light along the jaw is taken for a mask under the chin: the mask's card says so.
MISTAKEN = {"obama3"}
SEEN_PX = (60.0, 110.0, 180.0)  # widths of a face before a door's camera


@pytest.fixture(scope="module")
def models(tmp_path_factory):
    return Models.load("cpu", tmp_path_factory.mktemp("models"), threads=1)


def sized(picture, portrait, face_px):
    scale = face_px / (portrait.face[2] - portrait.face[0])
    method = cv2.INTER_AREA if scale < 1 else cv2.INTER_LINEAR
    return np.ascontiguousarray(cv2.resize(picture, None, fx=scale, fy=scale, interpolation=method))


def mask_state(models, picture):
    (faces,) = models.detect([picture])
    assert len(faces), "the detector finds no face"
    chances = models.mask(models.crop(picture, faces.points[:1], MASK))[0]
    assert chances.sum() == pytest.approx(1, abs=1e-4)
    return tuple(MaskState)[int(chances.argmax())]


@pytest.mark.parametrize("key", sorted(set(PORTRAITS) - MISTAKEN))
@pytest.mark.parametrize("face_px", SEEN_PX)
def test_a_bare_face_is_bare(models, key, face_px):
    portrait = PORTRAITS[key]
    picture = sized(read_picture(portrait.photo)[..., :3], portrait, face_px)
    assert mask_state(models, picture) is MaskState.MISSING


@pytest.mark.parametrize("key", sorted(key for key, p in PORTRAITS.items() if p.mask))
@pytest.mark.parametrize("face_px", SEEN_PX)
def test_the_demos_masks_are_seen_as_drawn(models, key, face_px):
    portrait = PORTRAITS[key]
    masked = draw_mask(read_picture(portrait.cutout), portrait.mask)
    alpha = masked[..., 3:].astype(np.float32) / 255
    picture = (masked[..., :3] * alpha + 110 * (1 - alpha)).astype(np.uint8)
    nose = portrait.points[2][1]
    covered = min(y for _, y in portrait.mask.upper) < nose
    wanted = MaskState.WORN if covered else MaskState.INCORRECT
    assert mask_state(models, sized(picture, portrait, face_px)) is wanted


def test_one_person_is_alike_and_others_are_not(models):
    vectors = {}
    for key, portrait in PORTRAITS.items():
        picture = read_picture(portrait.photo)[..., :3]
        (faces,) = models.detect([picture])
        vectors[key] = models.embed(models.crop(picture, faces.points[:1], ALIGNED))[0]
        assert np.linalg.norm(vectors[key]) == pytest.approx(1, abs=1e-4)
    accept = models.thresholds("embedder")["accept_bare"]
    for first, one in PORTRAITS.items():
        for second, other in PORTRAITS.items():
            cosine = float(vectors[first] @ vectors[second])
            assert (cosine >= accept) == (one.person == other.person), (first, second, cosine)


def test_a_smile_is_happiness(models):
    portrait = PORTRAITS["collins"]
    picture = read_picture(portrait.photo)[..., :3]
    (faces,) = models.detect([picture])
    chances = models.expression(models.crop(picture, faces.points[:1], EXPRESSION))[0]
    from engine.observations import Expression

    assert tuple(Expression)[int(chances.argmax())] is Expression.HAPPINESS


def test_no_faces_need_no_network(models):
    empty = np.zeros((0, 112, 112, 3), np.uint8)
    assert models.embed(empty).shape == (0, 128)
    assert models.mask(np.zeros((0, 96, 96, 3), np.uint8)).shape == (0, 3)
    assert models.crop(np.zeros((50, 50, 3), np.uint8), np.zeros((0, 5, 2), np.float32)).shape == (
        0, 112, 112, 3,
    )  # fmt: skip


def test_a_mask_network_of_two_classes_never_says_incorrect(tmp_path):
    write_model(tmp_path, "mask", "two@1", columns=[0, 2])
    chosen = load_models(tmp_path).chosen({"mask": "two"})
    two = Models.load("cpu", tmp_path / "cache", threads=1, entries=chosen)
    crops = np.random.default_rng(3).integers(0, 255, (2, 96, 96, 3)).astype(np.uint8)
    rows = two.mask(crops)
    assert rows.shape == (2, 3)
    assert rows[:, 1].max() == 0.0
    assert rows.sum(axis=1) == pytest.approx(1.0, abs=1e-5)
    assert two.mask(crops[:0]).shape == (0, 3)
