"""Knows how a worker goes over to another network while it works. Does not know who chose it.

Theory of operation. The ledger holds one chosen label a task. Whenever that is announced the
worker looks for the model, converts it in a child and compiles it beside the live analysis, tries
it on an empty picture, and puts it in use between two turns. Whatever goes wrong with it, the
network in use stays, and the reason stands in the heartbeat until the next announcement. A worker
begins with what is shipped, so that a broken choice never keeps it from starting.
"""

import asyncio
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
import structlog

from engine.gallery import EMBEDDING_SIZE
from engine.observations import MaskState
from streams.bus.heartbeats import ModelState, ModelStatus
from streams.ledger.models import TASKS
from workers.analysis import Analysis
from workers.embedding import embedder_of
from workers.manifest import Entry, Role, UnknownModel, WeightsError, load_models, verify
from workers.models import alert_models, runtime_for
from workers.roster import Roster
from workers.runtime import Runtime
from workers.runtime.conversion import convert_aside

log = structlog.get_logger()


@dataclass(frozen=True, slots=True)
class Workshop:
    """Where models are looked for, where converted ones are kept, and what they run on."""

    home: Path
    cache: Path
    device: str
    threads: int


@dataclass(slots=True)
class Switching:
    """The networks of one worker that may change; `want` says which, `step` goes over to them."""

    analysis: Analysis
    workshop: Workshop
    roster: Roster
    _wanted: dict[str, str] = field(default_factory=dict)
    _heard: asyncio.Event = field(default_factory=asyncio.Event)
    _statuses: dict[Role, ModelStatus] = field(default_factory=dict)

    @property
    def statuses(self) -> dict[str, ModelStatus]:
        """What is in use for every role, and what hinders what was chosen."""
        versions = self.analysis.tools.models.versions
        return {
            role: self._statuses.get(role, ModelStatus(label)) for role, label in versions.items()
        }

    async def want(self, chosen: Mapping[str, str]) -> None:
        """Take note of what is chosen, by task; what was refused is tried again."""
        self._wanted = dict(chosen)
        self._heard.set()

    async def step(self) -> None:
        """Wait until something was announced, and follow it.

        Raises what redis-py raises while the ledger is away and people must be embedded anew.
        """
        await self._heard.wait()
        self._heard.clear()
        try:
            for task in TASKS:
                await self._follow(task, self._wanted.get(task))
        except BaseException:  # the ledger went away in between: it is followed again
            self._heard.set()
            raise

    async def answer(self, fields: Mapping[str, bytes]) -> Mapping[str, Any]:
        """Answer whether this worker could use a model; requests of kind "model"."""
        task, name = fields["task"].decode(), fields["name"].decode()
        role = next((one for one in TASKS if one == task), None)
        if role is None:
            return {"refused": "task", "reason": f"there is no task {task!r}"}
        try:
            entry = await asyncio.to_thread(usable, self.workshop.home, role, name)
        except UnknownModel as error:
            return {"refused": "unknown", "reason": str(error)}
        except WeightsError as error:
            return {"refused": "unusable", "reason": one_line(error)}
        return {"label": entry.label, "shipped": entry.shipped}

    async def _follow(self, role: Role, name: str | None) -> None:
        in_use = self.analysis.tools.models.entries[role]
        wanted = name or "the shipped one"
        try:
            entry = await asyncio.to_thread(usable, self.workshop.home, role, name)
            if entry == in_use:
                self._statuses.pop(role, None)
                return
            wanted = entry.label
            self._statuses[role] = ModelStatus(in_use.label, wanted, ModelState.LOADING)
            runtime = await self._load(entry)
        except Exception as error:  # somebody else's network may fail in any way: ours stays
            reason = one_line(error)
            self._statuses[role] = ModelStatus(in_use.label, wanted, ModelState.REFUSED, reason)
            log.error("model refused", role=role, wanted=wanted, kept=in_use.label, reason=reason)
            return
        if role == "embedder":
            await self._recognise_by(entry, runtime)
        else:
            await self._use(entry, runtime)
        self._statuses.pop(role, None)
        log.info("model in use", role=role, model=entry.label, before=in_use.label)

    async def _load(self, entry: Entry) -> Runtime:
        """Return the network, ready to run; cameras are analysed meanwhile.

        On a GPU it is made on the lane's own thread: nothing else may use CUDA during a capture.
        """
        shop, tools = self.workshop, self.analysis.tools
        if shop.device != "cpu":
            loop = asyncio.get_running_loop()
            return await loop.run_in_executor(tools.executor, tried, entry, shop)
        await convert_aside(entry, shop.cache)
        return await asyncio.to_thread(tried, entry, shop)

    async def _recognise_by(self, entry: Entry, runtime: Runtime) -> None:
        """Go over to another embedder once everybody has vectors of it.

        Raises what redis-py raises while the ledger is away; the old one is in use then.
        """
        models, desks = self.analysis.tools.models, self.analysis.desks
        embedder = embedder_of(entry, runtime, self.analysis.tools.executor)
        gallery = await self.roster.gallery_of(embedder)
        async with self.analysis.turn.changing():
            models.replace(entry, runtime)
            self.roster.use(embedder, gallery)
            for desk in desks.values():
                desk.watch.replace_embedder(gallery)
                desk.watch.replace_models(alert_models(models))
        await self.roster.load_people()  # with whoever was enrolled by the old one meanwhile
        async with self.analysis.turn.changing():
            for desk in desks.values():
                desk.watch.replace_gallery(self.roster.gallery)

    async def _use(self, entry: Entry, runtime: Runtime) -> None:
        models = self.analysis.tools.models
        async with self.analysis.turn.changing():
            models.replace(entry, runtime)
            for desk in self.analysis.desks.values():
                desk.watch.replace_models(alert_models(models))


def usable(home: Path, role: Role, name: str | None) -> Entry:
    """Return a model that the live system can use, its file verified. Raises WeightsError."""
    entry = load_models(home).of(role, name)
    if role == "mask" and entry.classes != len(MaskState):
        raise WeightsError(
            f"{entry.label} tells {entry.classes} classes apart; the live system needs "
            f"{len(MaskState)}: {', '.join(MaskState)}"
        )
    verify(entry)
    return entry


def tried(entry: Entry, shop: Workshop) -> Runtime:
    """Load a network and run it once, which compiles it. Raises WeightsError for a wrong answer."""
    runtime = runtime_for(entry, shop.device, shop.cache, shop.threads)
    (output,) = runtime.run(np.zeros((1, *entry.input, 3), np.uint8)).values()
    wanted = EMBEDDING_SIZE if entry.role == "embedder" else entry.classes
    if output.shape != (1, wanted):
        raise WeightsError(f"{entry.label} answers {output.shape[1:]}, not {wanted} numbers")
    if not np.isfinite(output).all():
        raise WeightsError(f"{entry.label} answers what is no number")
    return runtime


def one_line(error: Exception) -> str:
    """An error's text on one line; its kind where it has none."""
    return " ".join(str(error).split())[:500] or type(error).__name__
