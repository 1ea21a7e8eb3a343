"""Knows what every source looks like from outside. Does not know any kind of camera.

A source runs until it ends, and always ends by raising: SourceError says why. It never tries
again; its supervisor does.
"""

from collections.abc import Callable
from typing import NoReturn, Protocol

from engine.packets import Packet
from streams.cameras.units import StreamFacts

Deliver = Callable[[Packet | None, StreamFacts], None]
"""Takes a packet at once and never blocks; what is too much is dropped and counted there.

None: a picture came, but it is of no use before the next keyframe (or was damaged).
"""


class Source(Protocol):
    """One stream of one camera."""

    async def ready(self) -> None:
        """Return when a try makes sense."""
        ...

    async def run(self, deliver: Deliver, previous_epoch_ms: int) -> NoReturn:
        """Connect and deliver packets; raises SourceError when it ends.

        Every epoch is above previous_epoch_ms, and its first packet is a keyframe.
        """
        ...

    async def retire(self) -> None:
        """Nobody wants this source any longer; nothing is called after this."""
        ...
