"""`kws serve` starts and stops: sockets, names in the network, signals, bad options."""

import asyncio
import signal
import subprocess

import pytest
from wyoming.info import Describe
from zeroconf.asyncio import AsyncZeroconf

from kws.runtime import Detector
from tests.tiny_model import bursts, write_tiny_model
from tests.wyoming_clients import KWS, PATIENCE_S, RATE_HZ, ROOT, Server, answers, ask, chunks_of, listen, run


def fails(*arguments, expected: str) -> None:
    result = subprocess.run([*KWS, "serve", *map(str, arguments)], cwd=ROOT, capture_output=True, text=True, timeout=60)
    lines = result.stderr.splitlines()
    assert len(lines) == 1 and lines[0].startswith("error: "), result.stderr
    assert expected in lines[0]
    assert (result.returncode, result.stdout) == (2, "")


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
