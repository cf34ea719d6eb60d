"""`kws serve` in a process of its own, and the official client that talks to it."""

import asyncio
import json
import queue
import signal
import socket
import subprocess
import sys
import threading
from pathlib import Path

import numpy as np
from wyoming.audio import AudioChunk, AudioStart, AudioStop
from wyoming.client import AsyncClient
from wyoming.error import Error
from wyoming.info import Info
from wyoming.ping import Pong
from wyoming.wake import Detect, Detection, NotDetected

import kws

ASSETS = Path(kws.__file__).parent / "assets"
ROOT = ASSETS.parents[1]
RATE_HZ = 16_000
PATIENCE_S = 30
KWS = [sys.executable, "-c", "from kws.cli import main; main()"]


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return probe.getsockname()[1]


class Server:
    """`kws serve` in a process of its own."""

    def __init__(self, *arguments, uri: str | None = None) -> None:
        self.port = free_port()
        self.uri = uri or f"tcp://127.0.0.1:{self.port}"
        command = [*KWS, "serve", "--uri", self.uri, *map(str, arguments)]
        self.process = subprocess.Popen(
            command, cwd=ROOT, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, bufsize=1
        )
        lines: queue.Queue[str] = queue.Queue()
        threading.Thread(target=lambda: lines.put(self.process.stdout.readline()), daemon=True).start()
        self.ready = lines.get(timeout=PATIENCE_S)

    def client(self) -> AsyncClient:
        return AsyncClient.from_uri(self.uri)

    def stop(self, number: int = signal.SIGTERM) -> tuple[int, str, str]:
        self.process.send_signal(number)
        out, err = self.process.communicate(timeout=PATIENCE_S)
        return self.process.returncode, out, err


def chunks_of(samples: np.ndarray, chunk_samples=1280, rate_hz=RATE_HZ, width=2, n_channels=1, start_ms=0):
    """Cut samples, shape (N,) or (N, C), into events as a client sends them."""
    data, frame_bytes = samples.tobytes(), width * n_channels
    for start in range(0, len(data) // frame_bytes, chunk_samples):
        piece = data[start * frame_bytes : (start + chunk_samples) * frame_bytes]
        timestamp = None if start_ms is None else start_ms + round(1000 * start / rate_hz)
        yield AudioChunk(rate_hz, width, n_channels, piece, timestamp=timestamp).event()


async def ask(client: AsyncClient, chunks, names=None, ends=True) -> None:
    """Send a stream, as fast as it goes."""
    await client.write_event(Detect(names=names).event())
    await client.write_event(AudioStart(RATE_HZ, 2, 1).event())
    for chunk in chunks:
        await client.write_event(chunk)
    if ends:
        await client.write_event(AudioStop().event())


async def answers(client: AsyncClient, n: int | None = None) -> list:
    """Return the next `n` events, or all until the server closes."""
    kinds = (Detection, NotDetected, Info, Error, Pong)
    found = []
    while n is None or len(found) < n:
        event = await asyncio.wait_for(client.read_event(), PATIENCE_S)
        if event is None:
            return found
        found += [kind.from_event(event) for kind in kinds if kind.is_type(event.type)]
    return found


async def listen(server: Server, chunks, n: int | None = None, **options) -> list:
    """Send a stream; return the first `n` answers, or those up to the end of the stream."""
    async with server.client() as client:

        async def send():
            await ask(client, chunks, **options)
            if n is None:
                client._writer.write_eof()

        _, found = await asyncio.gather(send(), answers(client, n))
        return found


def run(coroutine):
    return asyncio.run(asyncio.wait_for(coroutine, 2 * PATIENCE_S))


def times_of(found) -> list[int]:
    assert all(isinstance(event, Detection) and event.name == "computer" for event in found), found
    return [event.timestamp for event in found]


def header(**values) -> bytes:
    return json.dumps(values).encode() + b"\n"
