"""The client's conversation, without a socket: two pure ends."""

import pytest

from engine.packets import Codec
from engine.source import Reason
from streams.cameras.errors import SourceError
from streams.cameras.rtsp_auth import Credentials
from streams.cameras.rtsp_session import Described, Playing, RtcpData, RtpData, RtspSession, Stage
from streams.cameras.rtsp_wire import Question, RtspWire

pytestmark = pytest.mark.unit

URL = "rtsp://camera/path"
PASSWORD = "s3cret-of-test"
SDP = (
    "v=0\r\nm=audio 0 RTP/AVP 0\r\na=control:trackID=0\r\n"
    "m=video 0 RTP/AVP 96\r\na=rtpmap:96 H264/90000\r\na=control:trackID=1\r\n"
)


class Conversation:
    """Answers a session's requests one by one and remembers them."""

    def __init__(self, credentials=None):
        self.session = RtspSession(URL, credentials)
        self.asked: list[Question] = []
        self.lines: list[str] = []
        self._wire = RtspWire()
        self.listen()

    def listen(self):
        raw = self.session.outgoing()
        self.lines += raw.decode().split("\r\n")
        self.asked += [one for one in self._wire.receive(raw) if isinstance(one, Question)]

    def reply(self, status, *headers, body=""):
        head = [f"RTSP/1.0 {status}", *headers]
        if body:
            head.append(f"Content-Length: {len(body)}")
        events = self.session.receive(("\r\n".join(head) + "\r\n\r\n" + body).encode())
        self.listen()
        return events

    def play(self, *transport):
        self.reply("200 OK", "Public: OPTIONS, DESCRIBE, GET_PARAMETER")
        self.reply("200 OK", body=SDP)
        self.reply("200 OK", "Session: 42;timeout=30", *transport)
        return self.reply("200 OK")

    @property
    def methods(self):
        return [one.method for one in self.asked]


def test_the_whole_way_to_pictures():
    talk = Conversation()
    assert talk.play("Transport: RTP/AVP/TCP;unicast;interleaved=2-3") == [Playing(15.0)]
    assert talk.methods == ["OPTIONS", "DESCRIBE", "SETUP", "PLAY"]
    assert "SETUP rtsp://camera/path/trackID=1 RTSP/1.0" in talk.lines
    assert dict(talk.asked[3].headers)["session"] == "42"
    data = b"$\x02\x00\x02hi$\x03\x00\x02yo$\x00\x00\x02no"
    assert talk.session.receive(data) == [RtpData(b"hi"), RtcpData(b"yo")]


def test_what_is_described():
    talk = Conversation()
    talk.reply("200 OK")
    (event,) = talk.reply("200 OK", "Content-Base: rtsp://camera/base/", body=SDP)
    assert isinstance(event, Described)
    assert event.track.codec is Codec.H264
    assert event.track.control == "rtsp://camera/base/trackID=1"


def test_every_request_has_a_number_of_its_own():
    talk = Conversation()
    talk.play()
    numbers = [int(dict(one.headers)["cseq"]) for one in talk.asked]
    assert numbers == [1, 2, 3, 4]


def test_options_may_be_refused():
    talk = Conversation()
    talk.reply("405 Method Not Allowed")
    assert talk.methods == ["OPTIONS", "DESCRIBE"]


def test_a_challenge_is_met_once():
    talk = Conversation(Credentials("user", PASSWORD))
    talk.reply("200 OK")
    challenge = 'WWW-Authenticate: Digest realm="r", nonce="1"'
    talk.reply("401 Unauthorized", challenge)
    assert talk.methods == ["OPTIONS", "DESCRIBE", "DESCRIBE"]
    assert dict(talk.asked[2].headers)["authorization"].startswith("Digest ")
    with pytest.raises(SourceError) as caught:
        talk.reply("401 Unauthorized", challenge)
    assert caught.value.reason is Reason.WRONG_PASSWORD
    assert PASSWORD not in str(caught.value) and PASSWORD not in "".join(talk.lines)


def test_a_stale_nonce_is_no_wrong_password():
    talk = Conversation(Credentials("user", PASSWORD))
    talk.reply("401 Unauthorized", 'WWW-Authenticate: Digest realm="r", nonce="1"')
    talk.reply("401 Unauthorized", 'WWW-Authenticate: Digest realm="r", nonce="2", stale=true')
    assert 'nonce="2"' in dict(talk.asked[-1].headers)["authorization"]
    talk.reply("200 OK")
    assert talk.session.stage is Stage.DESCRIBE


@pytest.mark.parametrize(
    ("credentials", "header", "reason"),
    [
        (None, "Basic realm=x", Reason.PASSWORD_NEEDED),
        (Credentials("a", "b"), "Negotiate", Reason.NOT_ALLOWED),
    ],
)
def test_challenges_that_cannot_be_met(credentials, header, reason):
    talk = Conversation(credentials)
    with pytest.raises(SourceError) as caught:
        talk.reply("401 Unauthorized", f"WWW-Authenticate: {header}")
    assert caught.value.reason is reason


@pytest.mark.parametrize(
    ("status", "reason"),
    [
        ("404 Not Found", Reason.NO_SUCH_STREAM),
        ("403 Forbidden", Reason.NOT_ALLOWED),
        ("453 Not Enough Bandwidth", Reason.BUSY),
        ("503 Service Unavailable", Reason.BUSY),
        ("461 Unsupported Transport", Reason.UNSUPPORTED_TRANSPORT),
        ("302 Moved", Reason.NO_SUCH_STREAM),
        ("500 Oops \x1b[31m", Reason.PROTOCOL),
    ],
)
def test_refusals_are_named(status, reason):
    talk = Conversation()
    talk.reply("200 OK")
    with pytest.raises(SourceError) as caught:
        talk.reply(status)
    assert caught.value.reason is reason
    assert str(caught.value).isprintable()


def test_setup_without_a_session_is_refused():
    talk = Conversation()
    talk.reply("200 OK")
    talk.reply("200 OK", body=SDP)
    with pytest.raises(SourceError):
        talk.reply("200 OK")


def test_keepalive_uses_what_the_camera_knows():
    knows, plain = Conversation(), Conversation()
    knows.play()
    plain.reply("200 OK")
    plain.reply("200 OK", body=SDP)
    plain.reply("200 OK", "Session: 1")
    assert plain.reply("200 OK") == [Playing(30.0)]
    for talk, method in ((knows, "GET_PARAMETER"), (plain, "OPTIONS")):
        talk.session.keepalive()
        talk.listen()
        assert talk.methods[-1] == method
        assert talk.reply("200 OK") == []
        assert talk.reply("451 Not Understood") == []  # alive is alive


def test_reports_go_on_the_control_channel():
    talk = Conversation()
    talk.play("Transport: RTP/AVP/TCP;interleaved=4-5")
    talk.session.report(b"rtcp")
    assert talk.session.outgoing() == b"$\x05\x00\x04rtcp"


def test_a_session_that_the_camera_ended_is_closed():
    talk = Conversation()
    talk.play()
    with pytest.raises(SourceError) as caught:
        talk.reply("454 Session Not Found")
    assert caught.value.reason is Reason.CLOSED


def test_a_server_that_asks_is_answered():
    talk = Conversation()
    assert talk.session.receive(b"OPTIONS * RTSP/1.0\r\nCSeq: 9\r\n\r\n") == []
    assert talk.session.outgoing() == b"RTSP/1.0 200 OK\r\nCSeq: 9\r\n\r\n"


def test_teardown_only_where_there_is_a_session():
    talk = Conversation()
    talk.session.teardown()
    assert talk.session.outgoing() == b""
    talk.play()
    talk.session.teardown()
    talk.listen()
    assert talk.methods[-1] == "TEARDOWN"
