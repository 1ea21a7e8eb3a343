"""Measures how many faces the live detector misses because they wear a mask.

`python -m benchmarks.masked_detection --data DIR [--model yunet] [--json OUT]`. Drawn masks: every
Nth frame of the bare films that the detector did not learn from; each face that YuNet finds gets a
mask, the same through one film, and is found again or not; and the same with the frames shrunk, as
the films have few small faces. Real masks: crops by class, and stretches of films. The aim: at most
3 points fewer with a mask.
"""

import argparse
import json
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import cv2

from benchmarks.films import FOLDER, bare_frames, real_frames
from benchmarks.masked_looks import Drawing, Eye, crop_looks, drawn_looks, film_looks
from benchmarks.recall import AIM_POINTS, costs, rows
from ostiary.cli.output import print_table
from training.detection.faces import TAUGHT
from training.draw import load_templates
from training.live import LONGEST_PX

Json = dict[str, Any]
NOT_FOUND = 3
JUDGE = "yunet"  # says which faces there are where masks are drawn
COLUMNS = ("what", "size, px", "faces", "shrunk", "groups", "score from")
TITLES = {
    "drawn": "Drawn masks, films of bare people: of the faces that YuNet finds bare at 0.5",
    "films": "Real masks, films: frames in which a face is found",
    "crops": "Crops of real pictures: faces that are found",
    "crops_cost": "The same: what a mask costs, by bare faces of the same set and size",
}


def arguments() -> argparse.Namespace:
    """Return what was asked for."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--data", type=Path, required=True, help="laid out as the README says")
    parser.add_argument("--json", type=Path, help="where the rows are written, too")
    parser.add_argument("--only", choices=("drawn", "crops", "films"))
    parser.add_argument("--size", type=int, default=LONGEST_PX, help="analysis.detect_size_px")
    parser.add_argument("--model", help="another detector that is shipped: yunet")
    parser.add_argument("--film", help="draw masks on this one alone, by its name without ending")
    parser.add_argument("--every", type=int, default=12, help="frames of the films: one in so many")
    parser.add_argument("--masks", type=int, default=2, help="of each kind, for each film")
    parser.add_argument("--crops", type=int, default=10_000, help="at most, of each class and set")
    parser.add_argument("--frames", type=Path, help="a folder for frames with masks and boxes")
    return parser.parse_args()


def measure(options: argparse.Namespace) -> Json:
    """Return the rows of what was asked for and is there."""
    data, eye = options.data, Eye(options.size, options.model)
    found: Json = {"aim_points": AIM_POINTS, "detect_size_px": options.size}
    if options.only in (None, "drawn") and (data / "clips").is_dir():
        templates = load_templates(data) if (data / "occluders").is_dir() else ()
        drawing = Drawing(options.masks, templates, options.frames)
        frames = (
            frame
            for frame in bare_frames(data, options.every)
            if options.film in (None, frame.film) and frame.group not in TAUGHT
        )
        found["drawn"] = rows(list(drawn_looks(frames, eye, Eye(options.size, JUDGE), drawing)))
    if options.only in (None, "films") and (data / FOLDER).is_dir():
        found["films"] = rows(list(film_looks(real_frames(data, max(1, options.every // 2)), eye)))
    if options.only in (None, "crops"):
        looks = list(crop_looks(data, eye, options.crops))
        found |= {"crops": rows(looks), "crops_cost": costs(looks, bare_of)} if looks else {}
    return found


def bare_of(way: str) -> str:
    """Return by which bare crops masked ones are judged: of the same set, shown the same way."""
    for word in ("with_mask drawn", "with_mask", "incorrect"):
        if f" {word}" in way and "without_mask" not in way:
            return way.replace(f" {word}", " without_mask")
    return way


def show(found: Json) -> None:
    """Print all rows."""
    print(
        f"The aim: a mask costs at most {found['aim_points']:g} points. The longer side of a"
        f" picture becomes at most {found['detect_size_px']} px. In brackets: 95% intervals."
    )
    for part, title in TITLES.items():
        if part in found:
            print(f"\n{title}")
            kept = [one for one in found[part] if part != "films" or one["size"] == "all"]
            (_costs if part in ("drawn", "crops_cost") else _shares)(kept)


def _costs(found: Sequence[Json]) -> None:
    columns = (*COLUMNS, "bare %", "masked %", "loss, points", "within the aim")
    lines = [
        (*_line(one), one["bare"], one["found"], _with(one["loss"], one["loss_ci"]),
         "yes" if one["loss"] <= AIM_POINTS else "no") for one in found
    ]  # fmt: skip
    print_table(columns, lines, "")


def _shares(found: Sequence[Json]) -> None:
    lines = []
    for one in found:
        losses = one["loss_ci"]
        shares = [round(one["bare"] - loss, 1) for loss in reversed(losses)] if losses else None
        lines.append((*_line(one), _with(one["found"], shares)))
    print_table((*COLUMNS, "found %"), lines, "")


def _line(one: Json) -> tuple[object, ...]:
    return one["way"], one["size"], one["faces"], one["shrunk"], one["groups"], one["limit"]


def _with(value: float, interval: Sequence[float] | None) -> str:
    return f"{value} ({interval[0]} to {interval[1]})" if interval else str(value)


def main() -> int:
    """Measure, print and write; return the exit code."""
    options = arguments()
    cv2.setNumThreads(1)
    if not options.data.is_dir():
        print(f"There is no folder {options.data}: give --data the data sets.", file=sys.stderr)
        return NOT_FOUND
    if options.frames is not None:
        options.frames.mkdir(parents=True, exist_ok=True)
    found = measure(options)
    if len(found) == 2:
        print(f"{options.data} has neither clips nor crops to measure on.", file=sys.stderr)
        return NOT_FOUND
    show(found)
    if options.json is not None:
        options.json.write_text(json.dumps(found, indent=1) + "\n")
    return 0


if __name__ == "__main__":
    sys.exit(main())
