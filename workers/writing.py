"""Knows how what a camera's desk keeps reaches the ledger, once and in order. Decides nothing."""

import structlog
from redis.exceptions import ResponseError

from streams.bus.connection import AWAY
from streams.ledger.functions import Fenced, NotDurable, Refused
from streams.ledger.ledger import Ledger
from workers.desk import Desk

log = structlog.get_logger()


async def flush(ledger: Ledger, desk: Desk) -> bool:
    """Write a desk's visits, then its alerts; return whether nothing waits any more.

    While the ledger is away or takes no writes everything stays where it is. Fenced out,
    openings that the ledger may not know are handed in as closed, and the rest is the next
    owner's affair.
    """
    try:
        try:
            await _write(ledger, desk)
        except Fenced:
            await hand_in(ledger, desk)
    except (*AWAY, ResponseError) as error:
        log.warning("ledger away", camera=desk.camera.id, waiting=len(desk.outbox),
                    error=type(error).__name__)  # fmt: skip
    except NotDurable:
        log.warning("ledger slow to confirm", camera=desk.camera.id)
    return not len(desk.outbox) and not len(desk.visits)


async def _write(ledger: Ledger, desk: Desk) -> None:
    """Write until nothing waits; before each alert the visits, which came with it or after it."""
    while True:
        await _write_visits(ledger, desk)
        revision = desk.outbox.take()
        if revision is None:
            return
        try:
            await ledger.alerts.write(revision, desk.token)
        except Refused as error:
            desk.figures.lost["alerts_refused"] += 1
            log.error("alert refused", camera=desk.camera.id, alert=revision.id, error=str(error))
        desk.outbox.confirm(revision)


async def _write_visits(ledger: Ledger, desk: Desk) -> None:
    while (visit := desk.visits.take(len(desk.outbox) > 0)) is not None:
        try:
            await ledger.visits.save(visit, desk.token)
        except Refused as error:
            desk.figures.lost["visits_refused"] += 1
            log.error("visit refused", camera=desk.camera.id, visit=visit.id, error=str(error))
        desk.visits.confirm(visit)


async def hand_in(ledger: Ledger, desk: Desk) -> None:
    """Give the ledger the openings of a worker that was fenced out, closed; raises as it does."""
    desk.outbox.hand_over()
    desk.visits.clear()
    while (revision := desk.outbox.take()) is not None:
        try:
            await ledger.alerts.write(revision, desk.token)
        except Fenced:
            log.info("handed over", camera=desk.camera.id, alert=revision.id)
        except Refused as error:
            desk.figures.lost["alerts_at_hand_over"] += 1
            log.error("lost at hand-over", camera=desk.camera.id, alert=revision.id,
                      error=str(error))  # fmt: skip
        desk.outbox.confirm(revision)
