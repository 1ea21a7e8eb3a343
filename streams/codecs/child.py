"""Knows the loop of a codec child: one message in, its answers out. Does not know its parent.

Started as `python -m streams.codecs.child DESCRIPTOR PARENT_PID MEMORY_BYTES MAX_PX`. Hostile
input strikes in decoders, so they live here: no network, bounded memory, an empty environment.
"""

import signal
import socket
import sys

from streams.codecs.confinement import confine


def main(arguments: list[str]) -> None:
    """Confine the process, then serve the socket until the parent closes it."""
    descriptor, parent_pid, memory_bytes, max_px = map(int, arguments)
    isolated = confine(parent_pid, memory_bytes)
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    from streams.codecs.serving import serve  # only now: its libraries may start threads

    with socket.socket(fileno=descriptor) as link:
        serve(link, max_px, isolated)


if __name__ == "__main__":
    main(sys.argv[1:])
