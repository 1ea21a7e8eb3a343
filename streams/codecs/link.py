"""Knows how to start a codec child and talk with it without waiting. Does not know what about."""

import asyncio
import os
import socket
import sys
from asyncio.subprocess import Process
from collections import deque
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Final

import streams
from streams.codecs.messages import BadMessage, Message, Parser

_READ_BYTES: Final = 1 << 18
_ROOT: Final = Path(streams.__file__).parents[1]
# A child sees nothing of the parent's environment, which may hold secrets.
ENVIRONMENT: Final = {
    "PATH": "/usr/bin:/bin",
    "LANG": "C.UTF-8",
    "OMP_NUM_THREADS": "1",
    "OPENBLAS_NUM_THREADS": "1",
    "PYTHONDONTWRITEBYTECODE": "1",
}


@dataclass(frozen=True, slots=True)
class ChildSettings:
    """The bounds of one child: its address space, and the pixels of a picture."""

    memory_bytes: int
    max_px: int


class ChildLink:
    """One running child. on_message gets each message with the descriptor that came, if any."""

    def __init__(self, process: Process, link: socket.socket) -> None:
        self._process = process
        self._socket = link
        self._loop = asyncio.get_running_loop()
        self._parser = Parser()
        self._outgoing: deque[memoryview] = deque()
        self._descriptors: deque[int] = deque()
        self._on_message: Callable[[Message, Callable[[], int]], None] = lambda *_: None
        self.lost = asyncio.Event()

    @classmethod
    async def start(cls, settings: ChildSettings) -> "ChildLink":
        """Start a child; raises OSError when the system refuses."""
        ours, theirs = socket.socketpair(socket.AF_UNIX, socket.SOCK_STREAM)
        with theirs:
            ours.setblocking(False)
            try:
                process = await asyncio.create_subprocess_exec(
                    sys.executable, "-s", "-m", "streams.codecs.child",
                    str(theirs.fileno()), str(os.getpid()), str(settings.memory_bytes),
                    str(settings.max_px),
                    stdin=asyncio.subprocess.DEVNULL, stdout=asyncio.subprocess.DEVNULL,
                    pass_fds=(theirs.fileno(),), cwd=_ROOT, env=ENVIRONMENT,
                    start_new_session=True,
                )  # fmt: skip
            except BaseException:
                ours.close()
                raise
        return cls(process, ours)

    @property
    def pid(self) -> int:
        """The child's process id."""
        return self._process.pid

    def listen(self, on_message: Callable[[Message, Callable[[], int]], None]) -> None:
        """Begin to read. The second argument of on_message takes the next descriptor."""
        self._on_message = on_message
        self._loop.add_reader(self._socket.fileno(), self._readable)

    def send(self, message: Message) -> None:
        """Send, or queue what the socket does not take; the caller bounds what is in flight.

        To a child that is gone nothing is sent: whoever waits for it learns of the loss.
        """
        if self.lost.is_set():
            return
        idle = not self._outgoing
        self._outgoing.append(memoryview(message.header()))
        if message.body:
            self._outgoing.append(memoryview(message.body))
        if idle:
            self._writable()

    def _writable(self) -> None:
        try:
            while self._outgoing:
                sent = self._socket.sendmsg(list(self._outgoing)[:8])
                self._consume(sent)
        except BlockingIOError:
            self._loop.add_writer(self._socket.fileno(), self._writable)
        except OSError:
            self._lose()
        else:
            self._loop.remove_writer(self._socket.fileno())

    def _consume(self, sent: int) -> None:
        while sent:
            head = self._outgoing.popleft()
            if sent < len(head):
                self._outgoing.appendleft(head[sent:])
                return
            sent -= len(head)

    def _readable(self) -> None:
        try:
            data, descriptors, *_ = socket.recv_fds(self._socket, _READ_BYTES, 8)
            self._descriptors.extend(descriptors)
            if not data:
                self._lose()
            for message in self._parser.feed(data):
                self._on_message(message, self._next_descriptor)
        except BlockingIOError:
            return
        except (OSError, BadMessage):
            self._lose()

    def _next_descriptor(self) -> int:
        if not self._descriptors:
            raise BadMessage("a ring without its memory")
        return self._descriptors.popleft()

    def _lose(self) -> None:
        if self._socket.fileno() >= 0 and not self.lost.is_set():
            self._loop.remove_reader(self._socket.fileno())
            self._loop.remove_writer(self._socket.fileno())
        self._outgoing.clear()
        self.lost.set()

    async def close(self) -> None:
        """Kill the child, reap it and free what it held here."""
        self._lose()
        self._socket.close()
        for descriptor in self._descriptors:
            os.close(descriptor)
        self._descriptors.clear()
        with suppress(ProcessLookupError):
            self._process.kill()
        await self._process.wait()
