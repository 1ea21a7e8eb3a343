"""Knows how a folder of photographs becomes the people that can be named. Names nobody itself.

The folder holds one folder of photographs for each person, or one photograph each; the folder's
or the file's name is the person's. Each photograph is judged as `ostiary person enrol` judges it.
"""

from dataclasses import dataclass
from pathlib import Path
from typing import Final

import numpy as np

from engine.enrolment import Refusal, Verdict, refuse
from engine.gallery import Enrolled, Gallery, GallerySettings
from engine.people import MAX_PHOTOS
from ostiary.analysis.photographs import read
from ostiary.analysis.results import Problem, Trouble, Unreadable
from workers.embedding import gallery_settings
from workers.enrolment import Portrait, compare, portrait_of
from workers.models import Models

HOW: Final = (
    "Put photographs there: one folder for each person with up to 10 photographs, or one "
    "photograph each, named after the person."
)


@dataclass(frozen=True, slots=True)
class People:
    """Who can be named, under their own names, and which photographs were not used and why."""

    gallery: Gallery
    refused: tuple[Problem, ...] = ()


def nobody() -> People:
    """Return no people at all."""
    return People(Gallery((), GallerySettings()))


def enrol(models: Models, folder: Path) -> People:
    """Enrol the people of a folder. Raises Unreadable where nobody can be enrolled."""
    if not folder.is_dir():
        raise Unreadable(Problem(str(folder), Trouble.MISSING, f"there is no such folder. {HOW}"))
    enrolled, refused = [], []
    for name, photos in _by_person(folder).items():
        seen = [_look(models, photo) for photo in photos[:MAX_PHOTOS]]
        verdicts = compare(seen)
        for photo, verdict in zip(photos, verdicts, strict=False):
            if not verdict.accepted:
                shown = str(photo.relative_to(folder))
                refused.append(Problem(shown, Trouble.UNREADABLE, verdict.detail))
        kept = [
            one.vector
            for one, verdict in zip(seen, verdicts, strict=True)
            if isinstance(one, Portrait) and verdict.accepted
        ]
        if kept:
            enrolled.append(Enrolled(name, np.stack(kept)))
    if not enrolled:
        why = f"the first photograph: {refused[0]}" if refused else HOW
        raise Unreadable(Problem(str(folder), Trouble.MISSING, f"nobody can be enrolled; {why}"))
    return People(
        Gallery(enrolled, gallery_settings(models.thresholds("embedder"))), tuple(refused)
    )


def _by_person(folder: Path) -> dict[str, list[Path]]:
    """Return each person's photographs; names that begin with a dot are nobody's."""
    found: dict[str, list[Path]] = {}
    for place in sorted(one for one in folder.iterdir() if not one.name.startswith(".")):
        if not place.is_dir():
            found.setdefault(place.stem, []).append(place)
            continue
        inside = sorted(place.iterdir())
        photos = [one for one in inside if one.is_file() and not one.name.startswith(".")]
        if photos:
            found.setdefault(place.name, []).extend(photos)
    return found


def _look(models: Models, photo: Path) -> Portrait | Verdict:
    try:
        picture = read(photo, photo.name)
    except (Unreadable, FileNotFoundError):
        picture = None
    if isinstance(picture, np.ndarray):
        return portrait_of(models, picture)
    return refuse(Refusal.UNREADABLE)
