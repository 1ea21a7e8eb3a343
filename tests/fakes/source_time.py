"""Knows how to run asyncio in virtual time: an hour of timers in a moment. No sockets."""

import asyncio
import selectors


class _Selector(selectors.DefaultSelector):
    """Never waits: when nothing is ready, the time asked for has passed."""

    def __init__(self):
        super().__init__()
        self.now_s = 0.0

    def select(self, timeout=None):
        ready = super().select(0)
        if not ready and timeout is None:
            raise RuntimeError("everything waits for something that never comes")
        if not ready and timeout > 0:
            self.now_s += timeout
        return ready


class _Loop(asyncio.SelectorEventLoop):
    def __init__(self):
        self._virtual = _Selector()
        super().__init__(self._virtual)

    def time(self):
        return self._virtual.now_s


def run_virtual(coroutine):
    """Run a coroutine to its end in virtual time and return its result."""
    with asyncio.Runner(loop_factory=_Loop) as runner:
        return runner.run(coroutine)


def loop_ns():
    """The running loop's time in ns, as a clock for what is tested."""
    return round(asyncio.get_running_loop().time() * 1e9)
