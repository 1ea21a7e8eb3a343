"""Real child processes: listened to, ended in time, and none left behind."""

import asyncio
import contextlib
import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import psutil
import pytest

from ostiary.supervisor.children import GRACE_S, Child, ChildPlan
from ostiary.supervisor.logs import RotatedFile, Said

pytestmark = [pytest.mark.integration, pytest.mark.slow]

STUBBORN = (
    "import signal, time; signal.signal(15, signal.SIG_IGN)\n"
    "print('deaf', flush=True); time.sleep(60)\n"
)
WITH_GRANDCHILD = (
    "import subprocess, sys, time\n"
    "p = subprocess.Popen([sys.executable, '-c', 'import time; time.sleep(60)'])\n"
    "print(p.pid, flush=True)\n"
    "time.sleep(60)\n"
)


class Heard:
    """What a child said, and an event at its first line."""

    def __init__(self) -> None:
        self.lines: list[Said] = []
        self.first = asyncio.Event()

    def __call__(self, said: Said) -> None:
        self.lines.append(said)
        self.first.set()


def child(folder: Path, code: str, heard: Heard, **environment: str) -> Child:
    plan = ChildPlan("child", (sys.executable, "-c", code), environment)
    return Child(plan, RotatedFile(folder / "child.log"), heard)


def test_what_a_child_says_is_kept_and_told(tmp_path: Path) -> None:
    async def main() -> None:
        heard = Heard()
        code = (
            'import os; print(\'{"event": "hello", "who": "\' + os.environ[\'WHO\'] + \'"}\');'
            "print('bye', end=''); raise SystemExit(3)"
        )
        one = child(tmp_path, code, heard, WHO="you")
        assert await one.run() == 3
        assert [said.short for said in heard.lines] == ["hello who=you", "bye"]
        assert one.last_words() == "bye"
        assert one.pid is None

    asyncio.run(main())
    assert (tmp_path / "child.log").read_bytes().endswith(b"bye\n")


def test_a_flood_of_words_is_read_to_its_end(tmp_path: Path) -> None:
    async def main() -> None:
        heard = Heard()
        assert await child(tmp_path, "for _ in range(5000): print('x' * 99)", heard).run() == 0
        assert len(heard.lines) == 5000

    asyncio.run(main())


def test_a_crash_is_told_by_its_signal(tmp_path: Path) -> None:
    async def main() -> None:
        one = child(tmp_path, "import os; os.kill(os.getpid(), 9)", Heard())
        assert await one.run() == -signal.SIGKILL

    asyncio.run(main())


@pytest.mark.parametrize(
    ("code", "words"),
    [
        ("raise ValueError('too bad')", "too bad"),
        ("import sys; print('no such thing\\ndo this', file=sys.stderr); sys.exit(1)", "do this"),
    ],
)
def test_the_last_words_say_why(tmp_path: Path, code: str, words: str) -> None:
    async def main() -> None:
        one = child(tmp_path, code, Heard())
        assert await one.run() == 1
        assert words in one.last_words()
        assert "File" not in one.last_words()

    asyncio.run(main())


def test_cancelling_asks_first_and_then_kills(tmp_path: Path) -> None:
    async def main() -> float:
        heard = Heard()
        one = child(tmp_path, STUBBORN, heard)
        task = asyncio.ensure_future(one.run())
        await asyncio.wait_for(heard.first.wait(), 20)
        pid = one.pid
        began = time.monotonic()
        task.cancel()
        with contextlib.suppress(asyncio.CancelledError):
            await task
        assert pid is not None
        assert not psutil.pid_exists(pid)
        return time.monotonic() - began

    took_s = asyncio.run(main())
    assert GRACE_S * 0.9 < took_s < GRACE_S + 2


def test_a_second_cancel_kills_at_once(tmp_path: Path) -> None:
    async def main() -> float:
        heard = Heard()
        task = asyncio.ensure_future(child(tmp_path, STUBBORN, heard).run())
        await asyncio.wait_for(heard.first.wait(), 20)
        began = time.monotonic()
        task.cancel()
        await asyncio.sleep(0)
        task.cancel()
        with contextlib.suppress(asyncio.CancelledError):
            await task
        return time.monotonic() - began

    assert asyncio.run(main()) < GRACE_S / 2


@pytest.mark.parametrize("how", ["killed", "cancelled"])
def test_grandchildren_go_too(tmp_path: Path, how: str) -> None:
    async def main() -> int:
        heard = Heard()
        one = child(tmp_path, WITH_GRANDCHILD, heard)
        task = asyncio.ensure_future(one.run())
        await asyncio.wait_for(heard.first.wait(), 20)
        grandchild = int(heard.lines[0].text)
        assert psutil.pid_exists(grandchild)
        if how == "killed":
            assert one.pid is not None
            os.kill(one.pid, signal.SIGKILL)
            assert await asyncio.wait_for(task, 10) == -signal.SIGKILL
        else:
            task.cancel()
            with contextlib.suppress(asyncio.CancelledError):
                await task
        return grandchild

    assert gone_within(asyncio.run(main()), 5)


def test_children_end_with_a_killed_parent(tmp_path: Path) -> None:
    parent = (
        "import asyncio, sys; from pathlib import Path\n"
        "from ostiary.supervisor.children import *; from ostiary.supervisor.logs import *\n"
        "plan = ChildPlan('c', (sys.executable, '-c', 'import os, time; "
        "print(os.getpid(), flush=True); time.sleep(60)'))\n"
        "say = lambda said: print(said.text, flush=True)\n"
        f"asyncio.run(Child(plan, RotatedFile(Path({str(tmp_path / 'c.log')!r})), say).run())\n"
    )
    with subprocess.Popen([sys.executable, "-c", parent], stdout=subprocess.PIPE) as process:
        assert process.stdout is not None
        pid = int(process.stdout.readline())
        process.kill()
    assert gone_within(pid, 5)


def gone_within(pid: int, deadline_s: float) -> bool:
    until = time.monotonic() + deadline_s
    while time.monotonic() < until:
        if not psutil.pid_exists(pid) or psutil.Process(pid).status() == psutil.STATUS_ZOMBIE:
            return True
        time.sleep(0.02)
    return False
