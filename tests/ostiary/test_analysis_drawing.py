"""What is drawn: colours, words in both languages, labels that stay in the picture and apart."""

from pathlib import Path

import cv2
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from engine.boxes import Box
from engine.observations import Expression, Knowledge, MaskState
from ostiary.analysis.drawing import TONES, draw, font_for
from ostiary.analysis.placing import Area, place
from ostiary.analysis.results import ExpressionSaid, Face, Kind, MaskSaid, PersonSaid, Picture
from ostiary.analysis.words import EXPRESSIONS, MASKS, Language, read

pytestmark = pytest.mark.unit

GREY = 128


def face_at(box=(0.3, 0.3, 0.6, 0.8), state=MaskState.WORN, probability=0.93, **said):
    mask = MaskSaid(state, probability, {state: probability})
    return Face(Box(*box), score=0.9, quality=1.0, mask=mask, **said)


def picture_of(*faces, size=(640, 360)):
    width, height = size
    pixels = np.full((height, width, 3), GREY, np.uint8)
    return Picture("a.png", Path("a.png"), Kind.PHOTOGRAPH, 0, None, pixels, faces)


def share_of(drawn, state):
    return float((drawn == TONES[state]).all(axis=2).mean())


def known(name):
    return PersonSaid(Knowledge.KNOWN, name, 0.8)


def happy(probability=0.8):
    return ExpressionSaid(Expression.HAPPINESS, probability, {})


@pytest.mark.parametrize("state", list(MaskState))
def test_the_colour_is_the_masks(state):
    drawn = draw(picture_of(face_at(state=state)))
    assert share_of(drawn, state) > 0.005
    assert all(share_of(drawn, other) == 0 for other in MaskState if other is not state)


def test_the_tones_are_blue_red_and_amber():
    blue, red, amber = (TONES[state] for state in (MaskState.WORN, MaskState.MISSING,
                                                   MaskState.INCORRECT))  # fmt: skip
    assert blue[0] == max(blue) > 1.5 * max(blue[1:])
    assert red[2] == max(red) > 1.5 * max(red[:2])
    assert amber[2] > amber[1] > 100 > amber[0]


def test_the_frame_of_a_small_face_in_a_huge_picture_lies_about_it():
    drawn = draw(picture_of(face_at(box=(0.5, 0.5, 0.51, 0.51)), size=(9000, 9000)))
    face = drawn[4500:4590, 4500:4590]
    assert (face == GREY).all(axis=2).mean() > 0.6
    assert share_of(drawn[4400:4690, 4400:4690], MaskState.WORN) > 0.05


def test_the_picture_itself_is_left_as_it_was():
    picture = picture_of(face_at())
    draw(picture)
    assert (picture.pixels == GREY).all()


def test_the_label_says_what_and_how_probable_in_both_languages():
    face = face_at(state=MaskState.INCORRECT, expression=happy())
    assert read(face, Language.ENGLISH).lines == ("Mask worn wrongly 93%", "Happy 80%")
    assert read(face, Language.CHINESE).lines == ("口罩佩戴不当 93%", "高兴 80%")
    named = face_at(person=known("张伟"))
    assert read(named, Language.CHINESE).lines == ("张伟", "佩戴口罩 93%")


def test_what_is_not_sure_is_not_said():
    assert read(face_at(tentative=True), Language.ENGLISH).lines == ()
    assert read(face_at(state=None), Language.ENGLISH).lines == ()
    undecided = PersonSaid(Knowledge.UNDECIDED, None, 0.3)
    assert read(face_at(state=None, person=undecided), Language.ENGLISH).lines == ()
    stranger = PersonSaid(Knowledge.UNKNOWN, None, 0.1)
    assert read(face_at(state=None, person=stranger), Language.ENGLISH).lines == ("Unknown",)


def test_nothing_is_called_certain():
    assert read(face_at(probability=0.9999), Language.ENGLISH).lines == ("Mask worn 99%",)


def test_the_font_has_every_word():
    """A character that a font lacks is drawn as a question mark."""
    font = cv2.FontFace("uni")
    words = "".join(chinese for _, chinese in (*MASKS.values(), *EXPRESSIONS.values()))

    def image(text):
        canvas = np.zeros((60, 60), np.uint8)
        cv2.putText(canvas, text, (5, 45), 255, font, 40)
        return canvas

    assert all((image(one) != image("?")).any() for one in words + "张é…Ж")


@pytest.mark.parametrize("size", [(160, 120), (64, 48), (20, 16), (640, 360), (3000, 200)])
@pytest.mark.parametrize(
    "box", [(0, 0, 0.2, 0.3), (0.8, 0.7, 1, 1), (0, 0, 1, 1), (0.4, 0, 0.6, 1)]
)
def test_any_size_and_any_place_can_be_drawn(size, box):
    name = known("Wolfeschlegelsteinhausenbergerdorff " * 3)
    drawn = draw(picture_of(face_at(box, person=name, expression=happy()), size=size))
    assert drawn.shape == (size[1], size[0], 3)
    assert share_of(drawn, MaskState.WORN) > 0


def test_writing_grows_with_the_picture():
    assert font_for((160, 120), [50]) == 10
    assert font_for((640, 360), [100]) == 13
    small, large = font_for((1280, 720), [150]), font_for((7680, 4320), [900])
    assert large == pytest.approx(6 * small, rel=0.05)
    assert font_for((7680, 4320), [60]) >= 4320 / 100


def test_writing_is_bright_on_its_ground():
    drawn = draw(picture_of(face_at(), size=(160, 120)))
    assert (drawn > 200).all(axis=2).sum() > 20


sides = st.integers(1, 120)
areas = st.builds(Area, st.integers(0, 500), st.integers(0, 300), sides, sides)


@given(st.lists(areas, min_size=1, max_size=8), sides, sides)
@settings(max_examples=200, deadline=None)
def test_labels_never_leave_the_picture(boxes, width, height):
    picture, labels = Area(0, 0, 640, 360), []
    for own in range(len(boxes)):
        spot = place(Area(0, 0, width, height), own, boxes, labels, picture)
        assert 0 <= spot.x <= 640 - width
        assert 0 <= spot.y <= 360 - height
        labels.append(spot)


def test_labels_of_neighbours_lie_apart():
    boxes = [Area(100 + 60 * index, 100, 55, 70) for index in range(5)]
    labels = []
    for own in range(len(boxes)):
        labels.append(place(Area(0, 0, 110, 30), own, boxes, labels, Area(0, 0, 640, 360)))
    pairs = [(one, other) for one in labels for other in labels if one is not other]
    assert all(one.shared(other) == 0 for one, other in pairs)


def test_a_label_alone_lies_above_its_box_and_below_where_there_is_no_room():
    picture, size = Area(0, 0, 640, 360), Area(0, 0, 100, 30)
    above = place(size, 0, [Area(200, 100, 80, 80)], [], picture)
    assert (above.x, above.y) == (200, 70)
    below = place(size, 0, [Area(200, 0, 80, 80)], [], picture)
    assert below.y == 80
