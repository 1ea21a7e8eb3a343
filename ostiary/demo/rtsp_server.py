"""Knows how the demo's cameras are served: which files under which names, on which port.

Does not know what the pictures show. `python -m ostiary.demo.rtsp_server --help` runs it alone.
"""

import argparse
import asyncio
import contextlib
import json
import os
import signal
import socket
import sys
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from types import TracebackType
from typing import Final, Self
from urllib.parse import quote

from ostiary.demo.clip import TICKS_HZ, BadClip, load_clip
from ostiary.demo.rtsp_messages import Login
from ostiary.demo.rtsp_session import Session, Stage
from ostiary.demo.station import Origin, SendLog, Sent, Station

MAX_CONNECTIONS: Final = 256
HEAD_BYTES: Final = 16_384
KERNEL_BYTES: Final = 262_144  # else the kernel hides up to 4 MB of a slow client's arrears
_LEAD_S: Final = 0.05  # between start and picture 0


@dataclass(frozen=True, slots=True)
class Source:
    """One file under one name.

    raw: keep B-frames and rare keyframes. phase_ms: how much later than the others it begins.
    first_rtp_time: of picture 0. stamped: put ostiary.demo.stamp into each picture.
    """

    path: Path
    raw: bool = False
    phase_ms: int = 0
    first_rtp_time: int = 0
    stamped: bool = True


@dataclass(frozen=True, slots=True)
class ServerOptions:
    """Where and for whom.

    password None: anybody may watch. faults: paths below /fault/ misbehave (ostiary.demo.faults).
    """

    host: str = "127.0.0.1"
    port: int = 0
    user: str = "demo"
    password: str | None = field(default=None, repr=False)
    faults: bool = True
    note: Callable[[Sent], None] = field(default=lambda sent: None)


def _load(sources: Mapping[str, Source]) -> dict[str, Station]:
    """Read every file once, however many names play it. Raises BadClip."""
    clips = {(each.path, each.raw): None for each in sources.values()}
    loaded = {key: load_clip(*key) for key in clips}
    return {
        name: Station(
            name,
            loaded[each.path, each.raw],
            each.path,
            each.phase_ms * TICKS_HZ // 1000,
            each.first_rtp_time,
            each.stamped,
        )
        for name, each in sources.items()
    }


class _Silent(asyncio.DatagramProtocol):
    """Drops what clients report over UDP."""


class RtspServer:
    """An RTSP server over endlessly looping files: `async with RtspServer(...) as server`.

    Every client of a stream gets the same picture at the same time; a slow one is cut off.
    Raises BadClip where a file cannot be played, OSError where the port is taken.
    """

    def __init__(
        self, sources: Mapping[str, Source | Path], options: ServerOptions | None = None
    ) -> None:
        self._sources = {
            name: each if isinstance(each, Source) else Source(each)
            for name, each in sources.items()
        }
        self._options = options or ServerOptions()
        self._stack = contextlib.AsyncExitStack()
        self._sessions: set[asyncio.Task[None]] = set()
        self._stations: dict[str, Station] = {}
        self.port = 0

    async def __aenter__(self) -> Self:
        async with self._stack:
            self._stations = await asyncio.to_thread(_load, self._sources)
            stage = await self._stage()
            server = await asyncio.start_server(
                lambda reader, writer: self._connected(stage, reader, writer),
                self._options.host,
                self._options.port,
                limit=HEAD_BYTES,
            )
            self._stack.callback(server.close)
            self.port = int(server.sockets[0].getsockname()[1])
            tasks = await self._stack.enter_async_context(asyncio.TaskGroup())
            clock = asyncio.get_running_loop()
            origin = Origin(clock.time() + _LEAD_S, time.time_ns() + int(_LEAD_S * 1e9))
            plays = [
                tasks.create_task(station.play(origin, self._options.note))
                for station in self._stations.values()
            ]
            self._stack.callback(lambda: [play.cancel() for play in (*plays, *self._sessions)])
            self._stack = self._stack.pop_all()
        return self

    async def __aexit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        await self._stack.aclose()
        await asyncio.gather(*self._sessions, return_exceptions=True)

    async def _stage(self) -> Stage:
        loop = asyncio.get_running_loop()
        ends = []
        for bound in _udp_pair(self._options.host):
            end, _ = await loop.create_datagram_endpoint(_Silent, sock=bound)
            self._stack.callback(end.close)
            ends.append(end)
        password = self._options.password
        login = None if password is None else Login(self._options.user, password)
        return Stage(self._stations, login, (ends[0], ends[1]), self._options.faults)

    async def _connected(
        self, stage: Stage, reader: asyncio.StreamReader, writer: asyncio.StreamWriter
    ) -> None:
        task = asyncio.current_task()
        if task is None or len(self._sessions) >= MAX_CONNECTIONS:
            writer.close()
            return
        self._sessions.add(task)
        raw = writer.get_extra_info("socket")
        raw.setsockopt(socket.SOL_SOCKET, socket.SO_SNDBUF, KERNEL_BYTES)
        try:
            await Session(stage, reader, writer).run()
        except asyncio.CancelledError:
            writer.transport.abort()  # the server ends; start_server would log a cancelled task
        finally:
            self._sessions.discard(task)

    def url(self, path: str) -> str:
        """Return the address, with user and password, of a stream or of a `fault/KIND/NAME`."""
        login = ""
        if self._options.password is not None:
            login = f"{quote(self._options.user)}:{quote(self._options.password, safe='')}@"
        return f"rtsp://{login}{self._options.host}:{self.port}/{path}"

    def clients(self, name: str) -> int:
        """Return how many clients play a stream now."""
        return len(self._stations[name].clients)


def _udp_pair(host: str) -> tuple[socket.socket, socket.socket]:
    """Return two bound sockets, an even port and the next one (RFC 3550, 11)."""
    for _ in range(64):
        media = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
        control = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
        try:
            media.bind((host, 0))
            control.bind((host, media.getsockname()[1] + 1))
        except OSError:
            media.close()
            control.close()
            continue
        if media.getsockname()[1] % 2 == 0:
            return media, control
        media.close()
        control.close()
    raise OSError("no free pair of UDP ports")


def _named(text: str) -> tuple[str, Path]:
    name, equals, path = text.partition("=")
    if not name or not equals or "/" in name:
        raise argparse.ArgumentTypeError(f"{text!r} is not NAME=PATH")
    return name, Path(path)


def _arguments(argv: Sequence[str]) -> argparse.Namespace:
    parser = argparse.ArgumentParser(
        prog="python -m ostiary.demo.rtsp_server",
        description="Serve video files as looping RTSP cameras (H.264, 90 kHz, digest).",
    )
    add = parser.add_argument
    add("--media", type=Path, metavar="DIR", help="serve every .mp4 in DIR under its stem")
    add("--file", type=_named, action="append", default=[], metavar="NAME=PATH")
    add("--raw", type=_named, action="append", default=[], metavar="NAME=PATH",
        help="like --file, but B-frames and rare keyframes are kept")  # fmt: skip
    add("--host", default="127.0.0.1")
    add("--port", type=int, default=0, help="0: any free one; it is printed")
    add("--user", default="demo")
    add("--password-env", metavar="VARIABLE", help="where the password stands; else no login")
    add("--send-times", type=Path, metavar="FILE", help="log each sent picture as a JSON line")
    add("--stagger-ms", type=int, default=0, help="each --file begins this much later")
    add("--no-faults", action="store_true", help="no misbehaving paths below /fault/")
    return parser.parse_args(argv)


def _sources(options: argparse.Namespace) -> dict[str, Source]:
    found = sorted(options.media.glob("*.mp4")) if options.media else []
    sources = {path.stem: Source(path) for path in found}
    named = [(name, path, False) for name, path in options.file]
    named += [(name, path, True) for name, path in options.raw]
    for number, (name, path, raw) in enumerate(named):
        sources[name] = Source(path, raw, number * options.stagger_ms)
    if not sources:
        raise BadClip("nothing to serve: give --media or --file")
    return sources


async def serve(sources: Mapping[str, Source], options: ServerOptions) -> None:
    """Serve until SIGTERM or SIGINT; prints one JSON line when ready."""
    stop = asyncio.Event()
    loop = asyncio.get_running_loop()
    for number in (signal.SIGTERM, signal.SIGINT):
        loop.add_signal_handler(number, stop.set)
    async with RtspServer(sources, options) as server:
        ready = {"event": "ready", "port": server.port, "streams": sorted(sources)}
        print(json.dumps(ready), flush=True)
        await stop.wait()


def main(argv: Sequence[str] | None = None) -> int:
    """Run the server; returns 0 done, 1 failed, 2 wrong usage."""
    options = _arguments(sys.argv[1:] if argv is None else argv)
    password = None
    if options.password_env is not None:
        password = os.environ.get(options.password_env)
        if not password:
            print(f"the environment variable {options.password_env} is empty", file=sys.stderr)
            return 2
    note = SendLog(options.send_times) if options.send_times else lambda sent: None
    settings = ServerOptions(
        options.host, options.port, options.user, password, not options.no_faults, note
    )
    try:
        asyncio.run(serve(_sources(options), settings))
    except (BadClip, OSError) as error:
        print(f"cannot serve: {error}", file=sys.stderr)
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main())
