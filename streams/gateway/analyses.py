"""Knows the routes by which people have files of their own analysed. Never opens those files."""

import asyncio
from collections.abc import Callable
from pathlib import Path
from typing import Annotated, Any, Final, Literal

from fastapi import APIRouter, Depends, Request, Response
from fastapi.responses import FileResponse
from pydantic import BaseModel, ConfigDict, Field
from starlette.requests import ClientDisconnect

from engine.analyses import AnalysisState
from streams.gateway.analysis_jobs import Job, Wish, shown
from streams.gateway.analyst import Analyst, Nobody, now_s
from streams.gateway.auth import Operator
from streams.gateway.errors import ApiError, not_found

routes = APIRouter(prefix="/api/v1")

WRITE_BYTES: Final = 1 << 20  # at once, off the loop: live pictures go through it
TYPES: Final = {
    ".jpg": "image/jpeg",
    ".png": "image/png",
    ".mp4": "video/mp4",
    ".csv": "text/csv; charset=utf-8",
    ".jsonl": "application/jsonl; charset=utf-8",
    ".json": "application/json",
}


def analyst_of(request: Request) -> Analyst:
    """Return the analyses of the gateway that this request came to."""
    analyst = request.app.state.analyst
    assert isinstance(analyst, Analyst)
    return analyst


Analyses = Annotated[Analyst, Depends(analyst_of)]


class Asked(BaseModel):
    """What somebody asks for before the files are sent."""

    model_config = ConfigDict(extra="forbid")

    purpose: Literal["none", "expression", "people"] = "none"
    because: str | None = Field(default=None, max_length=500)
    language: Literal["en", "zh"] = "en"
    models: dict[Literal["mask", "expression"], Annotated[str, Field(max_length=130)]] = {}


@routes.get("/analyses/options")
async def options(analyst: Analyses, _: Operator) -> Any:
    """Return what may be asked for: models, purposes, bounds."""
    settings = analyst.jobs.settings
    try:
        models, nobody = await analyst.desk.models(), None
    except Nobody as error:
        models, nobody = {}, str(error)
    first = analyst.first
    return {
        "models": models,
        "first": {
            "purpose": first.purpose,
            "language": first.language,
            "models": dict(first.models),
        },
        "purposes": analyst.purposes,
        "upload_bytes": settings.upload_bytes,
        "files": settings.files,
        "keep_s": settings.keep_s,
        "reason_needed": analyst.reason_needed,
        "nobody": nobody,
    }


@routes.get("/analyses")
async def list_analyses(analyst: Analyses, who: Operator) -> Any:
    """Return this key's analyses, oldest first."""
    return {"analyses": [_shown(analyst, job) for job in analyst.jobs.of(who.key.id)]}


@routes.post("/analyses", status_code=201)
async def begin(body: Asked, analyst: Analyses, who: Operator) -> Any:
    """Begin an analysis; its files are sent next, then it is started."""
    if body.purpose not in analyst.purposes:
        raise ApiError(422, f"here is no analysis for {body.purpose}")
    because = (body.because or "").strip() or None
    if body.purpose == "expression" and analyst.reason_needed and because is None:
        reason = "expression needs its stated reason"
        raise ApiError(422, f"{reason} (because)", [{"field": "because", "reason": reason}])
    models = {str(task): label for task, label in body.models.items()}
    wish = Wish(body.purpose, because, body.language, models)
    return _shown(analyst, analyst.jobs.make(who.key.id, wish, now_s()))


@routes.put("/analyses/{job_id}/files/{number}")
async def send(job_id: str, number: int, name: str, request: Request, analyst: Analyses,
               who: Operator) -> Any:  # fmt: skip
    """Take one file in, as the raw body; `name` is only its label."""
    jobs = analyst.jobs
    job = jobs.owned(job_id, who.key.id)
    if not 0 <= number < jobs.settings.files:
        raise jobs.refused("files", 413, f"an analysis takes at most {jobs.settings.files} files")
    sent = jobs.begin_file(job, number, name)

    def count(more: int) -> None:
        if job.state is not AnalysisState.RECEIVING:
            raise ApiError(409, f"this analysis is {job.state}")
        jobs.room_for(job, more)
        sent.size, job.heard_s = sent.size + more, now_s()

    try:
        await keep(request, job.sent(number), count)
    except BaseException:
        job.files.pop(number, None)
        raise
    sent.whole = True
    return _shown(analyst, job)


@routes.post("/analyses/{job_id}/start")
async def start(job_id: str, analyst: Analyses, who: Operator) -> Any:
    """Put an analysis into the queue."""
    job = analyst.jobs.owned(job_id, who.key.id)
    analyst.jobs.start(job, now_s())
    analyst.changed()
    return _shown(analyst, job)


@routes.get("/analyses/{job_id}")
async def get(job_id: str, analyst: Analyses, who: Operator) -> Any:
    """Return how far an analysis is, and what came of it."""
    return _shown(analyst, analyst.jobs.owned(job_id, who.key.id))


@routes.delete("/analyses/{job_id}", status_code=204)
async def cancel(job_id: str, analyst: Analyses, who: Operator) -> None:
    """Cancel an analysis; erase one that has ended."""
    analyst.jobs.cancel(analyst.jobs.owned(job_id, who.key.id), now_s())
    analyst.changed()


@routes.get("/analyses/{job_id}/results/{name}")
async def result(job_id: str, name: str, analyst: Analyses, who: Operator) -> Response:
    """Return one result: an annotated picture or film, the report, the figures for the chart."""
    job = analyst.jobs.owned(job_id, who.key.id)
    if job.state is not AnalysisState.DONE or name not in job.results:
        raise not_found("result", name)
    return FileResponse(job.result(name), media_type=TYPES[Path(name).suffix])


def _shown(analyst: Analyst, job: Job) -> dict[str, object]:
    return shown(job, analyst.jobs.ahead_of(job)) | {"nobody": analyst.nobody}


async def keep(request: Request, place: Path, count: Callable[[int], None]) -> None:
    """Write a body to a file, never more of it in memory than WRITE_BYTES; nothing of a part.

    count: told how many bytes come next, and refuses by raising.
    """
    try:
        await _write(request, place, count)
    except BaseException as error:
        await asyncio.to_thread(place.unlink, missing_ok=True)
        if isinstance(error, ClientDisconnect):
            raise ApiError(400, "the file broke off") from error
        if isinstance(error, OSError):
            reason = error.strerror or type(error).__name__
            raise ApiError(507, f"the file cannot be kept: {reason}") from error
        raise


async def _write(request: Request, place: Path, count: Callable[[int], None]) -> None:
    part = bytearray()
    with place.open("xb") as file:
        async for chunk in request.stream():
            count(len(chunk))
            part += chunk
            if len(part) >= WRITE_BYTES:
                await asyncio.to_thread(file.write, bytes(part))
                part.clear()
        file.write(part)
