"""Knows the page "Analyze" alone on this machine: the gateway's routes, without its servers.

One key, made for this run, opens it; the process that analyses is the same as in the live system.
"""

import asyncio
import hmac
import secrets
import shutil
import socket
import tempfile
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Annotated, Any, Final

import uvicorn
from fastapi import APIRouter, Depends, FastAPI, Request, Response
from fastapi.responses import FileResponse
from pydantic import BaseModel, ConfigDict, Field, SecretStr

from config.schema import AnalysesSettings, Settings
from ostiary.analysis.sources import list_sources
from ostiary.jobs.beginning import Beginning
from ostiary.jobs.desk import JobDesk
from ostiary.jobs.errand import Bench
from streams.gateway import analyses, analysis_camera, analysis_work, errors, page
from streams.gateway.analysis_jobs import Wish
from streams.gateway.analyst import Analyst, now_s
from streams.gateway.app import Server
from streams.gateway.auth import SAFE, Identity, identify, refuse_foreign_origin
from streams.gateway.errors import ApiError
from streams.gateway.headers import BodyLimit, SecurityHeaders
from streams.gateway.metrics import Metrics
from streams.ledger.access import AccessRole, KeyRecord

HOST: Final = "127.0.0.1"
COOKIE: Final = "ostiary-show"  # not the gateway's: cookies know no port
OWNER: Final = KeyRecord("show", AccessRole.OPERATOR, None, "this page", 0)

routes = APIRouter()


@dataclass(slots=True)
class Show:
    """One run of the page: its address, its key, what it holds while it runs."""

    analyst: Analyst
    desk: JobDesk
    listening: socket.socket
    key: str = field(default_factory=lambda: secrets.token_urlsafe(24), repr=False)

    @property
    def url(self) -> str:
        """The address that opens it."""
        return f"http://{HOST}:{self.listening.getsockname()[1]}/#key={self.key}"


class NothingThere(Exception):
    """What should be shown is not there; the message says what."""


class SignIn(BaseModel):
    """What the page sends to sign in."""

    model_config = ConfigDict(extra="forbid")

    key: SecretStr = Field(max_length=300)


def show_of(request: Request) -> Show:
    """Return the run that this request came to."""
    show = request.app.state.show
    assert isinstance(show, Show)
    return show


Here = Annotated[Show, Depends(show_of)]


def signed_in(request: Request, show: Show) -> bool:
    """Whether a request's cookie holds the key."""
    return hmac.compare_digest(request.cookies.get(COOKIE, "").encode(), show.key.encode())


async def identify_here(request: Request, show: Here) -> Identity:
    """Return the one identity that there is; 401 without its cookie."""
    if not signed_in(request, show):
        raise ApiError(401, "open the address that `ostiary analyze --show` printed")
    if request.method not in SAFE:
        refuse_foreign_origin(request)
    return Identity(OWNER)


@routes.post("/api/v1/session")
async def sign_in(body: SignIn, request: Request, response: Response, show: Here) -> Any:
    """Exchange the key for a cookie that scripts cannot read."""
    refuse_foreign_origin(request)
    if not hmac.compare_digest(body.key.get_secret_value().strip().encode(), show.key.encode()):
        raise ApiError(401, "this key is another run's: open the address that was printed last")
    response.set_cookie(COOKIE, show.key, httponly=True, samesite="strict", path="/")
    return {"signed_in": True, "role": OWNER.role.value}


@routes.get("/api/v1/session")
async def session(request: Request, show: Here) -> Any:
    """Say whether this browser is signed in."""
    if not signed_in(request, show):
        return {"signed_in": False}
    return {"signed_in": True, "role": OWNER.role.value}


@routes.get("/", include_in_schema=False)
async def index() -> FileResponse:
    """The page."""
    return FileResponse(page.FOLDER / "analyze.html", headers={"cache-control": page.FRESH})


def build_app(show: Show) -> FastAPI:
    """Return the HTTP application of one run."""
    app = FastAPI(title="Ostiary", openapi_url=None, docs_url=None, redoc_url=None)
    app.state.show, app.state.analyst = show, show.analyst
    errors.install(app)
    for one in (routes, analyses.routes, analysis_camera.routes, analysis_work.routes):
        app.include_router(one)
    app.mount("/page", page.files_of_page())
    app.dependency_overrides[identify] = identify_here
    bound = show.analyst.jobs.settings.upload_bytes
    app.add_middleware(BodyLimit, wider={"/api/v1/analyses/": bound})
    app.add_middleware(SecurityHeaders, secure=False)
    return app


def open_show(settings: Settings, beginning: Beginning, folder: Path) -> Show:
    """Return a run that keeps its files in `folder`. Raises OSError where it cannot listen."""
    home = settings.home.expanduser().absolute()
    listening = socket.create_server((HOST, 0))
    bounds: AnalysesSettings = settings.analyses
    longest_px = settings.analysis.detect_size_px
    bench = Bench(folder / "work", home, bounds.memory_bytes, longest_px, 0, beginning.people)
    desk = JobDesk(f"http://{HOST}:{listening.getsockname()[1]}", bench)
    analyst = Analyst(folder, bounds, desk, Metrics())
    models = dict(beginning.models)
    analyst.first = Wish(beginning.purpose, None, beginning.language, models)
    analyst.reason_needed = False  # no camera, no building: somebody's own files on their machine
    if beginning.people is not None:
        analyst.purposes = (*analyst.purposes, "people")
    return Show(analyst, desk, listening)


def begin_with(show: Show, beginning: Beginning) -> None:
    """Put what the command named into a first analysis. Raises NothingThere."""
    named = [one for one in beginning.sources if not one.startswith("webcam")]
    if not named:
        return
    listing = list_sources(named)
    if not listing.sources:
        raise NothingThere(str(listing.problems[0]))
    jobs = show.analyst.jobs
    job = jobs.make(OWNER.id, show.analyst.first, now_s())
    for number, source in enumerate(listing.sources):
        place = source.place
        if not isinstance(place, Path):
            continue
        sent = jobs.begin_file(job, number, source.inside.name)
        size = place.stat().st_size
        jobs.room_for(job, size)
        shutil.copyfile(place, job.sent(number))
        sent.size, sent.whole = size, True
    jobs.start(job, now_s())


async def run(settings: Settings, beginning: Beginning, ready: Callable[[str], None]) -> None:
    """Serve the page until cancelled; `ready` gets its address. Nothing of it is left behind.

    Raises NothingThere, OSError.
    """
    with tempfile.TemporaryDirectory(prefix="ostiary-show-") as folder:
        show = open_show(settings, beginning, Path(folder))
        config = uvicorn.Config(
            build_app(show),
            log_config=None,
            access_log=False,
            server_header=False,
            lifespan="off",
            timeout_graceful_shutdown=1,
        )
        try:
            begin_with(show, beginning)
        except ApiError as error:
            raise NothingThere(error.error) from error
        async with asyncio.TaskGroup() as group:
            group.create_task(Server(config).serve(sockets=[show.listening]))
            group.create_task(show.analyst.run())
            group.create_task(show.desk.run())
            webcam = any(one.startswith("webcam") for one in beginning.sources)
            ready(show.url.replace("/#", "/?webcam#") if webcam else show.url)
