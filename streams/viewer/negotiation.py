"""Knows what an offer must hold to be answered (WHEP, RFC 9725's sibling). Opens no connection."""

import re
from typing import Final

from aiortc import RTCRtpSender
from aiortc.rtcrtpparameters import RTCRtpCodecCapability
from aiortc.sdp import SessionDescription

from engine.packets import Codec

MOST_OFFER_CHARACTERS: Final = 65_536
_MOST_SECTIONS: Final = 4
_MDNS: Final = re.compile(r"^a=candidate:\S+ \S+ \S+ \S+ \S+\.local\b.*\r?\n?", re.MULTILINE)


class OfferRefused(ValueError):
    """An offer that gets no answer; status is what HTTP says about it."""

    def __init__(self, status: int, reason: str) -> None:
        super().__init__(reason)
        self.status = status


def cleaned(offer: str) -> str:
    """Check an offer and return it without names that only its own network resolves.

    Browsers hide host addresses as .local names; looking them up costs a second, and the peer's
    own packets tell its address anyway. Raises OfferRefused.
    """
    if len(offer) > MOST_OFFER_CHARACTERS:
        raise OfferRefused(400, f"the offer is longer than {MOST_OFFER_CHARACTERS} characters")
    text = _MDNS.sub("", offer)
    try:
        sections = SessionDescription.parse(text).media
    except Exception as error:  # the parser raises whatever its first surprise raises
        raise OfferRefused(400, "the offer is not an SDP that can be read") from error
    kinds = [section.kind for section in sections]
    if kinds.count("video") != 1 or len(kinds) > _MOST_SECTIONS:
        raise OfferRefused(400, f"the offer must hold one video section, not {kinds}")
    return text


def preferences(codec: Codec) -> list[RTCRtpCodecCapability]:
    """Return what may be negotiated for packets of a codec: VP8 as it is, all else as H.264.

    Constrained baseline comes first, because every browser offers it.
    """
    wanted = "video/VP8" if codec is Codec.VP8 else "video/H264"
    found = [c for c in RTCRtpSender.getCapabilities("video").codecs if c.mimeType == wanted]
    return sorted(found, key=lambda c: c.parameters.get("profile-level-id") != "42e01f")
