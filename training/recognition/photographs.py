"""Knows how photographs become aligned faces: by detector and alignment, as live. Judges none."""

from pathlib import Path

import numpy as np

from engine.faces import ALIGNED_PX, TEMPLATE_112
from training.answers import Report
from training.looking import Eyes
from training.recognition.faces import Faces
from training.refusal import Refusal
from training.sets.files import opened
from training.sets.pictures import decode
from workers.crops import crop_faces


def aligned(data: Path, eyes: Eyes, report: Report) -> tuple[Faces, tuple[str, ...]]:
    """Return the faces of a folder or zip of people, and the names of pictures without one.

    Of several faces the large one near the middle is meant. Where none is found, the crop is of
    the picture's middle; whoever judges must not count on it. Raises Refusal, Unreadable, OSError.
    """
    names, people, crops, lost = [], [], [], []
    with opened(data) as files:
        pictures = [file for file in files.files if file.is_picture and file.path.parent.name]
        if not pictures:
            raise Refusal(f"There are no pictures of people in {data}.", *files.damaged[:1])
        for file in pictures:
            picture = decode(file.read(), str(file.path))
            name, found = f"{file.path.parent.name}/{file.path.name}", eyes.face(picture)
            if found is None:
                lost.append(name)
            scale = min(picture.shape[:2]) / ALIGNED_PX
            points = TEMPLATE_112 * np.float32(scale) if found is None else found.points
            names.append(name)
            people.append(file.path.parent.name)
            crops.append(crop_faces(picture, points[None])[0])
            report(len(names), len(pictures))
    return Faces(tuple(names), tuple(people), np.stack(crops)), tuple(lost)
