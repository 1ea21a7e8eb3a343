"""Analysing and changing exclude each other, and nobody waits for ever."""

import asyncio

import pytest

from workers.turn import Turn

pytestmark = pytest.mark.unit


def play(body):
    async def bounded():
        async with asyncio.timeout(5):
            await body()

    asyncio.run(bounded())


async def settle():
    for _ in range(5):
        await asyncio.sleep(0)


def test_several_analyse_at_once_and_a_change_waits_for_all():
    async def body():
        turn, told, done = Turn(), [], asyncio.Event()

        async def analyse(name):
            async with turn.analysing():
                told.append(f"{name} in")
                await done.wait()
                told.append(f"{name} out")

        async def change():
            async with turn.changing():
                told.append("changed")

        async with asyncio.TaskGroup() as tasks:
            tasks.create_task(analyse("a"))
            tasks.create_task(analyse("b"))
            await settle()
            tasks.create_task(change())
            await settle()
            late = tasks.create_task(analyse("late"))
            await settle()
            assert told == ["a in", "b in"], "who waits to change goes before who comes"
            done.set()
            await late
        assert told[-3:] == ["changed", "late in", "late out"]

    play(body)


def test_changes_come_one_after_another():
    async def body():
        turn, inside = Turn(), []

        async def change():
            async with turn.changing():
                inside.append(1)
                assert len(inside) == 1
                await asyncio.sleep(0)
                inside.pop()

        await asyncio.gather(*(change() for _ in range(4)))

    play(body)


@pytest.mark.parametrize("who", ["analysing", "changing"])
def test_who_is_cancelled_or_fails_leaves_the_turn_to_the_others(who):
    async def body():
        turn = Turn()

        async def hold():
            async with getattr(turn, who)():
                await asyncio.Event().wait()

        async def wait():
            async with turn.changing():
                pass

        holder = asyncio.create_task(hold())
        await settle()
        waiter = asyncio.create_task(wait())
        await settle()
        waiter.cancel()
        holder.cancel()
        await asyncio.gather(holder, waiter, return_exceptions=True)
        with pytest.raises(ValueError, match="odd"):
            async with turn.analysing():
                raise ValueError("odd")
        async with turn.changing():
            pass
        async with turn.analysing():
            pass

    play(body)
