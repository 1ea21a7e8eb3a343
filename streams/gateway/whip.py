"""Knows the routes by which a browser lends its camera (WHIP, RFC 9725). Takes no picture."""

from typing import Any

from fastapi import APIRouter, Request, Response

from streams.bus.requests import ask
from streams.gateway.auth import Anybody, Identity
from streams.gateway.errors import ApiError, not_found
from streams.gateway.parts import Here, Parts
from streams.gateway.whep import SDP, offered
from streams.ledger.access import AccessRole

routes = APIRouter(prefix="/api/v1")

ANSWER_WITHIN_S = 10.0


def _lent(parts: Parts, who: Identity, camera_id: str) -> None:
    """Refuse whoever may not publish this camera: 404, as for one that does not exist."""
    camera = parts.directory.cameras.get(camera_id)
    publisher = who.key.role is AccessRole.PUBLISHER or who.may(AccessRole.OPERATOR)
    if camera is None or camera.kind != "whip" or not publisher or not who.key.opens(camera_id):
        raise not_found("camera to lend", camera_id)


async def _asked(parts: Parts, fields: dict[str, str]) -> dict[str, Any]:
    encoded = {name: value.encode() for name, value in fields.items()}
    answer = await ask(parts.bus, "whip", encoded, ANSWER_WITHIN_S)
    status = int(answer["status"])
    if status == 409:
        raise ApiError(409, "somebody lends this camera already", answer.get("error"))
    over_already = status == 404 and fields["action"] == "delete"
    if status >= 300 and not over_already:
        raise ApiError(status, answer.get("error") or "ingest refused the offer")
    return answer


@routes.post("/whip/{camera_id}")
async def lend(camera_id: str, request: Request, parts: Here, who: Anybody) -> Response:
    """Answer an offer: from now on this browser's pictures are the camera's."""
    _lent(parts, who, camera_id)
    sdp = await offered(request)
    answer = await _asked(parts, {"action": "offer", "camera": camera_id, "sdp": sdp})
    headers = {"location": f"/api/v1/whip/{camera_id}/{answer['session']}"}
    return Response(answer["sdp"], status_code=201, media_type=SDP, headers=headers)


@routes.delete("/whip/{camera_id}/{session_id}", status_code=204)
async def take_back(camera_id: str, session_id: str, parts: Here, who: Anybody) -> None:
    """End lending."""
    _lent(parts, who, camera_id)
    await _asked(parts, {"action": "delete", "camera": camera_id, "session": session_id})
