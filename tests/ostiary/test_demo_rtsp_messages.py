"""RTSP's text: requests, digests, transports, descriptions, and the paths that name faults."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ostiary.demo.faults import Action, Fault, FaultKind, Target, parse_path
from ostiary.demo.rtsp_messages import (
    Answer,
    BadRequest,
    Description,
    Login,
    Request,
    Transport,
    digest_response,
    is_authorized,
    parse_request,
    parse_transport,
    session_description,
)

pytestmark = pytest.mark.unit

LOGIN = Login("demo", "geheim")


def request_with(method: str, fields: dict[str, str]) -> Request:
    text = ", ".join(f'{name}="{value}"' for name, value in fields.items())
    return Request(method, fields["uri"], {"authorization": f"Digest {text}"})


def signed(method: str, login: Login, fields: dict[str, str]) -> Request:
    bare = Request(method, fields["uri"], {})
    return request_with(method, fields | {"response": digest_response(bare, login, fields)})


FIELDS = {"username": "demo", "realm": "ostiary demo", "nonce": "abc", "uri": "rtsp://h/lobby"}
QOP = {"qop": "auth", "nc": "00000001", "cnonce": "xyz"}


@pytest.mark.parametrize("extra", [{}, QOP])
def test_the_right_password_opens(extra: dict[str, str]) -> None:
    assert is_authorized(signed("DESCRIBE", LOGIN, FIELDS | extra), LOGIN, "abc")


@pytest.mark.parametrize("extra", [{}, QOP])
def test_wrong_password_user_nonce_or_method_do_not(extra: dict[str, str]) -> None:
    fields = FIELDS | extra
    good = signed("DESCRIBE", LOGIN, fields)
    assert not is_authorized(signed("DESCRIBE", Login("demo", "x"), fields), LOGIN, "abc")
    assert not is_authorized(signed("DESCRIBE", LOGIN, fields | {"username": "eve"}), LOGIN, "abc")
    assert not is_authorized(good, LOGIN, "another nonce")
    assert not is_authorized(Request("PLAY", good.url, good.headers), LOGIN, "abc")
    assert not is_authorized(Request("PLAY", good.url, {}), LOGIN, "abc")
    assert not is_authorized(
        Request("PLAY", good.url, {"authorization": "Basic ZGVtbzpnZWhlaW0="}), LOGIN, "abc"
    )


def test_the_digest_is_what_md5sum_computes() -> None:
    # printf 'demo:ostiary demo:geheim' and 'DESCRIBE:rtsp://h/lobby', joined by the nonce.
    response = digest_response(Request("DESCRIBE", FIELDS["uri"], {}), LOGIN, FIELDS)
    assert response == "ea4a11540c0944f7056085a81b4d5b56"


def test_a_request_is_read_with_its_headers() -> None:
    request = parse_request(b"SETUP rtsp://h:1/a%20b/trackID=0 RTSP/1.0\r\nCSeq: 3\r\nX:y\r\n\r\n")
    assert (request.method, request.path) == ("SETUP", "/a b/trackID=0")
    assert request.headers == {"cseq": "3", "x": "y"}


@given(st.binary(max_size=200))
def test_any_other_bytes_are_a_bad_request(junk: bytes) -> None:
    with pytest.raises(BadRequest):
        parse_request(b"\xff" + junk + b"\r\n\r\n")


@pytest.mark.parametrize(
    ("header", "expected"),
    [
        ("RTP/AVP/TCP;unicast;interleaved=2-3", Transport(True, 2, 3)),
        ("RTP/AVP/TCP;unicast", Transport(True, 0, 1)),
        ("RTP/AVP;unicast;client_port=5000-5001", Transport(False, 5000, 5001)),
        ("RTP/AVP;multicast, RTP/AVP/TCP;interleaved=0-1", Transport(True, 0, 1)),
        ("RTP/AVP;unicast;client_port=5000", None),
        ("RTP/AVP/TCP;interleaved=300-301", None),
        ("RAW/RAW/UDP", None),
        ("", None),
    ],
)
def test_transports(header: str, expected: Transport | None) -> None:
    assert parse_transport(header) == expected


def test_an_answer_says_its_length() -> None:
    assert Answer(200, {"A": "b"}, b"body").to_bytes("7") == (
        b"RTSP/1.0 200 OK\r\nCSeq: 7\r\nA: b\r\nContent-Length: 4\r\n\r\nbody"
    )


def test_a_description_announces_parameter_sets_or_none() -> None:
    full = session_description(Description("127.0.0.1", (b"\x67a", b"\x68b"), "42c01f", 25.0))
    bare = session_description(Description("127.0.0.1", (), "42c01f", 25.0))
    assert b"sprop-parameter-sets=Z2E=,aGI=\r\n" in full
    assert b"sprop" not in bare
    assert b"a=rtpmap:96 H264/90000\r\n" in bare


@pytest.mark.parametrize(
    ("path", "expected"),
    [
        ("/lobby", Target("lobby", None)),
        ("/lobby/trackID=0", Target("lobby", None)),
        ("/fault/stall/lobby/", Target("lobby", Fault(FaultKind.STALL, 25))),
        ("/fault/half=3/lobby", Target("lobby", Fault(FaultKind.HALF, 3))),
        ("/fault/401/lobby", Target("lobby", Fault(FaultKind.UNAUTHORIZED, 25))),
        ("/fault/clock/lobby", Target("lobby", Fault(FaultKind.CLOCK, 10_800))),
        ("/fault/nonsense/lobby", None),
        ("/fault/stall=x/lobby", None),
        ("/", None),
        ("/a/b", None),
    ],
)
def test_paths(path: str, expected: Target | None) -> None:
    assert parse_path(path) == expected


def test_a_fault_begins_after_its_count_of_pictures() -> None:
    fault = Fault(FaultKind.STALL, 2)
    assert [fault.action(sent) for sent in range(4)] == [
        Action.SEND,
        Action.SEND,
        Action.NOTHING,
        Action.NOTHING,
    ]
    assert Fault(FaultKind.CLOCK, 60).action(1000) is Action.SEND


def test_the_wrap_lies_that_many_pictures_after_the_start() -> None:
    fault = Fault(FaultKind.WRAP, 10)
    times = [90_000 + n * 3600 + fault.rtp_shift(90_000, 3600, n) for n in range(12)]
    assert [time & 0xFFFFFFFF for time in times][9:] == [2**32 - 3600, 0, 3600]
