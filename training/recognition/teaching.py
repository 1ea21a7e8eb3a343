"""Knows how an embedder learns, from another or from triplets. Reads no clock.

By triplets: see there. By points: what lies before SFace learns where a displaced face lies. Else
the teacher (SFace) sees every face bare; the pupil sees it bare or masked, cut as the live system
would cut it, and is to say the same. Two terms: the cosine to the teacher's vector (distillation),
and a margin softmax over the teacher's vectors of all faces (H. Wang et al.: CosFace,
arXiv:1801.09414, the classes' vectors fixed), which asks that nobody else be nearer. Vectors that
are alike may be one person twice: they are no opponents.
"""

import math
from collections.abc import Callable, Sequence
from copy import deepcopy
from dataclasses import dataclass
from typing import Literal

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, nn
from torch.nn import functional

from engine.faces import ALIGNED_PX
from training.augment import Strength
from training.feed import Batch, Feed
from training.loop import Diverged, Outset, Watcher, precision
from training.recipe import Optimiser, Schedule
from training.recognition.checking import Watched, points_loss
from training.recognition.triplets import apart, unstacked
from training.state import Epoch, State


@dataclass(frozen=True, slots=True)
class Teaching:
    """All that decides what the pupil becomes, but for network, data and seed.

    network: what is taught unless said otherwise. by: what it learns by. start: whose weights it
    begins with, where shapes agree; "fitted": SFace's, fitted to faces of the first size.
    masking: whether a network that can mask its features does. normalises: whether what normalises
    learns, too; dropout: of a network that has any.
    masked, hidden: the shares of faces shown with a mask, and with something else before them.
    copies: how many masks each face is given.
    scale, margin: of the softmax (of triplets: a distance); pull: the weight of the cosine's term.
    alike: the cosine of two of the teacher's vectors from which they are no opponents. average: the
    decay of the weights' moving average. taken: its share in the weights that are kept, the rest
    is what it began with (M. Wortsman et al.: Robust fine-tuning, arXiv:2109.01903). frozen: how
    many of the first layers keep their weights; not of SFace behind an aligner, which keeps all, or
    all but the last where it learns from a teacher.
    """

    name: str
    epochs: int
    batch: int
    optimiser: Optimiser
    schedule: Schedule
    strength: Strength
    network: str = "sface"
    by: Literal["teacher", "triplets", "points"] = "teacher"
    start: Literal["sface", "fitted", "nothing"] = "sface"
    masking: bool = False
    normalises: bool = False
    dropout: float = 0.5
    masked: float = 0.5
    hidden: float = 0.1
    copies: int = 3
    scale: float = 32.0
    margin: float = 0.2
    pull: float = 4.0
    alike: float = 0.4
    average: float = 0.998
    taken: float = 1.0
    frozen: int = 0


@dataclass(frozen=True, slots=True, eq=False)
class Lesson:
    """What a teaching needs: classes are the teacher's unit vectors (K, D), one for each face.

    network: what the pupil is called by `workers.networks.build`. begun: with what weights, in
    words. still: layers that keep their weights. base: what sees instead of all of them, for a
    pupil of which the last layer alone learns, or None.
    """

    teaching: Teaching
    network: str
    begun: str
    pupil: nn.Module
    still: Sequence[nn.Module]
    feed: Feed
    classes: NDArray[np.float32]
    watched: Watched
    device: torch.device
    base: Callable[[Tensor], Tensor] | None = None


class Pupil:
    """One teaching between its first and its last step."""

    def __init__(self, lesson: Lesson, state: State) -> None:
        self.lesson, self.state = lesson, state
        self.steps = lesson.feed.steps * lesson.teaching.epochs
        network = lesson.pupil.to(lesson.device)
        self.network = network.to(memory_format=torch.channels_last)  # type: ignore[call-overload]
        for part in lesson.still:
            part.requires_grad_(False)
        self.optimiser = lesson.teaching.optimiser.of(network)
        self.begun = deepcopy(network.state_dict())
        self.average = deepcopy(network)
        self.classes = torch.from_numpy(lesson.classes).to(lesson.device)
        if state.step:
            network.load_state_dict(state.network)
            self.optimiser.load_state_dict(state.optimiser)
            self.average.load_state_dict(state.average)

    @property
    def outset(self) -> Outset:
        """What is about to be done."""
        teaching, feed = self.lesson.teaching, self.lesson.feed
        device, pictures = self.lesson.device.type, len(feed.indices)
        title = f"recognition {teaching.name}, {self.lesson.network},"
        return Outset(title, device, pictures, teaching.epochs, feed.steps, self.state.step)

    def run(self, watcher: Watcher, save: Callable[[State], None]) -> None:
        """Go on to the last step, or to where the watcher says stop; the state is saved by then."""
        feed = self.lesson.feed
        while self.state.step < self.steps:
            number, begin = divmod(self.state.step, feed.steps)
            for batch in feed.epoch(number, begin, self._size(number)):
                self._step(batch)
                watcher.step(self.state.step, self.state.losses[-1], len(batch.crops))
                over = self.state.step % feed.steps == 0
                stop = watcher.stop_now()
                if over:
                    self._end_epoch(watcher)
                if over or stop or watcher.save_now():
                    save(self.snapshot())
                if stop:
                    return

    def _size(self, epoch: int) -> Callable[[int], int]:
        schedule, first = self.lesson.teaching.schedule, epoch * self.lesson.feed.steps
        return lambda step: schedule.size(first + step, self.steps, ALIGNED_PX)

    def snapshot(self) -> State:
        """Return the state as it is to be written."""
        self.state.network = self.network.state_dict()
        self.state.optimiser = self.optimiser.state_dict()
        self.state.average = self.average.state_dict()
        return self.state

    def _step(self, batch: Batch) -> None:
        teaching, step, device = self.lesson.teaching, self.state.step, self.lesson.device
        torch.manual_seed(self.lesson.feed.seed * 1_000_003 + step)
        # else what normalises stays: more wear masks here than before cameras
        self.network.train(teaching.normalises)
        factor = teaching.schedule.factor(step, self.steps)
        for group in self.optimiser.param_groups:
            group["lr"] = teaching.optimiser.rate * group["times"] * factor
        with precision(device):
            loss = self._loss_of(batch)
        value = float(loss.detach())
        if not math.isfinite(value):
            raise Diverged(step)
        self.optimiser.zero_grad()
        loss.backward()  # type: ignore[no-untyped-call]
        torch.nn.utils.clip_grad_norm_(self.network.parameters(), 5.0)
        self.optimiser.step()
        self.state.losses.append(value)
        self.state.step += 1
        self._follow()

    def _loss_of(self, batch: Batch) -> Tensor:
        teaching, device = self.lesson.teaching, self.lesson.device
        if teaching.by == "points":
            said = self.network.offsets(batch.crops.to(device, non_blocking=True))
            wanted = batch.targets.to(device)
            return points_loss(said.float().flatten(1), wanted)
        crops = batch.crops if teaching.by == "teacher" else unstacked(batch.crops)
        vectors = functional.normalize(self._vectors(crops).float())
        if teaching.by == "triplets":
            return apart(vectors, teaching.margin)
        return self._loss(vectors, batch.targets[:, 0].long().to(device))

    def _vectors(self, crops: Tensor) -> Tensor:
        base, device = self.lesson.base, self.lesson.device
        out: Tensor
        if base is None:
            out = self.network(crops.to(device, non_blocking=True))
        else:
            out = self.network.vector(base(crops).to(device))
        return out

    def _loss(self, vectors: Tensor, places: Tensor) -> Tensor:
        """Return the loss of unit vectors (B, D) whose classes stand at places (B,)."""
        teaching, own = self.lesson.teaching, self.classes[places]  # (B, D)
        cosines = vectors @ self.classes.T  # (B, K)
        alike = own @ self.classes.T > teaching.alike
        right = torch.zeros_like(alike).scatter_(1, places[:, None], True)
        logits = (cosines - teaching.margin * right) * teaching.scale
        logits = logits.masked_fill(alike & ~right, -torch.inf)
        apart = functional.cross_entropy(logits, places)
        return apart + teaching.pull * (1 - (vectors * own).sum(dim=1)).mean()

    @torch.no_grad()
    def _follow(self) -> None:
        """Move the average of the weights."""
        # while few steps are behind, the average is of those alone
        decay = min(self.lesson.teaching.average, self.state.step / (self.state.step + 10))
        theirs = self.network.state_dict()
        for name, mine in self.average.state_dict().items():
            if mine.is_floating_point():
                mine.lerp_(theirs[name], 1 - decay)

    def _end_epoch(self, watcher: Watcher) -> None:
        state, lesson = self.state, self.lesson
        marks = lesson.watched.marks(self.average, lesson.device)
        epoch = Epoch(
            number=state.step // lesson.feed.steps,
            loss=float(np.mean(state.losses)),
            validation_loss=marks.loss,
            accuracy=marks.accuracy,
            balanced=marks.balanced,
        )
        state.losses = []
        state.epochs.append(epoch)
        self.keep()
        watcher.epoch(epoch)

    def keep(self) -> None:
        """Keep the average of the weights as it is now."""
        self.state.best_epoch = len(self.state.epochs)
        self.state.best = {
            name: self._taken(name, held).detach().cpu().clone()
            for name, held in self.average.state_dict().items()
        }

    def _taken(self, name: str, taught: Tensor) -> Tensor:
        if self.lesson.teaching.taken == 1 or not taught.is_floating_point():
            return taught
        begun: Tensor = self.begun[name]
        return begun.lerp(taught, self.lesson.teaching.taken)
