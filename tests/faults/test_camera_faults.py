"""Cameras that misbehave: each gets its state and its reason, and comes back by itself."""

import asyncio
import contextlib
import itertools
import random
import socket

import pytest

from engine.source import Reason, SourceLimits, SourceState
from ostiary.demo.rtsp_server import RtspServer, ServerOptions
from streams.cameras.rtsp_auth import Credentials
from streams.cameras.rtsp_source import RtspSource, RtspTarget
from streams.clock import now_ns
from streams.ingest.app import steady_clock
from streams.ingest.stream import StreamShell, SupervisedStream
from tests.fakes.source_clips import ClipPlan, write_clip

pytestmark = [pytest.mark.fault, pytest.mark.slow]

WITHIN_S = 30
# The times of a real source, made short: what happens is the same.
LIMITS = SourceLimits(
    connect_within_s=7.0,
    stall_after_s=1.0,
    give_up_after_s=2.0,
    backoff_base_s=0.2,
    backoff_cap_s=0.4,
    backoff_least_s=0.05,
    later_base_s=0.4,
    later_cap_s=0.4,
)
LOGIN = Credentials("demo", "s3cret of the camera")


@pytest.fixture(scope="module")
def clip(tmp_path_factory):
    # Fine quantisation: a picture must be too big for the trickle of the drip fault.
    options = (("g", "10"), ("bf", "0"), ("preset", "ultrafast"), ("qp", "4"))
    plan = ClipPlan(width=320, height=240, pictures=100, options=options)
    return write_clip(tmp_path_factory.mktemp("clip") / "clip.mp4", plan)


class Watched:
    """One supervised stream on a real camera, and what became of it."""

    def __init__(self, target):
        self.packets, self.steps = [], []
        self.moved = asyncio.Event()
        shell = StreamShell(
            "cam:main", steady_clock(), random.random, self._take, self._changed, LIMITS
        )
        self.stream = SupervisedStream(RtspSource(target, now_ns), shell, 0)

    def _take(self, packet):
        self.packets.append(packet)
        self.moved.set()

    def _changed(self):
        now = self.stream.supervision
        self.steps.append((now.state, now.reason))
        self.moved.set()

    async def until(self, met):
        async with asyncio.timeout(WITHIN_S):
            while not met(self):
                self.moved.clear()
                await self.moved.wait()


@contextlib.asynccontextmanager
async def watching(target):
    watched = Watched(target)
    async with asyncio.TaskGroup() as group:
        task = group.create_task(watched.stream.run())
        try:
            yield watched
        finally:
            task.cancel()


def watch(clip, path, met):
    """Watch one path of the demo server until `met`; return what was seen."""

    async def main():
        options = ServerOptions(user=LOGIN.username, password=LOGIN.password)
        async with RtspServer({"clip": clip}, options) as server:
            target = RtspTarget(f"rtsp://127.0.0.1:{server.port}/{path}", LOGIN)
            async with watching(target) as watched:
                await watched.until(met)
        return watched

    return asyncio.run(main())


def waiting_for(reason):
    return lambda watched: (SourceState.WAITING, reason) in watched.steps


def live_again(watched):
    states = [state for state, _ in watched.steps]
    return states.count(SourceState.LIVE) >= 2


def epochs(watched):
    return [epoch for epoch, _ in itertools.groupby(packet.epoch_ms for packet in watched.packets)]


@pytest.mark.parametrize(
    ("path", "reason"),
    [
        ("fault/refuse/clip", Reason.CLOSED),
        ("fault/mute/clip", Reason.NO_ANSWER),
        ("fault/401/clip", Reason.WRONG_PASSWORD),
        ("fault/404/clip", Reason.NO_SUCH_STREAM),
        ("fault/503/clip", Reason.BUSY),
        ("nowhere", Reason.NO_SUCH_STREAM),
    ],
)
def test_a_camera_that_gives_nothing(clip, path, reason):
    watched = watch(clip, path, waiting_for(reason))
    assert watched.packets == []
    assert watched.stream.supervision.state is SourceState.WAITING
    assert LOGIN.password not in watched.stream.supervision.detail


@pytest.mark.parametrize(
    ("fault", "reason"),
    [
        ("stall", Reason.NO_PICTURE),
        ("close", Reason.CLOSED),
        ("reset", Reason.RESET),
        ("half", Reason.CLOSED),
    ],
)
def test_a_camera_that_breaks_off_comes_back(clip, fault, reason):
    watched = watch(clip, f"fault/{fault}/clip", live_again)
    assert (SourceState.WAITING, reason) in watched.steps
    seen = epochs(watched)
    assert seen == sorted(set(seen)) and len(seen) >= 2
    for _, group in itertools.groupby(watched.packets, key=lambda packet: packet.epoch_ms):
        assert next(group).keyframe


def test_a_trickle_is_stalled_and_live_by_turns(clip):
    watched = watch(clip, "fault/drip/clip", live_again)
    assert (SourceState.STALLED, Reason.NO_PICTURE) in watched.steps
    assert watched.stream.tries == 1


def test_a_stall_is_shown_before_it_is_given_up(clip):
    watched = watch(clip, "fault/stall/clip", live_again)
    assert (SourceState.STALLED, Reason.NO_PICTURE) in watched.steps


def has_epochs(number):
    return lambda watched: len(epochs(watched)) >= number


def test_another_size_is_another_epoch_on_the_same_connection(clip):
    watched = watch(clip, "fault/resize/clip", has_epochs(2))
    assert watched.stream.tries == 1
    assert watched.stream.facts.size.width_px == 160
    later = [packet for packet in watched.packets if packet.epoch_ms == epochs(watched)[1]]
    assert later[0].keyframe and later[0].pts == 0


def test_time_that_goes_back_is_another_epoch(clip):
    watched = watch(clip, "fault/backstep/clip", has_epochs(2))
    assert watched.stream.tries == 1
    for epoch in epochs(watched):
        ticks = [packet.pts for packet in watched.packets if packet.epoch_ms == epoch]
        assert ticks == sorted(ticks) and ticks[0] == 0


def pictures(number):
    return lambda watched: len(watched.packets) >= number


def test_time_that_wraps_goes_on(clip):
    watched = watch(clip, "fault/wrap=20/clip", pictures(60))
    assert len(epochs(watched)) == 1
    assert [packet.pts for packet in watched.packets[:60]] == [3600 * n for n in range(60)]


def test_a_wrong_clock_is_followed_and_shown(clip):
    watched = watch(clip, "fault/clock=10800/clip", pictures(30))
    ahead_ns = 10_800 * 10**9
    assert watched.stream.facts.clock_error_ns == pytest.approx(ahead_ns, abs=10**9)
    arrival_ns = watched.packets[0].epoch_ms * 10**6
    assert watched.packets[0].captured_ns - arrival_ns == pytest.approx(ahead_ns, abs=10**9)
    captured = [packet.captured_ns for packet in watched.packets]
    assert captured == sorted(set(captured))


@pytest.mark.parametrize("fault", ["nosr", "noparams", "nosprop", "garbage"])
def test_what_is_merely_unusual_plays_on(clip, fault):
    watched = watch(clip, f"fault/{fault}/clip", pictures(50))
    assert watched.stream.tries == 1 and len(epochs(watched)) == 1
    assert watched.packets[0].data.count(b"\x00\x00\x00\x01\x67") == 1


def test_lost_packets_cost_pictures_but_spoil_none(clip):
    watched = watch(clip, "fault/loss=40/clip", pictures(60))
    ticks = [packet.pts for packet in watched.packets]
    gaps = [index for index, (a, b) in enumerate(itertools.pairwise(ticks)) if b - a > 3600]
    assert gaps and all(watched.packets[index + 1].keyframe for index in gaps)


def test_a_dead_host_is_told_apart_from_a_refusal():
    async def main(url, met):
        async with watching(RtspTarget(url)) as watched:
            await watched.until(met)

    listener = socket.socket()  # bound, not listening: refuses
    listener.bind(("127.0.0.1", 0))
    port = listener.getsockname()[1]
    asyncio.run(main(f"rtsp://127.0.0.1:{port}/x", waiting_for(Reason.REFUSED)))
    listener.close()
    name = "rtsp://no-such-host.invalid/x"
    asyncio.run(main(name, waiting_for(Reason.NAME_UNKNOWN)))


def test_a_host_that_never_answers(clip):
    """A listener whose queue is full drops what comes, as a dead host does."""

    async def main():
        with socket.socket() as full, contextlib.ExitStack() as clients:
            full.bind(("127.0.0.1", 0))
            full.listen(0)
            for _ in range(4):
                one = clients.enter_context(socket.socket())
                one.setblocking(False)
                with contextlib.suppress(BlockingIOError):
                    one.connect(full.getsockname())
            port = full.getsockname()[1]
            async with watching(RtspTarget(f"rtsp://127.0.0.1:{port}/x")) as watched:
                await watched.until(waiting_for(Reason.UNREACHABLE))

    asyncio.run(main())


@pytest.mark.parametrize(
    "noise", [b"HTTP/1.1 400 Bad Request\r\n\r\n", b"\x00" * 5000, b"R" * 70000]
)
def test_a_peer_that_speaks_something_else(noise):
    async def main():
        async def answer(reader, writer):
            writer.write(noise)
            with contextlib.suppress(ConnectionError):
                await writer.drain()
                await reader.read()
            writer.close()

        server = await asyncio.start_server(answer, "127.0.0.1", 0)
        port = server.sockets[0].getsockname()[1]
        async with server, watching(RtspTarget(f"rtsp://127.0.0.1:{port}/x")) as watched:
            await watched.until(
                lambda one: any(step[0] is SourceState.WAITING for step in one.steps)
            )
        return watched.steps

    assert asyncio.run(main())[0] == (SourceState.WAITING, Reason.PROTOCOL)
