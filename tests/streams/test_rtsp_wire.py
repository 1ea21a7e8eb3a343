"""RTSP's bytes: whole however they are cut, and bounded whatever comes."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from streams.cameras.errors import ProtocolError
from streams.cameras.rtsp_wire import (
    MAX_HEAD_BYTES,
    Interleaved,
    Question,
    Response,
    RtspWire,
    request,
)

pytestmark = pytest.mark.unit

RESPONSE = (
    b"RTSP/1.0 200 OK\r\nCSeq: 2\r\nContent-Length: 5\r\nWWW-Authenticate: Basic\r\n"
    b"WWW-Authenticate: Digest x\r\n\r\nv=0\r\n"
)
PARTS = [
    (b"$\x00\x00\x03abc", Interleaved(0, b"abc")),
    (b"$\x01\x00\x00", Interleaved(1, b"")),
    (
        RESPONSE,
        Response(
            200,
            "OK",
            (
                ("cseq", "2"),
                ("content-length", "5"),
                ("www-authenticate", "Basic"),
                ("www-authenticate", "Digest x"),
            ),
            b"v=0\r\n",
        ),
    ),
    (b"RTSP/1.0 404 Not Found\r\n\r\n", Response(404, "Not Found", ())),
    (b"OPTIONS * RTSP/1.0\r\nCSeq: 7\r\n\r\n", Question("OPTIONS", (("cseq", "7"),))),
    (b"\r\nRTSP/1.0 200\r\n\r\n", Response(200, "", ())),
]


@given(st.lists(st.sampled_from(PARTS), max_size=6), st.data())
def test_messages_are_the_same_however_they_are_cut(parts, data):
    stream = b"".join(raw for raw, _ in parts)
    wire, found = RtspWire(), []
    while stream:
        cut = data.draw(st.integers(1, len(stream)))
        found += wire.receive(stream[:cut])
        stream = stream[cut:]
    assert found == [message for _, message in parts]


@given(st.binary(max_size=300))
def test_hostile_bytes_raise_only_protocol_errors(raw):
    try:
        list(RtspWire().receive(raw))
    except ProtocolError as error:
        assert error.detail


@pytest.mark.parametrize(
    "raw",
    [
        b"hello",
        b"\x00\x00\x00",
        b"A" * (MAX_HEAD_BYTES + 1),
        b"RTSP/1.0 200 OK\r\nContent-Length: 99999999\r\n\r\n",
        b"RTSP/1.0 200 OK\r\nContent-Length: -1\r\n\r\n",
        b"HTTP/1.1 400 Bad Request\r\n\r\n",
        b"RTSP/1.0 abc OK\r\n\r\n",
        "RTSP/1.0 ²00 OK\r\n\r\n".encode(),
    ],
)
def test_nonsense_is_refused(raw):
    with pytest.raises(ProtocolError):
        list(RtspWire().receive(raw))


def test_an_endless_head_is_not_collected():
    wire = RtspWire()
    with pytest.raises(ProtocolError):
        for _ in range(1000):
            list(wire.receive(b"RTSP/1.0 200 OK\r\n" + b"X: y\r\n" * 10))


def test_repeated_headers_are_all_kept():
    (response,) = RtspWire().receive(RESPONSE)
    assert response.all("www-authenticate") == ("Basic", "Digest x")
    assert response.header("cseq") == "2" and response.header("none") is None


def test_a_line_break_cannot_be_smuggled_into_a_request():
    with pytest.raises(ValueError, match="line break"):
        request("OPTIONS", "rtsp://host/a\r\nEvil: 1", [])
