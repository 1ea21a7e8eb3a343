"""Many tasks' commands in few writes, on a real Valkey: order, answers, errors, who leaves."""

import asyncio

import pytest
from redis.exceptions import RedisError, ResponseError

from streams.bus.connection import connect
from streams.bus.sending import Gathering, pipelined
from streams.valkey import USER

pytestmark = [pytest.mark.integration, pytest.mark.slow]

PAUSE_S = 0.05


class Counting:
    """A Send that remembers how many commands each write carried."""

    def __init__(self, send):
        self.send = send
        self.writes = []

    async def __call__(self, commands):
        self.writes.append(len(commands))
        return await self.send(commands)


def play(server, body):
    async def run():
        redis = connect(server.url, USER, server.plan.password)
        counting = Counting(pipelined(redis))
        gathering = Gathering(counting, PAUSE_S)
        running = asyncio.create_task(gathering.run())
        try:
            async with asyncio.timeout(20):
                await body(gathering, counting, redis)
        finally:
            running.cancel()
            await redis.aclose()

    asyncio.run(run())


def push(key, *values):
    return [["RPUSH", key, value] for value in values]


def test_the_first_goes_at_once_and_what_comes_in_the_pause_goes_together(bus_server):
    async def body(gathering, counting, redis):
        loop = asyncio.get_running_loop()
        begun = loop.time()
        assert await gathering(push("a", 1)) == [1]
        assert loop.time() - begun < PAUSE_S
        answers = await asyncio.gather(*(gathering(push(f"b{n}", 1, 2)) for n in range(10)))
        assert answers == [[1, 2]] * 10
        assert counting.writes == [1, 20]

    play(bus_server, body)


def test_each_senders_order_is_kept(bus_server):
    async def body(gathering, counting, redis):
        async def send(key):
            for start in range(0, 30, 3):
                await gathering(push(key, start, start + 1, start + 2))

        await asyncio.gather(send("a"), send("b"))
        for key in ("a", "b"):
            assert [int(one) for one in await redis.lrange(key, 0, -1)] == list(range(30))
        assert len(counting.writes) < 20

    play(bus_server, body)


def test_one_senders_wrong_command_is_not_the_others(bus_server):
    async def body(gathering, counting, redis):
        await redis.set("text", "x")
        wrong, right = await asyncio.gather(gathering(push("text", 1)), gathering(push("list", 1)))
        assert isinstance(wrong[0], ResponseError)
        assert right == [1]

    play(bus_server, body)


def test_a_sender_that_gives_up_does_not_hold_up_the_others(bus_server):
    async def body(gathering, counting, redis):
        await gathering(push("a", 0))
        leaving = asyncio.create_task(gathering(push("a", 1)))
        staying = asyncio.create_task(gathering(push("a", 2)))
        await asyncio.sleep(0)
        leaving.cancel()
        assert await staying == [3]
        assert await gathering(push("a", 3)) == [4]

    play(bus_server, body)


def test_while_the_server_is_away_every_sender_is_told_and_later_it_goes_on(bus_server):
    async def body(gathering, counting, redis):
        await bus_server.running.kill()
        sent = [gathering(push("a", n)) for n in range(3)]
        told = await asyncio.gather(*sent, return_exceptions=True)
        assert all(isinstance(one, RedisError | OSError) for one in told)
        await bus_server.running.start()
        while True:
            try:
                assert await gathering(push("b", 1)) == [1]
                return
            except (RedisError, OSError):
                await asyncio.sleep(0.1)

    play(bus_server, body)
