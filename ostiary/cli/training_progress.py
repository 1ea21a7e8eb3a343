"""Knows how a training is looked on: lines, a bar, minutes, when to save. Trains nothing."""

import signal
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from types import FrameType
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from rich.progress import Progress, TaskID

    from training.loop import Outset
    from training.state import Epoch

SAVE_EVERY_S = 120.0
SAY_EVERY_S = 30.0  # where nobody looks at a terminal


class Onlooker:
    """A training's shell: it has the clock, and asks for an end after minutes or on Ctrl-C."""

    def __init__(self, minutes: float | None) -> None:
        self._minutes = minutes
        self._stopped = ""
        self._bar: Progress | None = None
        self._task: TaskID | None = None
        self._said_s = self._saved_s = self._began_s = time.monotonic()
        self._pictures = 0
        self._first = 0
        self._steps = self._an_epoch = self._epochs = 0

    @contextmanager
    def looking(self) -> Iterator["Onlooker"]:
        """Look on: a bar where there is a terminal; Ctrl-C ends after the step under way."""
        before = signal.signal(signal.SIGINT, self._interrupted)
        try:
            if not sys.stderr.isatty():
                yield self
                return
            with _bar() as self._bar:
                self._task = self._bar.add_task("reading pictures", total=None)
                yield self
        finally:
            signal.signal(signal.SIGINT, before)

    def _interrupted(self, number: int, frame: FrameType | None) -> None:
        if self._stopped or not self._steps:
            raise KeyboardInterrupt
        self._stopped = "interrupted"

    def cut(self, done: int, total: int) -> None:
        """Show how many pictures are cut."""
        if self._bar is not None and self._task is not None:
            self._bar.update(self._task, description="cutting faces", completed=done, total=total)
        elif time.monotonic() - self._said_s > SAY_EVERY_S:
            self._said_s = time.monotonic()
            self._say(f"{done:,} of {total:,} pictures cut")

    def begin(self, outset: "Outset") -> None:
        """Say what is about to be done; minutes count from here."""
        self._an_epoch, self._epochs = outset.steps_an_epoch, outset.epochs
        self._steps, self._first = self._an_epoch * self._epochs, outset.begun
        self._began_s = self._saved_s = self._said_s = time.monotonic()
        if self._minutes is None and outset.device == "cpu" and outset.cpu_minutes is not None:
            self._minutes = outset.cpu_minutes
            self._say(
                f"On a CPU it stops after {self._minutes:g} minutes, unless --minutes is given."
            )
        self._say(
            f"{outset.title} on {outset.device}: {outset.pictures:,} pictures an epoch, "
            f"{self._epochs} epochs of {self._an_epoch:,} steps"
            + (f", going on from step {self._first:,}" if self._first else "")
        )

    def step(self, step: int, loss: float, pictures: int) -> None:
        """Show one step."""
        self._pictures += pictures
        if self._bar is not None and self._task is not None:
            said = f"epoch {self._epoch(step)}/{self._epochs} loss {loss:.3f} {self._speed():.0f}/s"
            self._bar.update(self._task, description=said, completed=step, total=self._steps)
        elif time.monotonic() - self._said_s > SAY_EVERY_S:
            self._said_s = time.monotonic()
            self._say(
                f"epoch {self._epoch(step)}, step {step:,} of {self._steps:,}: loss {loss:.4f}, "
                f"{self._speed():.0f} pictures/s, {self._left(step)} left"
            )

    def epoch(self, epoch: "Epoch") -> None:
        """Say what an epoch came to."""
        self._said_s = time.monotonic()
        self._say(
            f"epoch {epoch.number} of {self._epochs}: loss {epoch.loss:.4f}, validation loss "
            f"{epoch.validation_loss:.4f}, accuracy {epoch.accuracy:.2%}, balanced "
            f"{epoch.balanced:.2%}, {self._speed():.0f} pictures/s, "
            f"{self._left(epoch.number * self._an_epoch)} left"
        )

    def save_now(self) -> bool:
        """Whether some time has passed since the last time."""
        if time.monotonic() - self._saved_s < SAVE_EVERY_S:
            return False
        self._saved_s = time.monotonic()
        return True

    def stop_now(self) -> bool:
        """Whether the minutes are over, or somebody pressed Ctrl-C; said once."""
        over = self._minutes is not None and self._passed_s() >= 60 * self._minutes
        if over and not self._stopped:
            self._stopped = f"the {self._minutes:g} minutes are over"
        if self._stopped:
            self._say(f"Stopped: {self._stopped}. The same command goes on from here.")
        return bool(self._stopped)

    def _say(self, line: str) -> None:
        """Print a line on standard error, at once; above the bar where there is one."""
        if self._bar is not None:
            self._bar.console.print(line, highlight=False, markup=False)
        else:
            print(line, file=sys.stderr, flush=True)

    def _passed_s(self) -> float:
        return time.monotonic() - self._began_s

    def _speed(self) -> float:
        return self._pictures / max(self._passed_s(), 1e-6)

    def _epoch(self, step: int) -> int:
        return (step - 1) // self._an_epoch + 1

    def _left(self, step: int) -> str:
        done = max(1, step - self._first)
        seconds = self._passed_s() / done * (self._steps - step)
        return f"{seconds / 60:.0f} min" if seconds >= 90 else f"{seconds:.0f} s"


def _bar() -> Any:
    from rich.console import Console
    from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn
    from rich.progress import TimeRemainingColumn as Remaining

    columns = (TextColumn("{task.description}"), BarColumn(), MofNCompleteColumn(), Remaining())
    return Progress(*columns, console=Console(stderr=True), transient=True)
