"""Knows how a child gives up what it does not need. Does not know what the child does."""

import ctypes
import os
import resource
import signal
from typing import Final

_PR_SET_PDEATHSIG: Final = 1
_PR_SET_NO_NEW_PRIVS: Final = 38
_CLONE_NEWUSER: Final = 0x10000000
_CLONE_NEWNET: Final = 0x40000000


class Orphaned(RuntimeError):
    """The parent died before the child had tied its life to it."""


def confine(parent_pid: int, memory_bytes: int) -> bool:
    """Die with the parent, lose the network and bound the memory of the calling process.

    Returns whether the network is gone: that needs a right to make namespaces, which some
    containers withhold. To be called while the process has one thread.
    """
    libc = ctypes.CDLL(None, use_errno=True)
    isolated = _without_network(libc)
    # After the namespace: new credentials clear the death signal.
    libc.prctl(_PR_SET_PDEATHSIG, signal.SIGKILL, 0, 0, 0)
    if os.getppid() != parent_pid:
        raise Orphaned("the parent is gone")
    libc.prctl(_PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0)
    resource.setrlimit(resource.RLIMIT_AS, (memory_bytes, memory_bytes))
    resource.setrlimit(resource.RLIMIT_CORE, (0, 0))
    resource.setrlimit(resource.RLIMIT_NOFILE, (256, 256))
    return isolated


def _without_network(libc: ctypes.CDLL) -> bool:
    return any(
        libc.unshare(flags) == 0 for flags in (_CLONE_NEWNET, _CLONE_NEWUSER | _CLONE_NEWNET)
    )
