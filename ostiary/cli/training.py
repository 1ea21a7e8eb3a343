"""Knows the command that trains a network on labelled pictures. Does not know how that is done."""

import os
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from ostiary.cli.failure import ExitCode, Failure
from ostiary.cli.networks import DataOption, TaskArgument, check, needing, using_models
from ostiary.cli.output import print_facts, print_json
from ostiary.cli.place import JsonOption, place_of
from ostiary.cli.tables import train_table
from ostiary.cli.teaching import Told, train_recognition

if TYPE_CHECKING:
    from training.publish import Published
    from training.recipe import Recipe
    from training.train import Order

app = typer.Typer()

LAYOUT = (
    "What --data may be: as `ostiary evaluate` takes it. Killed or stopped, the same command goes "
    "on from where it was. The model is found by `ostiary models` where --out is a folder of "
    "HOME/models, as it is unless said otherwise."
)

FACES = "Recognition"
RecipeOption = Annotated[
    str,
    typer.Option(
        "--recipe",
        help="shipped, paper; masks also short, paper-grouped; expressions first, paper-short; "
        "faces aligner, half-masked, distilled …",
    ),
]
DeviceOption = Annotated[str, typer.Option("--device", help="cpu, cuda or auto.")]
OutOption = Annotated[
    Path | None,
    typer.Option("--out", help="Its folder (else HOME/models/TASK-RECIPE-SEED)."),
]
MinutesOption = Annotated[
    float | None, typer.Option("--minutes", min=0.0, help="Stop after so long; see below.")
]
EpochsOption = Annotated[
    int | None, typer.Option("--epochs", min=1, help="Instead of the recipe's.")
]
FoldOption = Annotated[int, typer.Option("--fold", min=0, max=4, help="Which fifth is tested.")]
SeedOption = Annotated[int, typer.Option("--seed", min=0, help="What is drawn by chance.")]
ThreadsOption = Annotated[
    int | None, typer.Option("--threads", min=1, help="Of the CPU (else all cores).")
]
NetworkOption = Annotated[
    str | None,
    typer.Option("--network", help="sface, facenet, facenet-full …", rich_help_panel=FACES),
]
TableOption = Annotated[
    str | None,
    typer.Option("--table", help="paper1, paper2, growth …: each row.", rich_help_panel=FACES),
]


@app.command(rich_help_panel="Watch", epilog=LAYOUT)
def train(  # noqa: PLR0913, PLR0917  # its parameters are its options
    context: typer.Context,
    task: TaskArgument,
    data: DataOption,
    recipe: RecipeOption = "shipped",
    device: DeviceOption = "auto",
    out: OutOption = None,
    minutes: MinutesOption = None,
    epochs: EpochsOption = None,
    seed: SeedOption = 0,
    fold: FoldOption = 0,
    threads: ThreadsOption = None,
    network: NetworkOption = None,
    table: TableOption = None,
    as_json: JsonOption = False,
) -> None:
    """Train a network on labelled pictures: masks, expressions, recognition.

    Writes weights, their description, a card, curves and a confusion matrix.
    A recipe keeps its last epoch or the best on a validation part; the figures
    are of a test part. --minutes stops early without changing the schedule: run the
    same command again to go on.
    """
    home, threads = place_of(context).settings().home, threads or os.cpu_count() or 1
    home = home.expanduser().absolute()
    asked = Told(data, recipe, device, out, minutes, epochs, seed, threads, home, as_json, fold,
                 network)  # fmt: skip
    if task == "recognition" and table is not None:
        if network or out or recipe != "shipped":
            raise Failure("The rows of --table have recipes, networks and folders of their own.",
                          code=ExitCode.USAGE)  # fmt: skip
        train_table(table, asked)
    elif task == "recognition":
        train_recognition(asked)
    elif network is not None or table is not None:
        raise Failure("--network and --table are for recognition.", code=ExitCode.USAGE)
    else:
        _train_classifier(task, asked)


def _train_classifier(task: str, asked: Told) -> None:
    check(task, asked.data)
    with needing("Training networks", "server,worker,train"):
        import training.plots  # noqa: F401  missing matplotlib is said before the long work
        from training.card import name_of
        from training.train import Order

        chosen = _recipe(task, asked.recipe)
    named = f"{name_of(task, asked.recipe, asked.fold)}-{asked.seed}"
    if asked.fold and chosen.split == "chance":
        raise Failure(f"The recipe {asked.recipe} splits by chance: no folds.", code=ExitCode.USAGE)
    order = Order(
        chosen,
        asked.data,
        asked.out or asked.home / "models" / named,
        asked.home / "cache",
        asked.device,
        asked.epochs,
        asked.seed,
        asked.threads,
        asked.fold,
    )
    result = _train(order, asked.minutes)
    if asked.as_json:
        print_json(told(result))
    else:
        print_facts(list(_facts(result)))


def _recipe(task: str, name: str) -> "Recipe":
    from training.recipes import RECIPES

    known = RECIPES[task]
    if name not in known:
        raise Failure(
            f"There is no recipe {name!r} for {task}: {', '.join(known)}.", code=ExitCode.USAGE
        )
    return known[name]


def _train(order: "Order", minutes: float | None) -> "Published":
    """Train, with progress; what may go wrong becomes a message."""
    from ostiary.cli.training_progress import Onlooker
    from training.loop import Diverged
    from training.refusal import Refusal
    from training.train import NoDevice, train

    try:
        with using_models(), Onlooker(minutes).looking() as onlooker:
            return train(order, onlooker)
    except Refusal as error:
        raise Failure(*error.lines[:3]) from error
    except (NoDevice, Diverged) as error:
        raise Failure(str(error)) from error
    except OSError as error:
        raise Failure(f"{error.filename or order.out}: {error.strerror or error}.") from error


def told(result: "Published") -> dict[str, object]:
    """Return what --json prints."""
    made = result.made
    return {
        "model": made.label,
        "out": str(result.out),
        "recipe": made.recipe.name,
        "seed": made.seed,
        "fold": made.material.fold,
        "labels": list(made.recipe.labels),
        "finished": made.finished,
        "steps": made.state.step,
        "steps_in_all": made.steps * made.recipe.epochs,
        "kept_epoch": made.state.best_epoch,
        "pictures": made.counts(),
        "temperature": made.temperature,
        "sha256": made.sha256,
        "measured": made.measured(),
        "classes": {
            one.name: {
                "precision": one.precision,
                "recall": one.recall,
                "f1": one.f1,
                "support": one.support,
            }
            for one in made.tested.classes
        },
        "confusion": [list(row) for row in made.tested.confusion],
        "files": {name: str(path) for name, path in result.files.items()},
    }


def _facts(result: "Published") -> Iterator[tuple[str, object]]:
    made = result.made
    total = made.steps * made.recipe.epochs
    yield "model", made.label
    if not made.finished:
        yield "stopped", f"after {made.state.step:,} of {total:,} steps; the same command goes on"
    yield "kept", f"epoch {made.state.best_epoch} of {made.recipe.epochs}"
    yield "pictures", ", ".join(f"{side} {n:,}" for side, n in made.counts().items() if n)
    yield "accuracy", f"{made.tested.accuracy:.2%} of the test part"
    for one in made.tested.classes:
        yield (
            one.name,
            (
                f"precision {one.precision:.4f}, recall {one.recall:.4f}, F1 {one.f1:.4f}, "
                f"support {one.support:,}"
            ),
        )
    yield "folder", result.out
