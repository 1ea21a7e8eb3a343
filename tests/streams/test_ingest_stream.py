"""One stream kept alive, in virtual time: no socket, no wait."""

import asyncio
import contextlib

import pytest

from engine.source import Reason, SourceState
from streams.cameras.errors import SourceError
from streams.ingest.stream import StreamShell, SupervisedStream
from tests.fakes.fake_source import FakeSource, Run
from tests.fakes.source_time import loop_ns, run_virtual

pytestmark = pytest.mark.unit

REFUSED = SourceError(Reason.REFUSED, "nothing listens")


class Watched:
    """A supervised stream on a fake source, with all that came out of it."""

    def __init__(self, *runs, jitter=0.5, interval_s=0.04):
        self.source = FakeSource(list(runs), interval_s)
        self.packets, self.states = [], []
        shell = StreamShell("cam:main", loop_ns, lambda: jitter, self.packets.append, self._changed)
        self.stream = SupervisedStream(self.source, shell, 0)

    def _changed(self):
        now = self.stream.supervision
        self.states.append((now.state, now.reason, round(loop_ns() / 1e9, 1)))

    @property
    def state(self):
        return self.stream.supervision.state


def watch(seconds, *runs, jitter=0.5, interval_s=0.04):
    """Run a stream for so many virtual seconds; return it."""

    async def main():
        watched = Watched(*runs, jitter=jitter, interval_s=interval_s)
        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout(seconds):
                await watched.stream.run()
        return watched

    return run_virtual(main())


def test_ten_minutes_without_trouble_are_one_try():
    watched = watch(600, Run())
    assert watched.stream.tries == 1
    assert watched.states == [(SourceState.LIVE, Reason.NONE, 0.0)]
    assert watched.stream.pictures == len(watched.packets) == pytest.approx(600 * 25, rel=0.01)


def test_a_camera_that_is_off_for_an_hour_comes_back():
    runs = [Run(pictures=0, end=REFUSED)] * 240 + [Run()]
    watched = watch(4000, *runs)
    assert watched.state is SourceState.LIVE
    assert watched.stream.tries == 241
    assert watched.states[-1][2] == pytest.approx(240 * 15, rel=0.05)  # half of the 30 s bound


def test_silence_is_stalled_then_given_up_then_tried_again():
    watched = watch(40, Run(pictures=25), Run())
    states = [(state, reason) for state, reason, _ in watched.states]
    assert states == [
        (SourceState.LIVE, Reason.NONE),
        (SourceState.STALLED, Reason.NO_PICTURE),
        (SourceState.WAITING, Reason.NO_PICTURE),
        (SourceState.CONNECTING, Reason.NO_PICTURE),
        (SourceState.LIVE, Reason.NONE),
    ]
    assert [at for _, _, at in watched.states][1:3] == pytest.approx([6, 16], abs=0.2)


def test_connecting_without_a_picture_is_given_up():
    watched = watch(11, Run(pictures=0))
    assert watched.states[0] == (SourceState.WAITING, Reason.NO_PICTURE, 10.0)


def test_a_keyframe_that_is_long_in_coming_is_waited_for():
    watched = watch(55, Run(first=1), interval_s=4.0)
    assert watched.states == [(SourceState.LIVE, Reason.NONE, 36.0)]
    assert watched.stream.tries == 1


def test_pictures_without_any_keyframe_are_given_up_in_the_end():
    watched = watch(95, Run(keyframes=False))
    assert watched.stream.pictures == 0
    assert watched.states[0] == (SourceState.WAITING, Reason.NO_KEYFRAME, 90.0)


def test_what_is_left_out_is_counted_over_all_connections():
    watched = watch(60, Run(first=3, pictures=12, end=SourceError(Reason.RESET)))
    left_out, connections = watched.stream.left_out, watched.source.started
    assert connections > 3
    assert left_out.before_keyframe == 7 * connections  # a keyframe is every tenth
    assert (left_out.damaged, left_out.empty) == (0, 0)


def test_each_connection_has_a_higher_epoch():
    watched = watch(60, Run(pictures=5, end=SourceError(Reason.RESET)))
    epochs = [packet.epoch_ms for packet in watched.packets]
    assert watched.source.started > 3
    assert len(set(epochs)) == len(epochs) // 5 and epochs == sorted(epochs)


def test_a_defect_is_that_streams_failure():
    watched = watch(5, Run(pictures=3, end=RuntimeError("defect")), Run(), jitter=0.9)
    assert (SourceState.WAITING, Reason.PROTOCOL) in [step[:2] for step in watched.states]
    assert watched.state is SourceState.LIVE


def test_what_cannot_be_mended_stops():
    watched = watch(10, Run(pictures=0, end=SourceError(Reason.FORBIDDEN_ADDRESS, "http")))
    assert watched.state is SourceState.STOPPED and watched.stream.tries == 1


def test_a_lent_camera_waits_for_its_publisher():
    nobody = Run(pictures=0, end=SourceError(Reason.NO_PUBLISHER))

    async def main():
        watched = Watched(nobody, Run())
        async with asyncio.TaskGroup() as group:
            task = group.create_task(watched.stream.run())
            await asyncio.sleep(10_000)
            assert watched.stream.tries == 1 and watched.state is SourceState.WAITING
            watched.source.is_ready.set()
            await asyncio.sleep(1)
            assert watched.state is SourceState.LIVE
            task.cancel()

    run_virtual(main())


def test_pictures_of_an_abandoned_connection_are_discarded():
    class Stubborn(FakeSource):
        async def run(self, deliver, previous_epoch_ms):
            self.deliver = deliver
            await super().run(deliver, previous_epoch_ms)

    async def main():
        watched = Watched(Run(pictures=1), Run(pictures=0))
        watched.source = Stubborn([Run(pictures=1), Run(pictures=0)])
        watched.stream._source = watched.source
        async with asyncio.TaskGroup() as group:
            task = group.create_task(watched.stream.run())
            await asyncio.sleep(1)
            packet = watched.packets[0]
            stale = watched.source.deliver
            await asyncio.sleep(16)
            stale(packet, watched.stream.facts)
            assert watched.packets == [packet] and watched.state is not SourceState.LIVE
            task.cancel()

    run_virtual(main())
