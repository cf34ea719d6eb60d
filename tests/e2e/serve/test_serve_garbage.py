"""What `kws serve` answers to clients that send what is none, or break off."""

import asyncio
import contextlib
import socket

import numpy as np
import pytest
from wyoming.audio import AudioChunk
from wyoming.error import Error
from wyoming.info import Describe, Info

from tests.wyoming_clients import RATE_HZ, answers, ask, chunks_of, header, listen, run, times_of

AUDIO = dict(rate=16_000, width=2, channels=1)


@pytest.mark.parametrize(
    ("sent", "expected"),
    [
        (b"GET / HTTP/1.1\r\nHost: kws\r\n\r\n", "not JSON"),
        (np.random.default_rng(0).bytes(200_000), "no event"),
        (b"\xff\xfe\n", "not JSON"),
        (b"x" * 200_000, "not JSON"),
        (b"[]\n", "no event"),
        (b"5\n", "no event"),
        (b"{}\n", "no event"),
        (b"[" * 50_000 + b"\n", "no event"),
        (header(type=5), "its type is no text"),
        (header(type="detect", data=[1]), "its data no object"),
        (header(type="detect", data={"names": "computer"}), "accepted is a list of up to 1000 names"),
        (header(type="detect", data={"names": ["a"] * 1001}), "accepted is a list of up to 1000 names"),
        (header(type="detect", data={"names": [5]}), "names is [5]"),
        (header(type="detect", data_length="many"), "no event"),
        (header(type="detect", data_length=10**12), "accepted are up to 4194304"),
        (header(type="audio-chunk", data=AUDIO, payload_length=115_200_000), "accepted are up to 4194304"),
        (header(type="audio-chunk", data=AUDIO, payload_length=3) + b"abc", "multiples of 2"),
        (header(type="audio-chunk", payload_length=2) + b"ab", "rate is None"),
        (header(type="audio-chunk", data={**AUDIO, "rate": 10}), "rate is 10"),
        (header(type="audio-chunk", data={**AUDIO, "rate": 16_000.5}), "whole numbers"),
        (header(type="audio-chunk", data={**AUDIO, "width": 5}), "width is 5"),
        (header(type="audio-chunk", data={**AUDIO, "channels": 0}), "channels is 0"),
        (header(type="audio-chunk", data={**AUDIO, "timestamp": "now"}), "timestamp is 'now'"),
        (header(type="audio-start", data={**AUDIO, "timestamp": float("nan")}), "timestamp is nan"),
    ],
)
def test_garbage_is_answered_and_ends_that_connection_only(server, sent, expected):
    async def talk():
        async with server.client() as client:
            client._writer.write(sent)
            (error,) = await answers(client)
            assert isinstance(error, Error) and expected in error.text
        # The next client is served.
        async with server.client() as client:
            await client.write_event(Describe().event())
            return await answers(client, 1)

    assert isinstance(run(talk())[0], Info)


def test_an_hour_in_one_chunk_is_refused(server):
    """The client learns why, although it is still sending."""

    told = []

    async def talk():
        # The server hangs up while there is more to send.
        with contextlib.suppress(BrokenPipeError, ConnectionResetError):
            async with server.client() as client:
                chunk = AudioChunk(RATE_HZ, 2, 1, bytes(3600 * 2 * RATE_HZ)).event()
                sender = asyncio.ensure_future(client.write_event(chunk))
                told.extend(await answers(client))
                sender.cancel()

    run(talk())
    (error,) = told
    assert error.text == "an event has 115200000 bytes; accepted are up to 4194304"


def test_format_that_changes_within_a_stream(server):
    async def talk():
        async with server.client() as client:
            await ask(client, [AudioChunk(rate, 2, 1, bytes(320)).event() for rate in (16_000, 8000)])
            return await answers(client)

    (error,) = run(talk())
    assert error.text == (
        "audio changes from 16000 Hz, 16 bits, 1 channels to 8000 Hz, 16 bits, 1 channels; "
        "accepted is one format a stream"
    )


def test_connections_that_break(server, demo, expected_ms):
    """Ends of connections in the middle of a header, of a payload, of a stream; by reset too."""
    pieces = [
        b"",
        b'{"type": "audio-ch',
        header(type="audio-chunk", data=AUDIO, payload_length=2000) + bytes(500),
        header(type="audio-chunk", data=AUDIO, payload_length=2000) + bytes(2000),
    ]
    for piece in pieces:
        for is_reset in (False, True):
            with socket.create_connection(("127.0.0.1", server.port)) as connection:
                connection.sendall(piece)
                if is_reset:
                    linger_nothing = b"\x01\x00\x00\x00" + bytes(4)
                    connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, linger_nothing)
    assert times_of(run(listen(server, chunks_of(demo), 6))) == expected_ms
