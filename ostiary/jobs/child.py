"""Knows the process in which an order is carried out, confined. Does not know who asked.

Started as `python -m ostiary.jobs.child PARENT_PID MEMORY_BYTES`; the order comes as one line of
JSON on standard input, a camera's pictures after it; what it says goes as lines of JSON to
standard output. What people send is opened here and nowhere else: no network, bounded memory, an
empty environment, low priority.
"""

import contextlib
import json
import os
import resource
import sys
from pathlib import Path
from typing import Any

from streams.codecs.confinement import confine

IDLE = 19


def give_way(niceness: int) -> None:
    """Take only what others leave: at 19 nothing while anybody else wants the CPU."""
    os.nice(niceness)
    with contextlib.suppress(OSError):  # where the kernel groups sessions, niceness counts within
        Path("/proc/self/autogroup").write_text(str(niceness), "ascii")
    if niceness == IDLE and hasattr(os, "SCHED_IDLE"):
        with contextlib.suppress(OSError):
            os.sched_setscheduler(0, os.SCHED_IDLE, os.sched_param(0))


def main(arguments: list[str]) -> None:
    """Confine the process, read the order, carry it out."""
    confine(*map(int, arguments))
    # A library that prints must not break the lines: they have a descriptor of their own.
    lines = os.fdopen(os.dup(1), "w", encoding="utf-8")
    os.dup2(2, 1)
    told = json.loads(sys.stdin.buffer.readline())
    give_way(int(told["niceness"]))
    resource.setrlimit(resource.RLIMIT_FSIZE, (int(told["file_bytes"]),) * 2)
    from ostiary.jobs.order import Order  # only now: its libraries may start threads
    from ostiary.jobs.work import carry_out

    def say(event: dict[str, Any]) -> None:
        lines.write(json.dumps(event) + "\n")
        lines.flush()

    carry_out(Order.read(told), say, sys.stdin.buffer)


if __name__ == "__main__":
    main(sys.argv[1:])
