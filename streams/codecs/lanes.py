"""Knows one stream's packets between submission and picture. Does not know the child's process."""

from collections import OrderedDict, deque
from dataclasses import dataclass, field
from typing import Final

from numpy import uint8
from numpy.typing import NDArray

from engine.catchup import CatchUp, CatchUpSettings, Mode, Waiting
from engine.packets import Codec, Packet, entry_ms
from streams.bus.packets import StreamKey
from streams.codecs.messages import MAX_BODY_BYTES
from streams.codecs.rings import RingReader

MOST_UNITS: Final = 512  # 20 s at 25/s
MOST_BYTES: Final = 32 << 20
_REMEMBERED: Final = 64  # units whose picture may still come out of a reordering decoder
_INDEPENDENT: Final = frozenset({Codec.MJPEG})


@dataclass(frozen=True, slots=True)
class Unit:
    """One packet for the pool. convert False: decode as reference only."""

    stream: StreamKey
    codec: Codec
    entry_id: str
    packet: Packet
    convert: bool


@dataclass(slots=True)
class Figures:
    """What became of one stream's packets; each only grows."""

    submitted: int = 0
    refused: int = 0  # before a keyframe, too large, or in quarantine
    overflowed: int = 0  # the backlog was full
    skipped: int = 0  # to catch up
    decoded: int = 0
    pictures: int = 0
    unseen: int = 0  # a newer picture came before anybody took this one
    invalid: int = 0  # corrupted, or larger than allowed
    no_slot: int = 0  # the reader held all slots
    kills: int = 0  # children that died over one of its packets
    decode_us: int = 0  # CPU time

    def lost(self) -> dict[str, int]:
        """Return what was submitted and gave nobody a picture, by reason."""
        return {
            "skipped": self.skipped,
            "invalid": self.invalid,
            "refused": self.refused,
            "overflowed": self.overflowed,
            "unseen": self.unseen,
            "no_slot": self.no_slot,
        }


@dataclass(slots=True)
class Lane:
    """One stream: its backlog, bounded by MOST_UNITS and MOST_BYTES, and its newest picture."""

    stream: StreamKey
    number: int
    settings: CatchUpSettings
    figures: Figures = field(default_factory=Figures)
    units: deque[Unit] = field(default_factory=deque)
    flown: OrderedDict[int, Unit] = field(default_factory=OrderedDict)
    rings: dict[int, RingReader] = field(default_factory=dict)
    context: int = 0
    force_keyframe: bool = False  # ask the encoder for one with the next unit
    _waiting: deque[Waiting] = field(default_factory=deque)
    _bytes: int = 0
    _epoch: tuple[int, Codec] | None = None
    _starts: bool = True  # only a keyframe may come next
    _catch_up: CatchUp = field(init=False)

    def __post_init__(self) -> None:
        self._catch_up = CatchUp(self.settings)

    @property
    def mode(self) -> Mode:
        """Whether the stream is live, catching up, or reduced to keyframes."""
        return self._catch_up.mode

    def add(self, unit: Unit) -> None:
        """Take a unit into the backlog, or refuse and count it."""
        self.figures.submitted += 1
        packet = unit.packet
        if self._epoch != (packet.epoch_ms, unit.codec):
            self._epoch = (packet.epoch_ms, unit.codec)
            self.context += 1
            self._drop(len(self.units))
            self._starts = True
        if self._starts and not packet.keyframe:
            self.figures.refused += 1
            return
        if len(packet.data) > MAX_BODY_BYTES:
            self.figures.refused += 1
            self._starts = True
            return
        if unit.codec in _INDEPENDENT and not unit.convert:
            return  # no other picture refers to it
        self._starts = False
        self._append(unit)

    def refuse(self) -> None:
        """Count a packet that is not taken, and hold back all until the next keyframe."""
        self.figures.submitted += 1
        self.figures.refused += 1
        self._drop(len(self.units))
        self._starts = True

    def _append(self, unit: Unit) -> None:
        self.units.append(unit)
        arrived_ms = entry_ms(unit.entry_id)
        self._waiting.append(Waiting(arrived_ms, unit.packet.keyframe, unit.convert))
        self._bytes += len(unit.packet.data)
        if len(self.units) > MOST_UNITS or self._bytes > MOST_BYTES:
            self.figures.overflowed += self._to_keyframe(1)

    def _to_keyframe(self, first: int) -> int:
        """Drop units up to the first keyframe at or after index first; return how many."""
        ahead = (i for i in range(first, len(self.units)) if self.units[i].packet.keyframe)
        dropped = next(ahead, len(self.units))
        self._drop(dropped)
        self._starts = self._starts or not self.units
        return dropped

    def _drop(self, count: int) -> None:
        for _ in range(count):
            self._bytes -= len(self.units.popleft().packet.data)
            self._waiting.popleft()

    def next_unit(self, now_ms: float) -> "Ready | None":
        """Take the next unit to decode out of the backlog; now_ms is the bus's clock."""
        while self.units:
            plan = self._catch_up.plan(self._waiting, now_ms)
            self.figures.skipped += plan.skip
            self._drop(plan.skip)
            if not plan.skip and not plan.decode:
                self.figures.skipped += 1
                self._drop(1)
            if plan.decode:
                unit = self.units[0]
                self._drop(1)
                return Ready(unit, plan.convert, plan.alone)
        return None

    def flies(self, seq: int, unit: Unit) -> None:
        """Remember a unit until its picture comes."""
        self.flown[seq] = unit
        if len(self.flown) > _REMEMBERED:
            self.flown.popitem(last=False)

    def restart(self) -> None:
        """The child is gone: begin anew at the next keyframe, in the backlog or to come."""
        self.flown.clear()
        self.rings.clear()
        self.figures.skipped += self._to_keyframe(0)
        self._starts = self._starts or not self.units

    def view(self, ring: int, slot: int, size: tuple[int, int]) -> NDArray[uint8]:
        """Return a slot's pixels (H, W, 3) BGR; raises KeyError or BadRing."""
        return self.rings[ring].picture(slot, *size)


@dataclass(frozen=True, slots=True)
class Ready:
    """A unit that goes to the child now."""

    unit: Unit
    convert: bool
    alone: bool
