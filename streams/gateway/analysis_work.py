"""Knows the routes by which one process takes an analysis and returns it. Opens no file itself.

The token that the process was asked with is spent by `claim`; the pass that it gets for it opens
this one analysis while it runs, and nothing else.
"""

import re
from typing import Annotated, Any, Final, Literal

from fastapi import APIRouter, Depends, Request, Response
from fastapi.responses import FileResponse
from pydantic import BaseModel, ConfigDict, Field

from streams.gateway.analyses import Analyses, keep
from streams.gateway.analysis_feed import FeedEnded
from streams.gateway.analyst import now_s
from streams.gateway.errors import ApiError, not_found

routes = APIRouter(prefix="/api/v1/analyses/{job_id}/work")

PICTURE_WITHIN_S: Final = 2.0
RESULT: Final = re.compile(r"\d{1,3}\.(jpg|png|mp4)|report\.(csv|jsonl)|faces\.json")


def bearer(request: Request) -> str:
    """Return what a process identifies itself with; 401 without it."""
    scheme, _, plain = request.headers.get("authorization", "").partition(" ")
    if scheme.lower() != "bearer" or not plain.strip():
        raise ApiError(401, "a token is needed: Authorization: Bearer TOKEN")
    return plain.strip()


Bearer = Annotated[str, Depends(bearer)]


class Progress(BaseModel):
    """How far a process is; share 0..1, None where a film does not say how long it is."""

    model_config = ConfigDict(extra="forbid")

    share: float | None = Field(default=None, ge=0, le=1)
    file: int | None = Field(default=None, ge=0)


class Problem(BaseModel):
    """A file that could not be analysed."""

    model_config = ConfigDict(extra="forbid")

    file: int
    message: str = Field(max_length=300)


class SeenTrack(BaseModel):
    """One face of a camera's picture. box: 0..1; lines: its label; the rest: probabilities."""

    model_config = ConfigDict(extra="forbid")

    id: int
    box: tuple[float, float, float, float]
    tentative: bool
    tone: Literal["worn", "incorrect", "missing", "plain"]
    named: bool
    lines: list[Annotated[str, Field(max_length=80)]] = Field(max_length=4)
    mask: dict[str, float]
    expression: dict[str, float]


class Seen(BaseModel):
    """What is seen in a camera's picture. words: of the probabilities, in the asked language."""

    model_config = ConfigDict(extra="forbid")

    number: int
    width: int
    height: int
    tracks: list[SeenTrack] = Field(max_length=100)
    words: dict[str, dict[str, str]]


class End(BaseModel):
    """How a process ended; reason: None where all went well."""

    model_config = ConfigDict(extra="forbid")

    reason: str | None = Field(default=None, max_length=300)
    problems: list[Problem] = Field(default=[], max_length=500)


@routes.post("/claim")
async def claim(job_id: str, token: Bearer, analyst: Analyses) -> Any:
    """Take an analysis, once: its options, its files, and the pass for what follows."""
    job, plain = analyst.jobs.claim(job_id, token, now_s())
    return {
        "pass": plain,
        "purpose": job.wish.purpose,
        "language": job.wish.language,
        "models": dict(job.wish.models),
        "files": [
            {"number": number, "name": one.name, "bytes": one.size}
            for number, one in sorted(job.files.items())
        ],
        "camera": job.camera is not None,
        "time_limit_s": analyst.jobs.settings.time_limit_s,
        "result_bytes": analyst.jobs.settings.upload_bytes,
    }


@routes.get("/files/{number}")
async def fetch(job_id: str, number: int, plain: Bearer, analyst: Analyses) -> Response:
    """Return a file as it was sent."""
    job = analyst.jobs.at_work(job_id, plain, now_s())
    if number not in job.files or job.camera is not None:
        raise not_found("file", str(number))
    return FileResponse(job.sent(number), media_type="application/octet-stream")


@routes.post("/progress", status_code=204)
async def progress(job_id: str, body: Progress, plain: Bearer, analyst: Analyses) -> None:
    """Say how far it is; 410 where nobody wants it any more."""
    job = analyst.jobs.at_work(job_id, plain, now_s())
    job.share = body.share
    job.at = job.files[body.file].name if body.file in job.files else ""


@routes.get("/camera")
async def next_picture(job_id: str, plain: Bearer, analyst: Analyses) -> Response:
    """Return a camera's next picture; 204 where none came in time, 205 where none comes."""
    feed = analyst.jobs.at_work(job_id, plain, now_s()).camera
    if feed is None:
        raise not_found("camera", job_id)
    try:
        shot = await feed.take(PICTURE_WITHIN_S)
    except FeedEnded:
        return Response(status_code=205)
    if shot is None:
        return Response(status_code=204)
    headers = {"x-number": str(shot.number), "x-at-s": str(shot.at_s)}
    return Response(shot.data, media_type="application/octet-stream", headers=headers)


@routes.post("/camera", status_code=204)
async def seen(job_id: str, body: Seen, plain: Bearer, analyst: Analyses) -> None:
    """Say what is seen in a picture."""
    feed = analyst.jobs.at_work(job_id, plain, now_s()).camera
    if feed is not None:
        feed.say(body.number, body.model_dump(exclude={"number"}))


@routes.put("/results/{name}", status_code=204)
async def put(job_id: str, name: str, plain: Bearer, request: Request, analyst: Analyses) -> None:
    """Return one result, as the raw body."""
    jobs = analyst.jobs
    job = jobs.at_work(job_id, plain, now_s())
    if not RESULT.fullmatch(name) or name in job.results:
        raise ApiError(422, f"{name!r} is no result's name, or it was returned before")

    def count(more: int) -> None:
        jobs.at_work(job_id, plain, now_s())
        jobs.room_for_result(job, more)
        job.results[name] = job.results.get(name, 0) + more

    try:
        await keep(request, job.result(name), count)
    except BaseException:
        job.results.pop(name, None)
        raise


@routes.post("/end", status_code=204)
async def end(job_id: str, body: End, plain: Bearer, analyst: Analyses) -> None:
    """Say that it is done, or why it is not."""
    job = analyst.jobs.at_work(job_id, plain, now_s())
    job.problems = [
        {"file": one.file, "name": job.files[one.file].name, "message": one.message}
        for one in body.problems
        if one.file in job.files
    ]
    analyst.jobs.finish(job, body.reason, now_s())
    analyst.changed()
