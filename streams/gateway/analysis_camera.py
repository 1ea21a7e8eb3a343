"""Knows the routes by which a browser's camera is analysed while it runs. Opens no picture."""

from functools import partial
from typing import Annotated, Any, Final

from fastapi import APIRouter, Query, Request

from engine.analyses import AnalysisState
from streams.gateway.analyses import Analyses
from streams.gateway.analysis_feed import Feed, FeedBusy, FeedEnded
from streams.gateway.analysis_jobs import Job, shown
from streams.gateway.analyst import now_s
from streams.gateway.auth import Operator
from streams.gateway.errors import ApiError

routes = APIRouter(prefix="/api/v1/analyses/{job_id}/camera")

PICTURE_BYTES: Final = 4_000_000
ANSWER_S: Final = 50.0  # the first waits until the networks are converted and loaded
LONGEST_S: Final = 600.0
LATEST_S: Final = 3600.0

AtS = Annotated[float, Query(ge=0, le=LATEST_S)]


@routes.post("")
async def begin(job_id: str, name: str, analyst: Analyses, who: Operator) -> Any:
    """Have a camera analysed instead of files; `name` is its label. Puts it into the queue."""
    jobs = analyst.jobs
    job = jobs.owned(job_id, who.key.id)
    if job.files:
        raise ApiError(409, "files were sent for this analysis: begin another one for a camera")
    jobs.begin_file(job, 0, name).whole = True
    # What was seen needs time to be kept, too.
    job.camera = Feed(now_s, min(LONGEST_S, jobs.settings.time_limit_s / 2))
    jobs.start(job, now_s())
    analyst.changed()
    return shown(job, jobs.ahead_of(job))


@routes.post("/pictures")
async def show(job_id: str, at_s: AtS, request: Request, analyst: Analyses, who: Operator) -> Any:
    """Show one picture, as the raw body; the answer is what is seen in it.

    409 while it is not its turn, 410 where no more pictures are taken, 429 while the one before
    is in hand, 504 where nothing was said in time.
    """
    job = analyst.jobs.owned(job_id, who.key.id)
    feed = _feed_of(job)
    if job.state is AnalysisState.QUEUED:
        raise ApiError(409, "this analysis waits for its turn")
    try:
        return await feed.show(partial(_picture, request), at_s, ANSWER_S)
    except FeedEnded as error:
        raise ApiError(410, "no more pictures are taken") from error
    except FeedBusy as error:
        raise ApiError(429, "the picture before is still looked at") from error
    except TimeoutError as error:
        raise ApiError(504, "nothing was said of this picture in time") from error


@routes.delete("", status_code=204)
async def end(job_id: str, analyst: Analyses, who: Operator) -> None:
    """Show no more pictures; what was seen is kept as the analysis' results."""
    _feed_of(analyst.jobs.owned(job_id, who.key.id)).end()


def _feed_of(job: Job) -> Feed:
    if job.camera is None:
        raise ApiError(409, "this analysis is of files, not of a camera")
    return job.camera


async def _picture(request: Request) -> bytes:
    """Return a picture, at most PICTURE_BYTES."""
    data = bytearray()
    async for chunk in request.stream():
        data += chunk
        if len(data) > PICTURE_BYTES:
            raise ApiError(413, f"a picture takes at most {PICTURE_BYTES // 1_000_000} MB")
    if not data:
        raise ApiError(422, "there is no picture in this request")
    return bytes(data)
