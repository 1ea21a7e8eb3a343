"""Knows what a worker's heartbeat tells of its cameras and of what it lost. Does not send it."""

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any

from streams.codecs.pool import DecoderPool
from workers.desk import Desk
from workers.intake import Intake


def camera_record(desk: Desk, pool: DecoderPool, intake: Intake, now_ns: int) -> dict[str, Any]:
    """Return one camera's figures; `drops` holds pictures and packets, by reason."""
    decoded = pool.figures(desk.stream)
    desk.figures.mode = pool.mode(desk.stream).value
    desk.figures.stages_ns["decoder"] = decoded.decode_us * 1000
    record = desk.figures.record(now_ns)
    record["drops"] |= decoded.lost() | {"other_epoch": intake.dropped(desk.stream)}
    record["decoder_kills"] = decoded.kills
    record["reason"] = pool.quarantined.get(desk.camera.id)
    record["waiting_for_ledger"] = len(desk.outbox)
    return record


@dataclass(slots=True)
class Losses:
    """What was lost on the way to the ledger, by desks in use and by those that are no more."""

    _known: list[Desk] = field(default_factory=list)
    _gone: Counter[str] = field(default_factory=Counter)

    def of(self, desks: Sequence[Desk]) -> Counter[str]:
        """Return the losses of these desks and of all that were asked about before."""
        present = {id(desk) for desk in desks}
        for desk in self._known:
            if id(desk) not in present:
                self._gone.update(losses_of(desk))
        self._known = list(desks)
        total = Counter(self._gone)
        for desk in desks:
            total.update(losses_of(desk))
        return total


def losses_of(desk: Desk) -> dict[str, int]:
    """Return what a desk lost on its way to the ledger, by what it was and why."""
    return {
        "alerts_refused": 0,
        "visits_refused": 0,
        "alerts_at_hand_over": 0,
        "alerts_outbox_full": desk.outbox.dropped,
        "visits_outbox_full": desk.visits.dropped,
        "looks_without_visit": desk.watch.looks_without_visit,
        **desk.figures.lost,
    }
