"""`kws serve` with the official client over TCP: the words of the bundled recording, in every form of audio."""

import numpy as np
import pytest
from wyoming.info import Describe
from wyoming.ping import Ping, Pong
from wyoming.wake import NotDetected

import kws
from kws.audio import resample
from kws.runtime import Detector
from tests.tiny_model import bursts, tiny_spec, write_tiny_model
from tests.wyoming_clients import ASSETS, RATE_HZ, Server, answers, ask, chunks_of, listen, run, times_of


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
