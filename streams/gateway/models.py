"""Knows the routes of networks: which are in use, and choosing another. Does not know any network.

The gateway knows no model itself: a worker says whether there is one of that name, and whether the
live system can use it. The choice stands in the ledger, which every worker follows.
"""

from collections.abc import Mapping, Sequence
from dataclasses import asdict
from typing import Any, Final

from fastapi import APIRouter
from pydantic import BaseModel, ConfigDict, Field

from streams.bus.heartbeats import WorkerStatus, live_workers
from streams.bus.requests import ask
from streams.gateway.auth import Admin
from streams.gateway.errors import ApiError
from streams.gateway.parts import Here, Parts
from streams.ledger.models import TASKS

routes = APIRouter(prefix="/api/v1")

CHECK_WITHIN_S: Final = 15.0
FIXED: Final[Mapping[str, str]] = {
    "detector": "the other networks and their thresholds were measured behind it",
}
CALLED: Final[Mapping[str, str]] = {"recognition": "embedder"}  # what people call a task
STATUSES: Final[Mapping[str, int]] = {"unknown": 404, "unusable": 409}


class Choice(BaseModel):
    """A model by its name or its label, "name@version"."""

    model_config = ConfigDict(extra="forbid")

    name: str = Field(min_length=1, max_length=130)


def describe(chosen: Mapping[str, str], workers: Sequence[WorkerStatus]) -> dict[str, Any]:
    """Return by role what is chosen (None: what is shipped), and what each worker says of it."""
    found = {}
    for role in (*TASKS, *FIXED):
        said = [
            {"worker": worker.id, **asdict(worker.models[role])}
            for worker in workers
            if role in worker.models
        ]
        found[role] = {"chosen": chosen.get(role), "workers": said}
    return found


async def _models(parts: Parts) -> dict[str, Any]:
    workers = await live_workers(parts.bus)
    return describe(await parts.ledger.models.all(), workers)


@routes.get("/models")
async def list_models(parts: Here, _: Admin) -> Any:
    """Return what is chosen and in use for each role, worker by worker."""
    return {"models": await _models(parts)}


@routes.put("/models/{task}")
async def choose_model(task: str, body: Choice, parts: Here, _: Admin) -> Any:
    """Choose a model for the running system; `chosen` is its label, workers follow within seconds.

    404 for an unknown name, 409 for a model that cannot be used, 422 for what cannot be switched.
    """
    task = CALLED.get(task, task)
    if task in FIXED:
        raise ApiError(422, f"the {task} cannot be switched while all runs: {FIXED[task]}")
    known = next((one for one in TASKS if one == task), None)
    if known is None:
        raise ApiError(422, f"there is no task {task!r}: mask, expression or recognition")
    fields = {"task": task.encode(), "name": body.name.encode()}
    answer = await ask(parts.bus, "model", fields, CHECK_WITHIN_S)
    if "refused" in answer:
        raise ApiError(STATUSES.get(answer["refused"], 422), answer["reason"])
    label = str(answer["label"])
    # What is shipped is no choice: a newer Ostiary then brings its own newer network.
    await parts.ledger.models.choose(known, None if answer["shipped"] else label)
    return {"task": task, "label": label, **(await _models(parts))[task]}
