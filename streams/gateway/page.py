"""Knows where the page's files are and how they are served. Does not know what they do."""

from importlib.resources import files
from pathlib import Path

from fastapi import APIRouter
from fastapi.responses import FileResponse
from starlette.responses import Response
from starlette.staticfiles import StaticFiles
from starlette.types import Scope

routes = APIRouter()

FOLDER = Path(str(files("streams.viewer"))) / "page"
FRESH = "no-cache"  # asked for each time, answered by 304: a new version shows at once


class PageFiles(StaticFiles):
    """The page's files, revalidated each time."""

    async def get_response(self, path: str, scope: Scope) -> Response:
        """Return a file, or 404."""
        response = await super().get_response(path, scope)
        response.headers["cache-control"] = FRESH
        return response


def files_of_page() -> PageFiles:
    """Return what is mounted under /page."""
    return PageFiles(directory=FOLDER)


@routes.get("/", include_in_schema=False)
async def index() -> FileResponse:
    """The page."""
    return FileResponse(FOLDER / "index.html", headers={"cache-control": FRESH})


@routes.get("/lend", include_in_schema=False)
async def lend() -> FileResponse:
    """The page that lends a camera."""
    return FileResponse(FOLDER / "lend.html", headers={"cache-control": FRESH})
