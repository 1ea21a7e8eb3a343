"""Knows how the running installation looks on a terminal. Does not know what runs."""

import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager

from rich.console import Console, RenderableType
from rich.markup import escape
from rich.panel import Panel
from rich.progress import (
    BarColumn,
    Progress,
    TaskProgressColumn,
    TextColumn,
    TimeRemainingColumn,
)
from rich.table import Table

from ostiary.supervisor.logs import Repeats, Said

COLOURS = {"ingest": "cyan", "gateway": "magenta", "bus": "blue", "ledger": "blue", "demo": "green"}
QUIET = frozenset({"request"})  # a refused request has a cause, which is an event of its own
LEVEL_COLOURS = {"warning": "yellow", "error": "red", "critical": "bold red"}


class _Patient(Console):
    """A console whose reader may go: rich would end the process."""

    def on_broken_pipe(self) -> None:
        self.quiet = True


class Terminal:
    """Short lines for people; what is long stands in the logs.

    A terminal that was closed is not written to any more, and stops nobody.
    """

    def __init__(self, console: Console | None = None) -> None:
        self.console = console or _Patient(highlight=False, soft_wrap=True)
        self._repeats = Repeats()

    @property
    def interactive(self) -> bool:
        """Whether a person looks at it: secrets are shown nowhere else."""
        return self.console.is_terminal

    def say(self, name: str, text: str, level: str = "info") -> None:
        """Print one line about one process."""
        hidden = self._repeats.admit(f"{name} {text}", time.monotonic_ns())
        if hidden is None:
            return
        clock = time.strftime("%H:%M:%S")
        colour = COLOURS.get(name, "cyan")
        body = escape(text[:400])
        if level in LEVEL_COLOURS:
            body = f"[{LEVEL_COLOURS[level]}]{body}[/]"
        more = f" [dim](and {hidden} like it)[/]" if hidden else ""
        self._print(f"[dim]{clock}[/] [{colour}]{name:<9}[/] {body}{more}")

    def _print(self, *what: RenderableType) -> None:
        try:
            self.console.print(*what, sep="\n")
        except OSError:
            self.console.quiet = True  # the terminal has gone

    def note(self, name: str, said: Said) -> None:
        """Print what a process said, if it is loud enough."""
        if not said.loud or said.event in QUIET:
            return
        hidden = self._repeats.admit(f"{name} {said.event}", time.monotonic_ns())
        if hidden is not None:
            more = f" (and {hidden} like it)" if hidden else ""
            self.say(name, said.short + more, said.level)

    @contextmanager
    def progress(self, what: str) -> Iterator[Callable[[int, int], None]]:
        """Show how far something is: a bar on a terminal, else a line for each quarter."""
        if self.interactive:
            with Progress(
                TextColumn("{task.description}"),
                BarColumn(),
                TaskProgressColumn(),
                TimeRemainingColumn(),
                console=self.console,
                transient=True,
            ) as bars:
                bar = bars.add_task(what, total=None)
                yield lambda done, total: bars.update(bar, completed=done, total=total)
            return
        said = -1

        def say(done: int, total: int) -> None:
            nonlocal said
            quarter = 4 * done // max(total, 1)
            if quarter > said:
                said = quarter
                self.say("demo", f"{what}: {25 * quarter} %")

        yield say

    def welcome(self, page: str, rows: Sequence[tuple[str, str]]) -> None:
        """Print where the page is and what else a person needs now."""
        grid = Table.grid(padding=(0, 2))
        grid.add_column(style="dim", no_wrap=True)
        grid.add_column(overflow="fold")
        grid.add_row("Page", f"[bold]{escape(page)}[/]")
        for name, text in rows:
            grid.add_row(name, escape(text))
        if self.interactive:
            self._print(Panel(grid, title="Ostiary is running", border_style="green"))
            return
        self._print("Ostiary is running", grid)
