"""Knows the routes by which a browser watches (WHEP, draft-ietf-wish-whep). Sends no picture."""

from fastapi import APIRouter, Request, Response

from streams.gateway.auth import Viewer, camera_for
from streams.gateway.errors import ApiError, not_found
from streams.gateway.parts import Here
from streams.viewer.negotiation import OfferRefused

routes = APIRouter(prefix="/api/v1")

SDP = "application/sdp"


async def offered(request: Request) -> str:
    """Return the offer in a request's body: 415 for another type, 400 for no SDP."""
    if request.headers.get("content-type", "").partition(";")[0].strip() != SDP:
        raise ApiError(415, f"send an offer as {SDP}")
    try:
        text = (await request.body()).decode()
    except UnicodeDecodeError as error:
        raise ApiError(400, "the offer is not text") from error
    if not text.startswith("v=0"):
        raise ApiError(400, "the offer is not an SDP")
    return text


@routes.post("/cameras/{camera_id}/whep")
async def watch(camera_id: str, request: Request, parts: Here, who: Viewer) -> Response:
    """Answer an offer: from now on the camera's packets and boxes flow to this browser."""
    camera = camera_for(parts, who, camera_id)
    try:
        answer = await parts.watchers.begin(who.key.id, camera, await offered(request))
    except OfferRefused as error:
        raise ApiError(error.status, str(error)) from error
    headers = {"location": f"/api/v1/whep/{answer.session_id}"}
    return Response(answer.sdp, status_code=201, media_type=SDP, headers=headers)


@routes.delete("/whep/{session_id}", status_code=204)
async def leave(session_id: str, parts: Here, who: Viewer) -> None:
    """End one's own session."""
    if not await parts.watchers.end(session_id, who.key.id):
        raise not_found("session", session_id)
