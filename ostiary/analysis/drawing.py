"""Knows how faces are drawn on a picture: boxes and labels, as large as the picture needs.

The font is OpenCV's own "uni" (WenQuanYi Micro Hei), which has Latin and Chinese. Does not know
what is written.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

import cv2
import numpy as np

from engine.observations import MaskState
from ostiary.analysis.placing import Area, place
from ostiary.analysis.results import Face, Picture, Pixels
from ostiary.analysis.words import Language, Reading, read

Colour = tuple[int, int, int]  # B G R

TONES: Final[dict[MaskState | None, Colour]] = {
    MaskState.WORN: (229, 108, 28),
    MaskState.MISSING: (47, 47, 222),
    MaskState.INCORRECT: (20, 170, 255),
    None: (96, 88, 80),
}
INKS: Final[dict[MaskState | None, Colour]] = {MaskState.INCORRECT: (16, 16, 16)}
WHITE: Final = (255, 255, 255)
FONT_SHARE: Final = 0.026  # of the picture's shorter side
PLAIN_FONT_PX: Final = 13  # small pictures are written on in this size, where it takes no more of
PLAIN_FONT_SHARE: Final = 0.036  # their shorter side than this
LEAST_FONT_SHARE: Final = 0.012  # where faces are small or many: still readable on a screen
LEAST_FONT_PX: Final = 10  # Chinese characters need as many
MOST_FRAME_SHARE: Final = 0.08  # of a face's shorter side, that each side of its frame may hide
BOLD: Final = 600


@dataclass(frozen=True, slots=True)
class _Label:
    lines: tuple[str, ...]
    font_px: int
    size: Area

    @property
    def step_px(self) -> int:
        """From line to line."""
        return round(self.font_px * 1.3)


def draw(picture: Picture, language: Language = Language.ENGLISH) -> Pixels:
    """Return a copy of a picture with its faces: blue with a mask, red without, amber wrong."""
    canvas = picture.pixels.copy()
    width, height = picture.size_px
    boxes = [_on(face, width, height) for face in picture.faces]
    font_px = font_for(picture.size_px, [min(box.width, box.height) for box in boxes])
    readings = [read(face, language) for face in picture.faces]
    lines_px = [line_for(font_px, face.tentative) for face in picture.faces]
    boxes = [_around(box, line_px) for box, line_px in zip(boxes, lines_px, strict=True)]
    for box, line_px, reading in zip(boxes, lines_px, readings, strict=True):
        _frame(canvas, box, TONES[reading.state], line_px)
    whole, labels = Area(0, 0, width, height), list[Area]()
    for own, reading in enumerate(readings):
        if reading.lines:
            label = _label(reading, font_px, width)
            spot = place(label.size, own, boxes, labels, whole)
            labels.append(spot)
            _write(canvas, label, spot, reading.state)
    return canvas


def font_for(size_px: tuple[int, int], faces_px: Sequence[int]) -> int:
    """Return the font's size: by the picture's, and smaller where the typical face is small."""
    shorter = min(size_px)
    wanted = max(FONT_SHARE * shorter, min(PLAIN_FONT_PX, PLAIN_FONT_SHARE * shorter))
    if faces_px:
        wanted = min(wanted, 0.3 * float(np.median(faces_px)))
    return max(LEAST_FONT_PX, round(max(wanted, LEAST_FONT_SHARE * shorter)))


def line_for(font_px: int, tentative: bool) -> int:
    """Return a box's line width: as strong as the writing, and thinner while it is not sure."""
    return max(1, round(font_px / (12 if tentative else 6)))


def _on(face: Face, width: int, height: int) -> Area:
    left, top = round(face.box.x1 * (width - 1)), round(face.box.y1 * (height - 1))
    right, bottom = round(face.box.x2 * (width - 1)), round(face.box.y2 * (height - 1))
    return Area(left, top, max(1, right - left + 1), max(1, bottom - top + 1))


def _frame(canvas: Pixels, box: Area, colour: Colour, line_px: int) -> None:
    """Draw a box's frame; a strong one between thin white edges, so that it stands out anywhere."""
    edge = line_px // 3
    _ring(canvas, box, WHITE, _strength_px(line_px))
    inner = Area(box.x + edge, box.y + edge, box.width - 2 * edge, box.height - 2 * edge)
    _ring(canvas, inner, colour, line_px)


def _strength_px(line_px: int) -> int:
    """Return how wide a frame is with its edges."""
    return line_px + 2 * (line_px // 3)


def _around(box: Area, line_px: int) -> Area:
    """Return where a frame lies: inside the box, or about a small face, which it would hide."""
    by_px = _strength_px(line_px) - round(MOST_FRAME_SHARE * min(box.width, box.height))
    if by_px <= 0:
        return box
    left, top = max(0, box.x - by_px), max(0, box.y - by_px)
    return Area(left, top, box.x + box.width + by_px - left, box.y + box.height + by_px - top)


def _ring(canvas: Pixels, box: Area, colour: Colour, line_px: int) -> None:
    right, bottom = box.x + box.width, box.y + box.height
    across, down = min(line_px, max(1, box.width)), min(line_px, max(1, box.height))
    canvas[box.y : box.y + down, box.x : right] = colour
    canvas[max(0, bottom - down) : bottom, box.x : right] = colour
    canvas[box.y : bottom, box.x : box.x + across] = colour
    canvas[box.y : bottom, max(0, right - across) : right] = colour


def _label(reading: Reading, font_px: int, width_px: int) -> _Label:
    """Return a label's lines and size; the font shrinks, then lines are cut, to fit the picture."""
    size = font_px
    while size > LEAST_FONT_PX and _wide(reading.lines, size) > width_px:
        size -= 1
    lines = tuple(_cut(line, size, width_px) for line in reading.lines)
    pad = _pad(size)
    step = round(size * 1.3)
    area = Area(0, 0, min(width_px, _wide(lines, size)), len(lines) * step + pad)
    return _Label(lines, size, area)


def _wide(lines: Sequence[str], font_px: int) -> int:
    return max(_text_px(line, font_px) for line in lines) + 4 * _pad(font_px)


def _pad(font_px: int) -> int:
    return max(1, round(font_px * 0.15))


def _cut(line: str, font_px: int, width_px: int) -> str:
    """Return a line that fits, without what of its end does not."""
    while len(line) > 1 and _wide((line,), font_px) > width_px:
        line = line[:-2].rstrip() + "…" if len(line) > 2 else line[:-1]
    return line


def _text_px(text: str, font_px: int) -> int:
    _, _, width, _ = cv2.getTextSize((0, 0), text, (0, 0), _font(), font_px, BOLD)
    return int(width) + 1


def _font() -> "cv2.FontFace":
    return cv2.FontFace("uni")


def _write(canvas: Pixels, label: _Label, spot: Area, state: MaskState | None) -> None:
    right, bottom = spot.x + spot.width, spot.y + spot.height
    canvas[spot.y : bottom, spot.x : right] = TONES[state]
    pad, font = _pad(label.font_px), _font()
    for row, line in enumerate(label.lines):
        at = (spot.x + 2 * pad, spot.y + round(label.step_px * (row + 0.78)) + pad // 2)
        ink = INKS.get(state, WHITE)
        cv2.putText(canvas, line, at, ink, font, label.font_px, BOLD, cv2.PUT_TEXT_ALIGN_LEFT)
