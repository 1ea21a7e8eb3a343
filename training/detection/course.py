"""Knows how the detector goes through its lessons, and goes on after a kill. Knows no data."""

import math
import time
from collections import deque
from collections.abc import Callable, Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path
from typing import Final

import torch
from torch import Tensor

from training.detection.teaching import TIMES, Lesson, School, loss
from training.state import State, load_state
from workers.networks.yunet import YuNet

RATE: Final = 2e-4
WARM: Final = 100  # steps
AVERAGE: Final = 0.998
LONGEST: Final = 5.0  # of a gradient
AHEAD: Final = 2  # batches that are made while one is learnt from
KEEP_S: Final = 120.0
TOLD: Final = 50  # steps


@dataclass(frozen=True, slots=True)
class Course:
    """How long is learnt, from what drawn by chance, and where the state is kept."""

    steps: int
    batch: int
    seed: int
    threads: int
    folder: Path

    @property
    def run(self) -> dict[str, str]:
        """What another course may not go on from."""
        steps = f"{self.steps} steps of {self.batch}, rate {RATE}"
        return {"recipe": steps, "seed": str(self.seed)}

    def rate(self, step: int) -> float:
        """Return the learning rate of a step: a short rise, then a cosine to nothing."""
        rise = min(1.0, (step + 1) / WARM)
        return RATE * rise * (1 + math.cos(math.pi * step / self.steps)) / 2


def teach(
    school: School, network: YuNet, course: Course, report: Callable[[str], None]
) -> dict[str, Tensor]:
    """Teach a network and return the mean of its weights over the last steps.

    Raises StateError, OSError.
    """
    optimiser = torch.optim.Adam(network.parameters(), lr=RATE)
    state = load_state(course.folder, course.run) or State(course.run)
    if state.step:
        network.load_state_dict(state.network)
        optimiser.load_state_dict(state.optimiser)
    mean = state.average or {name: kept.clone() for name, kept in network.state_dict().items()}
    kept_at = time.monotonic()
    for lessons in batches(school, course, state.step):
        for group in optimiser.param_groups:
            group["lr"] = course.rate(state.step)
        state.losses.append(_step(network, optimiser, lessons))
        state.step += 1
        share = min(AVERAGE, state.step / (state.step + 9))
        for name, now in network.state_dict().items():
            mean[name].lerp_(now, 1 - share)
        if state.step % TOLD == 0:
            told = sum(state.losses) / len(state.losses)
            state.losses.clear()
            report(f"step {state.step:,} of {course.steps:,}: loss {told:.3f}")
        if time.monotonic() - kept_at > KEEP_S or state.step == course.steps:
            state.network, state.average = network.state_dict(), mean
            state.optimiser = optimiser.state_dict()
            state.save(course.folder)
            kept_at = time.monotonic()
    return mean


def batches(school: School, course: Course, begin: int) -> Iterator[list[Lesson]]:
    """Yield the lessons of each step from `begin`, made ahead by threads."""
    with ThreadPoolExecutor(course.threads) as pool:
        waiting: deque[list[Future[Lesson]]] = deque()
        for step in range(begin, course.steps):
            numbers = range(step * course.batch, (step + 1) * course.batch)
            times = TIMES[step % len(TIMES)]
            waiting.append(
                [pool.submit(school.lesson, times, (course.seed, number)) for number in numbers]
            )
            if len(waiting) > AHEAD:
                yield [lesson.result() for lesson in waiting.popleft()]
        while waiting:
            yield [lesson.result() for lesson in waiting.popleft()]


def _step(network: YuNet, optimiser: torch.optim.Optimizer, lessons: list[Lesson]) -> float:
    lost = loss(network, lessons)
    optimiser.zero_grad()
    lost.backward()  # type: ignore[no-untyped-call]
    torch.nn.utils.clip_grad_norm_(network.parameters(), LONGEST)
    optimiser.step()
    return float(lost.detach())
