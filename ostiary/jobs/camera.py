"""Knows a browser's camera as a film whose pictures come through a pipe, and what is said of each.

Each picture comes as one line of JSON, `{"number", "at_s", "bytes"}`, and so many bytes after it;
the film ends where the pipe does. Knows no HTTP.
"""

import io
import json
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any, BinaryIO, Final

from PIL import Image

from ostiary.analysis import Face, Picture
from ostiary.analysis.films import STEP_S, Film, Frame
from ostiary.analysis.photographs import to_bgr, unreadable
from ostiary.analysis.results import Kind, Pixels
from ostiary.analysis.words import Language, read, words_in

RATE_HZ: Final = 15.0  # for an encoder to reckon with; each picture has its own time
SHOWN: Final = 100  # faces of one picture
MOST_PX: Final = 8_900_000  # 4K


@dataclass(slots=True)
class Camera:
    """One camera. name: what problems call it. number: of the picture in hand."""

    pipe: BinaryIO
    name: str
    number: int = 0

    def film(self) -> Film:
        """Return it as a film, to be read once."""
        return Film(Kind.WEBCAM, RATE_HZ, None, self._frames())

    def _frames(self) -> Iterator[Frame]:
        first_s: float | None = None
        last_s = -STEP_S
        while line := self.pipe.readline():
            told = json.loads(line)
            data = self.pipe.read(int(told["bytes"]))
            if len(data) < int(told["bytes"]):
                return
            self.number, at_s = int(told["number"]), float(told["at_s"])
            first_s = at_s if first_s is None else first_s
            last_s = max(at_s - first_s, last_s + STEP_S)
            yield Frame(self._pixels(data), last_s)

    def _pixels(self, data: bytes) -> Pixels:
        try:
            with Image.open(io.BytesIO(data), formats=("JPEG",)) as image:
                if image.width * image.height > MOST_PX:
                    raise unreadable(self.name, "a picture of the camera is too large")
                return to_bgr(image)
        except (OSError, SyntaxError, ValueError) as error:
            raise unreadable(self.name, "a picture of the camera cannot be read") from error


def seen(number: int, picture: Picture, language: Language) -> dict[str, Any]:
    """Return what the page draws over a camera's picture."""
    width, height = picture.size_px
    return {
        "number": number,
        "width": width,
        "height": height,
        "tracks": [_track(face, language) for face in picture.faces[:SHOWN]],
        "words": words_in(language),
    }


def _track(face: Face, language: Language) -> dict[str, Any]:
    reading = read(face, language)
    box = face.box
    return {
        "id": face.track,
        "box": [round(side, 4) for side in (box.x1, box.y1, box.x2, box.y2)],
        "tentative": face.tentative,
        "tone": "plain" if reading.state is None else reading.state.value,
        "named": reading.named,
        "lines": list(reading.lines),
        "mask": _shares(face.mask),
        "expression": _shares(face.expression),
    }


def _shares(said: Any) -> dict[str, float]:
    return {} if said is None else {k.value: round(v, 4) for k, v in said.probabilities.items()}
