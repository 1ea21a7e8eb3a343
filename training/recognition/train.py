"""Knows how an embedder's teaching goes from a folder of sets to a model folder. Reads no clock."""

from dataclasses import dataclass, replace
from pathlib import Path

import cv2
import torch
from safetensors.torch import load_file

from training.feed import Feed
from training.recognition import material
from training.recognition.publish import Made, publish
from training.recognition.teaching import Lesson, Pupil, Teaching
from training.state import State, load_state
from training.train import Shell, alone, device_of
from workers.manifest import load_models, verify
from workers.networks.sface import SFace


@dataclass(frozen=True, slots=True)
class Course:
    """What is to be taught, on what, and where everything goes; as `training.train.Order`."""

    teaching: Teaching
    data: Path
    out: Path
    cache: Path
    device: str = "auto"
    epochs: int | None = None
    seed: int = 0
    threads: int = 1


def teach(course: Course, shell: Shell) -> Made:
    """Teach, or go on with what was begun in the folder; write the model there.

    Raises NoDevice, Refusal, Diverged, OSError.
    """
    device = device_of(course.device)
    teaching = replace(course.teaching, epochs=course.epochs or course.teaching.epochs)
    torch.set_num_threads(course.threads)
    cv2.setNumThreads(1)
    course.out.mkdir(parents=True, exist_ok=True)
    run = {"recipe": f"recognition {teaching!r}", "seed": str(course.seed)}
    with alone(course.out):
        load_state(course.out, run)  # refused before long work
        room = material.Room(course.data, course.cache / "recognition", course.threads)
        taught = material.gather(room, teaching, shell.cut)
        run |= {"data": taught.sha256}
        state = load_state(course.out, run) or State(run)
        lesson = Lesson(
            teaching,
            sface(),
            Feed(
                taught.training,
                material.make(taught, teaching, course.data),
                teaching.batch,
                course.seed,
                course.threads,
            ),
            taught.classes,
            taught.checked(),
            device,
        )
        pupil = Pupil(lesson, state)
        shell.begin(pupil.outset)
        pupil.run(shell, lambda now: now.save(course.out))
        pupil.keep()
        held = material.reserved(room, shell.cut)
        return publish(course.out, held, lesson, state)


def sface() -> SFace:
    """Return SFace with its weights. Raises WeightsError if the file is another."""
    network = SFace()
    weights = load_file(verify(load_models(None).of("embedder", "sface")))
    network.load_state_dict({k: v.float() for k, v in weights.items()}, strict=False)
    return network.eval()
