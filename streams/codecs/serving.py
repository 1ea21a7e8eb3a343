"""Knows which message goes to which codec in a child. Does not know how it is confined."""

import socket
import time

import av

from streams.codecs.decoding import StreamDecoder
from streams.codecs.encoding import StreamTranscoder
from streams.codecs.messages import (
    HEADER_BYTES,
    ISOLATED,
    Kind,
    Message,
    body_bytes,
    parse,
)


def serve(link: socket.socket, max_px: int, isolated: bool) -> None:
    """Answer messages until the parent closes the link."""
    av.logging.set_level(av.logging.PANIC)
    desk = _Desk(link, max_px)
    desk.send(Message(Kind.READY, flags=ISOLATED if isolated else 0), None)
    try:
        while (message := _receive(link)) is not None:
            desk.answer(message)
    except (BrokenPipeError, ConnectionResetError):
        return


class _Desk:
    def __init__(self, link: socket.socket, max_px: int) -> None:
        self._link = link
        self._max_px = max_px
        self._decoders: dict[int, StreamDecoder] = {}
        self._transcoders: dict[int, StreamTranscoder] = {}

    def send(self, message: Message, descriptor: int | None) -> None:
        header = message.header()
        if descriptor is None:
            self._link.sendall(header)
        else:
            socket.send_fds(self._link, [header], [descriptor])
        if message.body:
            self._link.sendall(message.body)

    def answer(self, message: Message) -> None:
        match message.kind:
            case Kind.DECODE:
                if message.stream not in self._decoders:
                    self._decoders[message.stream] = StreamDecoder(message.stream, self._max_px)
                self._unit(self._decoders[message.stream], message)
            case Kind.TRANSCODE:
                if message.stream not in self._transcoders:
                    transcoder = StreamTranscoder(message.stream, self._max_px)
                    self._transcoders[message.stream] = transcoder
                self._unit(self._transcoders[message.stream], message)
            case Kind.RELEASE:
                if message.stream in self._decoders:
                    self._decoders[message.stream].release(message.context, message.slot)
            case Kind.FORGET:
                self._transcoders.pop(message.stream, None)
                forgotten = self._decoders.pop(message.stream, None)
                if forgotten is not None:
                    forgotten.close()

    def _unit(self, codec: StreamDecoder | StreamTranscoder, message: Message) -> None:
        """Answer every unit once, after all that came of it, with the time it took."""
        started = time.thread_time()
        status = codec.unit(message, self.send)
        micros = int((time.thread_time() - started) * 1e6)
        done = Message(
            Kind.DONE, status=status, stream=message.stream, seq=message.seq, micros=micros
        )
        self.send(done, None)


def _receive(link: socket.socket) -> Message | None:
    header = _exactly(link, HEADER_BYTES)
    if header is None:
        return None
    body = _exactly(link, body_bytes(header))
    return None if body is None else parse(header, body)


def _exactly(link: socket.socket, size: int) -> bytearray | None:
    """Return exactly size bytes, or None when the parent closed the link."""
    data = bytearray(size)
    view = memoryview(data)
    while view:
        got = link.recv_into(view)
        if got == 0:
            return None
        view = view[got:]
    return data
