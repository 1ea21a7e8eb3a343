"""Knows a teaching that takes seconds, and how it is killed: `python -m fakes.tiny_teaching`."""

import sys
import zipfile
from dataclasses import replace
from pathlib import Path

import numpy as np
from fakes.faces_of_people import PEOPLE, varied
from fakes.labelled import coded
from fakes.tiny_training import Steps

from training.recognition.publish import Made
from training.recognition.recipes import HALF_MASKED
from training.recognition.teaching import Teaching
from training.recognition.train import Course, teach
from training.splits import listed

TEACHING = replace(HALF_MASKED, name="tiny", epochs=2, batch=2, copies=2, frozen=18, average=0.8)


def write_sets(root: Path) -> Path:
    """Write small sets under the names that the lists know, of the demo's portraits."""
    root.mkdir(parents=True, exist_ok=True)
    people = [varied(person) for person in PEOPLE]
    held = sorted(listed("faces_112-validation"))[:2]
    left = sorted(listed("faces_112-left-out"))[:1]
    others = ["faces_112/10001.jpg", "faces_112/10002.jpg", "faces_112/10003.jpg"]
    rows = ["file,identity,split"]
    with zipfile.ZipFile(root / "faces_112.zip", "w") as archive:
        for place, name in enumerate([*held, *left, *others]):
            file = name.rpartition("/")[2]
            archive.writestr(file, coded(people[place % 4][place // 4]))
            rows.append(f"{file},,{'val' if name in held else 'train'}")
        archive.writestr("labels.csv", "\n".join(rows))
    taught, kept = (sorted(listed(f"celeba299-{side}"))[:2] for side in ("training", "calibration"))
    with zipfile.ZipFile(root / "celeba299_112.zip", "w") as archive:
        for name, faces in zip([*taught, *kept], people, strict=True):
            for number, face in enumerate(faces):
                archive.writestr(f"{name}/{number:03d}.jpg", coded(np.ascontiguousarray(face)))
    return root


def course(data: Path, out: Path) -> Course:
    """One teaching on one thread of the CPU."""
    return Course(TEACHING, data, out, out.parent / "cache", "cpu", None, 0, 1)


def run(data: Path, out: Path, shell: Steps | None = None) -> Made:
    """Teach to the end, or to where the shell stops."""
    return teach(course(data, out), shell or Steps())


def behind_an_aligner(home: Path, teaching: Teaching) -> Made:
    """Teach what lies behind or before an aligner, to the end; the model is one of the home's."""
    told = course(write_sets(home / "sets"), home / "models" / f"recognition-{teaching.name}-0")
    return teach(replace(told, teaching=teaching, network=teaching.network), Steps())


if __name__ == "__main__":
    run(Path(sys.argv[1]), Path(sys.argv[2]), Steps(kill_at=int(sys.argv[3])))
