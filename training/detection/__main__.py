"""Makes the detector that is shipped from YuNet.

`python -m training.detection --data DIR --out FOLDER [--views DIR] [--steps N]`. Killed or stopped,
the same command goes on from where it was. Writes `yunet-masked.safetensors` and `state.pt`.
"""

import argparse
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import Final

import cv2
import torch
from safetensors.torch import load_file, save_file

from training.detection.course import Course, teach
from training.detection.faces import seen
from training.detection.teaching import School
from training.draw import load_templates
from training.live import LONGEST_PX
from training.refusal import Refusal
from workers.detection import Limits
from workers.detector import Detector
from workers.manifest import WeightsError, load_models, verify
from workers.networks.yunet import YuNet
from workers.runtime.openvino import OpenVinoRuntime

TEACHER: Final = "yunet"
WEIGHTS: Final = "yunet-masked.safetensors"


def make(data: Path, views: Path | None, course: Course) -> Path:
    """Teach and return where the weights are. Raises Refusal, WeightsError, OSError."""
    entry = load_models(None).of("detector", TEACHER)
    network = YuNet().to(memory_format=torch.channels_last)  # type: ignore[call-overload]
    network.load_state_dict(load_file(verify(entry)))
    course.folder.mkdir(parents=True, exist_ok=True)
    teacher = OpenVinoRuntime(entry, course.folder / "networks", course.threads)
    faces = seen(data, views, Detector(teacher, entry, LONGEST_PX))
    limits = Limits(entry.thresholds["score"], entry.thresholds["iou"])
    school = School(faces, load_templates(data), teacher, limits)
    about = f"{len(faces.crops):,} crops, {len(faces.frames):,} frames of films"
    about += f", {len(faces.views):,} other pictures"
    _say(f"{about}; {course.steps:,} steps of {course.batch}")
    weights = teach(school, network, course, _say)
    kept = {name: value.contiguous().float() for name, value in weights.items()}
    save_file(kept, course.folder / WEIGHTS)
    return course.folder / WEIGHTS


def _say(line: str) -> None:
    print(line, flush=True)


def main(arguments: Sequence[str]) -> int:
    """Teach, write, and say where."""
    parser = argparse.ArgumentParser(description="Makes the detector that is shipped from YuNet")
    parser.add_argument("--data", type=Path, required=True)
    parser.add_argument("--views", type=Path, help="a folder of pictures of anything")
    parser.add_argument("--out", type=Path, required=True)
    parser.add_argument("--steps", type=int, default=2500)
    parser.add_argument("--batch", type=int, default=16)
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--threads", type=int, default=2)
    asked = parser.parse_args(arguments)
    cv2.setNumThreads(1)
    torch.set_num_threads(1)
    try:
        course = Course(asked.steps, asked.batch, asked.seed, asked.threads, asked.out)
        print(make(asked.data, asked.views, course))
    except (Refusal, WeightsError) as error:
        print(error, file=sys.stderr)
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
