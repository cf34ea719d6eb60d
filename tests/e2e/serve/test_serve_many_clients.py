"""Clients of `kws serve` do not hold up each other."""

import asyncio
import contextlib

import psutil
from wyoming.error import Error
from wyoming.info import Describe, Info
from wyoming.ping import Ping

from tests.tiny_model import bursts, write_tiny_model
from tests.wyoming_clients import RATE_HZ, Server, answers, ask, chunks_of, header, listen, run, times_of


def test_clients_that_send_nothing_do_not_hold_up_others(server, demo, expected_ms):
    async def talk():
        async with contextlib.AsyncExitStack() as stack:
            for _ in range(20):
                await stack.enter_async_context(server.client())
            begun = await stack.enter_async_context(server.client())
            begun._writer.write(b'{"type": "det')
            return await listen(server, chunks_of(demo), 6)

    assert times_of(run(talk())) == expected_ms


def test_a_client_in_a_hurry_does_not_hold_up_others(server, demo, expected_ms):
    """It sends all it can, a minute of audio at a time; what it is not ready to be told waits on its side."""

    async def hurry(client):
        while True:
            await ask(client, chunks_of(demo, len(demo)))

    async def talk():
        async with server.client() as hasty:
            hurrying = asyncio.create_task(hurry(hasty))
            await answers(hasty, 1)
            found = await listen(server, chunks_of(demo), 6)
            hurrying.cancel()
            return found

    assert times_of(run(talk())) == expected_ms


def test_a_client_that_never_reads_its_answers(demo):
    running = Server()
    words_ms = []

    async def talk():
        async with running.client() as deaf:
            deaf._writer.write(header(type="describe") * 200_000)
            words_ms.extend(times_of(await listen(running, chunks_of(demo), 6)))
            rss = psutil.Process(running.process.pid).memory_info().rss
            return rss, await asyncio.to_thread(running.stop)

    rss, stopped = run(talk())
    assert len(words_ms) == 6 and rss < 200 * 2**20
    assert stopped[0] == 143 and stopped[2] == ""


def test_fifty_clients_at_once(server, demo, expected_ms):
    part = demo[: 6 * RATE_HZ]

    async def talk():
        async with contextlib.AsyncExitStack() as stack:
            clients = [await stack.enter_async_context(server.client()) for _ in range(50)]
            # In step, so that all streams are open at the same time.
            for chunk in chunks_of(part, 16_000):
                await asyncio.gather(*(client.write_event(chunk) for client in clients))
            return await asyncio.gather(*(answers(client, 1) for client in clients))

    found = run(talk())
    assert psutil.Process(server.process.pid).memory_info().rss < 400 * 2**20
    assert [times_of(heard) for heard in found] == [expected_ms[:1]] * 50


def test_one_client_too_many():
    running = Server("--max-clients", 2)

    async def talk():
        async with running.client() as first, running.client() as second, running.client() as third:
            (error,) = await answers(third)
            for client in (first, second):
                await client.write_event(Describe().event())
                assert isinstance((await answers(client, 1))[0], Info)
        # Once those two have gone there is room again.
        while not await is_served():
            await asyncio.sleep(0.05)
        return error

    async def is_served():
        async with running.client() as client:
            await client.write_event(Describe().event())
            return isinstance((await answers(client, 1))[0], Info)

    assert "2 clients are accepted" in run(talk()).text
    assert running.stop()[2] == ""


def test_model_that_goes_while_the_server_runs(tmp_path):
    model = write_tiny_model(tmp_path / "tiny.onnx")
    running = Server("--model", model)

    async def talk():
        async with running.client() as first, running.client() as second:
            # The detectors that were opened at the start are the first client's.
            await ask(first, chunks_of(bursts()[:RATE_HZ]), ends=False)
            await first.write_event(Ping().event())
            await answers(first, 1)
            model.unlink()
            await ask(second, chunks_of(bursts()[:RATE_HZ]), ends=False)
            return await answers(second)

    (error,) = run(talk())
    assert isinstance(error, Error) and "tiny.onnx" in error.text
    assert len(run(listen(running, chunks_of(bursts())))) == 2
    assert running.stop()[2] == ""
