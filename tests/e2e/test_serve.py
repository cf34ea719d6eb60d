"""`kws serve` with the official client over TCP: the words of the bundled recording, and what goes wrong."""

import asyncio
import contextlib
import json
import queue
import re
import signal
import socket
import subprocess
import sys
import threading
from pathlib import Path

import numpy as np
import psutil
import pytest
from wyoming.audio import AudioChunk, AudioStart, AudioStop
from wyoming.client import AsyncClient
from wyoming.error import Error
from wyoming.info import Describe, Info
from wyoming.ping import Ping, Pong
from wyoming.wake import Detect, Detection, NotDetected
from zeroconf.asyncio import AsyncZeroconf

import kws
from kws.audio import read_audio, resample, to_pcm16
from kws.runtime import Detector
from tests.tiny_model import bursts, tiny_spec, write_tiny_model

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


@pytest.fixture(scope="module")
def server():
    """One server for the tests of this file; at the end nothing may have been written on stderr."""
    running = Server()
    yield running
    code, out, err = running.stop()
    assert (code, err) == (128 + signal.SIGTERM, "")
    assert re.fullmatch(r"Stopped after \d+ connections and \d+ detections\n", out)


@pytest.fixture(scope="module")
def demo():
    return to_pcm16(read_audio(ASSETS / "demo.flac"))


@pytest.fixture(scope="module")
def expected_ms(demo):
    """Milliseconds at which a detector fires on the bundled recording."""
    detector = Detector.open(ASSETS / "computer.onnx")
    times_ms = [round(1000 * event.time_s) for event in detector.process(demo) + detector.flush()]
    assert len(times_ms) == len(json.loads((ASSETS / "demo.json").read_text())["word_ends_s"])
    return times_ms


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


def test_words_of_the_bundled_recording(server, demo, expected_ms):
    assert server.ready == f'Listening on {server.uri} for "computer" (threshold 0.874)\n'
    # From 10 ms to all at once, all faster than real time.
    for chunk_samples in (160, 512, 1280, 1_000_000):
        assert times_of(run(listen(server, chunks_of(demo, chunk_samples), 6))) == expected_ms


def test_timestamps_are_on_the_clock_of_the_client(server, demo, expected_ms):
    later = run(listen(server, chunks_of(demo, start_ms=5_000_000), 6))
    assert times_of(later) == [5_000_000 + time_ms for time_ms in expected_ms]
    assert times_of(run(listen(server, chunks_of(demo, start_ms=None), 6))) == expected_ms


def test_describe(server):
    async def talk():
        async with server.client() as client:
            await client.write_event(Describe().event())
            await client.write_event(Ping(text="there?").event())
            return await answers(client, 2)

    info, pong = run(talk())
    (program,) = info.wake
    assert (program.name, program.version, program.installed) == ("kws", kws.__version__, True)
    (model,) = program.models
    assert (model.name, model.phrase, model.languages) == ("computer", "computer", ["en"])
    assert model.installed and model.description == "computer"
    assert pong == Pong(text="there?")


def test_not_detected_then_the_next_stream_of_the_same_client(server, demo, expected_ms):
    async def talk():
        async with server.client() as client:
            await ask(client, chunks_of(demo[:RATE_HZ]))
            first = await answers(client, 1)
            await ask(client, chunks_of(demo[: 5 * RATE_HZ]))
            # A stream in which something was heard ends without another word.
            await client.write_event(Ping().event())
            return first, await answers(client, 2)

    first, second = run(talk())
    assert first == [NotDetected()]
    assert times_of(second[:1]) == expected_ms[:1] and isinstance(second[1], Pong)


@pytest.mark.parametrize("names", [["COMPUTER"], ["unknown", "computer"]])
def test_only_the_names_that_are_asked_for(demo, expected_ms, names, server_with_log):
    found = run(listen(server_with_log, chunks_of(demo[: 5 * RATE_HZ]), 1, names=names))
    assert times_of(found) == expected_ms[:1]


@pytest.fixture(scope="module")
def server_with_log():
    """A server that may write on stderr."""
    running = Server()
    yield running
    code, _, err = running.stop(signal.SIGINT)
    assert code == 128 + signal.SIGINT
    assert all("which no model here knows" in line for line in err.splitlines()), err


def test_an_unknown_name_is_never_heard(demo, server_with_log):
    assert run(listen(server_with_log, chunks_of(demo[: 5 * RATE_HZ]), 1, names=["alexa"])) == [NotDetected()]


@pytest.mark.parametrize(
    ("rate_hz", "width", "n_channels"),
    [(8000, 2, 1), (44_100, 2, 2), (48_000, 4, 1), (48_000, 3, 2), (16_000, 1, 1), (16_000, 4, 2), (22_050, 2, 1)],
)
def test_other_rates_widths_and_channels(server, demo, rate_hz, width, n_channels):
    bits = 8 * width
    exact = resample(demo.astype(np.float32) / 32768, RATE_HZ, rate_hz).astype(np.float64) * 2 ** (bits - 1)
    # The second channel is silent: the mix has half the level.
    whole = np.clip(np.rint(exact), -(2 ** (bits - 1)), 2 ** (bits - 1) - 1).astype(np.int64)
    frames = np.stack([whole, np.zeros_like(whole)][:n_channels], axis=1)
    stored = frames + 128 if width == 1 else frames
    data = stored.astype("<i8")[..., None].view(np.uint8)[..., :width]
    found = run(listen(server, chunks_of(data, rate_hz // 50, rate_hz, width, n_channels), None))
    detector = Detector.open(ASSETS / "computer.onnx")
    heard = resample((frames.mean(axis=1) / 2 ** (bits - 1)).astype(np.float32), rate_hz, RATE_HZ)
    times_ms = [round(1000 * event.time_s) for event in detector.process(heard) + detector.flush()]
    assert times_of(found) == times_ms
    assert len(times_ms) >= 4


def test_half_closed(server, demo, expected_ms):
    async def talk():
        async with server.client() as client:
            await ask(client, chunks_of(demo), ends=False)
            client._writer.write_eof()
            # The server answers to the end, and then closes.
            return await answers(client)

    assert times_of(run(talk())) == expected_ms


def test_half_closed_without_a_word(server, demo):
    async def talk():
        async with server.client() as client:
            await ask(client, chunks_of(demo[:RATE_HZ]), ends=False)
            client._writer.write_eof()
            return await answers(client)

    assert run(talk()) == [NotDetected()]


def header(**values) -> bytes:
    return json.dumps(values).encode() + b"\n"


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


def test_several_models(tmp_path):
    """Two models with one keyword are told apart by their names; each has its own threshold."""
    paths = []
    for name, keywords in (("a", ("loud", "louder")), ("b", ("loud",))):
        spec = tiny_spec(name=name, keywords=keywords, decision={})
        paths.append(write_tiny_model(tmp_path / f"{name}.onnx", spec))
    running = Server("--model", paths[0], "--model", paths[1], "--threshold", 0.5, "--threshold", 0.9)

    async def talk():
        async with running.client() as client:
            await client.write_event(Describe().event())
            return await answers(client, 1)

    (info,) = run(talk())
    assert [model.name for model in info.wake[0].models] == ["loud (a)", "louder", "loud (b)"]
    expected = [
        (round(1000 * event.time_s), name)
        for path, threshold in zip(paths, (0.5, 0.9), strict=True)
        for event in Detector.open(path, threshold).process(bursts())
        for name in [event.keyword if event.keyword == "louder" else f"loud ({path.stem})"]
    ]
    assert {name for _, name in expected} == {"loud (a)", "louder", "loud (b)"}
    asked = {None: {"loud (a)", "louder", "loud (b)"}, "loud_(B)": {"loud (b)"}, "loud": {"loud (a)", "loud (b)"}}
    for name, wanted in asked.items():
        found = run(listen(running, chunks_of(bursts()), names=name and [name]))
        assert [(event.timestamp, event.name) for event in found] == sorted(e for e in expected if e[1] in wanted)
    assert running.stop()[2] == ""


def test_unix_socket(tmp_path):
    model = write_tiny_model(tmp_path / "tiny.onnx")
    running = Server("--model", model, uri=f"unix://{tmp_path}/s")
    assert running.ready == f'Listening on unix://{tmp_path}/s for "loud" (threshold 0.5)\n'
    expected = [round(1000 * event.time_s) for event in Detector.open(model).process(bursts())]
    assert [event.timestamp for event in run(listen(running, chunks_of(bursts())))] == expected
    code, out, err = running.stop()
    assert (code, out, err) == (143, "Stopped after 1 connections and 2 detections\n", "")
    assert not (tmp_path / "s").exists()


def test_announced_by_name(tmp_path):
    running = Server("--model", write_tiny_model(tmp_path / "tiny.onnx"), "--zeroconf", "kws end to end")
    service = "_wyoming._tcp.local."

    async def talk():
        watcher = AsyncZeroconf(interfaces=["127.0.0.1"])
        try:
            return await watcher.async_get_service_info(service, f"kws end to end.{service}", 1000 * PATIENCE_S)
        finally:
            await watcher.async_close()

    found = run(talk())
    assert (found.parsed_addresses(), found.port) == (["127.0.0.1"], running.port)
    code, said, warned = running.stop()
    assert (code, said) == (143, "Stopped after 0 connections and 0 detections\n")
    assert warned.endswith("is announced, and only this machine can reach it: see --host\n") and warned.count("\n") == 1


def test_stopped_while_it_is_being_announced(tmp_path):
    running = Server("--model", write_tiny_model(tmp_path / "tiny.onnx"), "--zeroconf", "kws in a hurry")
    assert running.stop(signal.SIGINT)[:2] == (130, "Stopped after 0 connections and 0 detections\n")


def test_stopped_while_clients_are_connected(demo):
    running = Server("--verbose")

    async def talk():
        async with running.client() as silent, running.client() as busy:
            await ask(busy, chunks_of(demo[:RATE_HZ]), ends=False)
            await silent.write_event(Describe().event())
            await answers(silent, 1)
            stopping = asyncio.to_thread(running.stop, signal.SIGINT)
            stopped, *rests = await asyncio.gather(stopping, answers(silent), answers(busy))
            return stopped, rests

    (code, out, err), rests = run(talk())
    assert code == 130
    assert out == "Stopped after 2 connections and 0 detections\n"
    assert "connected" in err and "Traceback" not in err
    assert rests == [[], []]


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


def fails(*arguments, expected: str) -> None:
    result = subprocess.run([*KWS, "serve", *map(str, arguments)], cwd=ROOT, capture_output=True, text=True, timeout=60)
    lines = result.stderr.splitlines()
    assert len(lines) == 1 and lines[0].startswith("error: "), result.stderr
    assert expected in lines[0]
    assert (result.returncode, result.stdout) == (2, "")


@pytest.mark.parametrize(
    ("arguments", "expected"),
    [
        (["--port", "0"], "port is 0; accepted are numbers from 1 to 65535"),
        (["--host", "not/a host"], "host is 'not/a host'"),
        (["--host", "nowhere.invalid"], "tcp://nowhere.invalid:10400: cannot listen there"),
        (["--host", "203.0.113.1"], "tcp://203.0.113.1:10400: cannot listen there ("),
        (["--uri", "http://127.0.0.1:1"], "accepted are tcp://HOST:PORT and unix:///PATH"),
        (["--uri", "tcp://127.0.0.1:10400", "--port", "1"], "--uri was given with --host or --port"),
        (["--model", "no-such.onnx"], "no-such.onnx"),
        (["--threshold", "2"], "threshold is 2.0"),
        (["--threshold", "0.5", "--threshold", "0.5"], "--threshold was given 2 times for 1 models"),
        (["--patience", "compter=2"], "did you mean"),
        (["--max-clients", "0"], "max_clients is 0"),
        (["--zeroconf", "a.b"], "zeroconf name is 'a.b'"),
    ],
)
def test_bad_options(arguments, expected):
    fails(*arguments, expected=expected)


def test_port_in_use(server):
    fails("--port", server.port, expected=f"{server.uri}: cannot listen there (Address already in use)")


def test_a_file_is_not_replaced_by_a_socket(tmp_path):
    (tmp_path / "notes.txt").write_text("mine")
    fails("--uri", f"unix://{tmp_path}/notes.txt", expected="a file of another kind")
    assert (tmp_path / "notes.txt").read_text() == "mine"
