"""Live listening in Java: ring and loss meter do what those of `kws run` do, and the rules on gaps and age hold."""

from __future__ import annotations

import dataclasses
from pathlib import Path

import numpy as np
import pytest

from export.graph_writer import write_graph
from kws.config import DecisionConfig
from kws.graph import Activation, Dense, Graph
from kws.runtime.detector import Detector
from kws.runtime.sources.loss import LossMeter
from kws.runtime.sources.ring import FrameRing
from tests.graphs import spec_of
from tests.java_engine import JavaEngine
from tests.tiny_model import bursts

BLOCK = 640
BLOCK_S = BLOCK / 16_000
# A burst is heard within two steps of its start.
SLACK_S = 0.05


def loud_model(folder: Path) -> Path:
    """Write a model that fires on loud audio: its score is 0.5 where the mean log feature is 8."""
    weight = np.full((1, 12), 2.0 / 12, np.float32)
    dense = Dense("features", "logits", weight, np.array([-16.0], np.float32))
    graph = Graph((dense, Activation("logits", "o", "sigmoid")), "features", "o", 12, 1, 1)
    spec = dataclasses.replace(
        spec_of(graph), keywords=("loud",), decision={"loud": DecisionConfig(smoothing_steps=2, refractory_s=0.5)}
    )
    path = folder / "loud.kws"
    write_graph(spec, graph, path)
    return path


class Script:
    """What the microphone does and when, in seconds of the clock; written as lines for the probe."""

    def __init__(self, samples: np.ndarray) -> None:
        self.samples, self.place, self.now_s, self.lines = samples, 0, 100.0, list[str]()

    def clock(self, now_s: float) -> None:
        self.now_s = now_s
        self.lines.append(f"clock {now_s!r}")

    def give(self, n_blocks: int, process: bool = True, late_s: float = 0.0) -> None:
        """Let the microphone give blocks in real time."""
        for _ in range(n_blocks):
            self.clock(self.now_s + BLOCK_S)
            if late_s:
                self.clock(self.now_s + late_s)
            self.lines.append(f"write {self.place} {BLOCK}")
            self.place += BLOCK
            if process:
                self.lines.append("process")

    def lose(self, n_blocks: int) -> None:
        """Let time and audio pass that nobody hears of."""
        self.now_s += n_blocks * BLOCK_S
        self.place += n_blocks * BLOCK

    def run(self, engine: JavaEngine, folder: Path, max_age_s: float = 1.0) -> tuple[list[tuple], int, int]:
        """Return events (time, age), samples lost and stale events."""
        self.samples.astype("<i2").tofile(folder / "audio.pcm")
        model = loud_model(folder)
        told = engine.call("listen", model, folder / "audio.pcm", max_age_s, lines="\n".join(self.lines) + "\n")
        *events, last = [line.split("\t") for line in told.splitlines()]
        return [(float(time_s), float(age_s)) for _, time_s, _, age_s in events], int(last[0]), int(last[1])


def test_ring_does_what_the_ring_of_python_does(engine: JavaEngine) -> None:
    rng = np.random.default_rng(0)
    lines, expected = [], []
    ring, n_written = FrameRing(1000, 2), 0
    for _ in range(3000):
        if rng.random() < 0.6:
            length, lost = int(rng.integers(1, 400)), int(rng.integers(1, 90)) if rng.random() < 0.2 else 0
            data = (np.arange(n_written, n_written + length) % 65536).astype("<u2")
            n_written += length
            ring.write(data.tobytes(), lost)
            lines.append(f"w {length} {lost}")
        else:
            lines.append("r")
            pieces = [(lost, first, np.frombuffer(data, "<i2")) for lost, first, data in ring.read()]
            told = [f"{lost},{first},{len(s)},{s[0]},{s[-1]} " for lost, first, s in pieces]
            expected.append("".join(told))
    found = engine.call("ring", 1000, lines="\n".join(lines) + "\n").splitlines()
    assert found == expected
    # Pieces, gaps and drops were all there.
    assert any(line.count(" ") > 2 for line in expected) and "" in expected


@pytest.mark.parametrize("seed", range(3))
def test_meter_does_what_the_meter_of_python_does(engine: JavaEngine, seed: int) -> None:
    rng = np.random.default_rng(seed)
    meter, lines, expected, real_s, frames, lost = LossMeter(16_000), [], [], 10.0, 0, 0
    for index in range(4000):
        real_s += BLOCK_S * (1 + 2e-4)
        if index in (900, 2000, 3100):
            # Audio that the device lost: the clock goes on, the count of frames does not.
            real_s += float(rng.uniform(0.1, 2.0))
        now_s = real_s + float(rng.exponential(0.01))
        if lines:
            now_s = max(now_s, float(lines[-1].split()[0]))
        lines.append(f"{now_s!r} {BLOCK}")
        found = meter.update(now_s, BLOCK)
        frames, lost = frames + BLOCK, lost + found
        expected.append((found, meter.captured_s(frames, lost)))
    told = [line.split() for line in engine.call("meter", lines="\n".join(lines) + "\n").splitlines()]
    assert [int(found) for found, _ in told] == [found for found, _ in expected]
    assert [float(time_s) for _, time_s in told] == pytest.approx([time_s for _, time_s in expected], abs=1e-6)
    assert sum(found > 0 for found, _ in expected) == 3


def test_watch_tells_stalls_and_silence_and_waits_longer_each_time(engine: JavaEngine) -> None:
    lines = ["0.5 ask", "1.1 ask", "1.1 opened", "1.5 heard 9", "2.0 ask"]
    lines += [f"{t:.1f} heard 0" for t in np.arange(2, 5, 0.5)] + ["4.4 ask", "4.9 heard 0", "5 ask"]
    # Again silence: told once, then only known.
    lines += ["5 opened", "10.9 heard 0", "11.1 ask", "11.5 ask", "12 heard 5", "12.5 ask"]
    lines += ["0 delay"] * 6
    told = engine.call("watch", lines="\n".join(lines) + "\n").splitlines()
    assert told[0] == "null" and told[1] == "the microphone delivers nothing" and told[2:4] == ["null", "null"]
    assert told[4].startswith("digital silence") and told[4].endswith("uses it")
    assert told[5].endswith("(known)")
    assert told[-7] == "null"
    assert [float(delay) for delay in told[-6:]] == [1.0, 2.0, 4.0, 8.0, 10.0, 10.0]


def test_without_losses_the_events_are_those_of_a_recording(engine: JavaEngine, tmp_path: Path) -> None:
    samples = bursts((1.0, 3.0), 5.0)
    script = Script(samples)
    script.give(len(samples) // BLOCK)
    events, lost, stale = script.run(engine, tmp_path)
    expected = [event.time_s for event in Detector.open(tmp_path / "loud.kws").process(samples)]
    assert [time_s for time_s, _ in events] == pytest.approx(expected, abs=1e-6) and len(events) == 2
    assert (lost, stale) == (0, 0)
    # Told with the block in which it was heard, or the one that completes 80 ms.
    assert all(0 <= age_s <= 0.09 for _, age_s in events)


def test_a_late_detector_loses_the_oldest_and_tells_nothing_old(engine: JavaEngine, tmp_path: Path) -> None:
    # Bursts at 1, 3 and 8 s; nothing is processed from 0.5 s to 6.5 s.
    script = Script(bursts((1.0, 3.5, 8.0), 10.0))
    script.give(12)
    script.give(150, process=False)
    script.give(80)
    events, lost, stale = script.run(engine, tmp_path)
    # Of 6 s the newest 3.2 are kept: the first burst is dropped, the second one is 3 s old.
    assert lost == pytest.approx((150 + 1) * BLOCK - 3.2 * 16_000, abs=2 * BLOCK)
    assert stale == 1
    assert [time_s for time_s, _ in events] == [pytest.approx(8.0, abs=SLACK_S)]


def test_what_the_device_loses_is_found_and_everything_is_reset(engine: JavaEngine, tmp_path: Path) -> None:
    samples = bursts((0.9, 5.0), 8.0)
    script = Script(samples)
    script.give(50)
    # Half a second is lost without a word.
    script.lose(12)
    script.give(120)
    events, lost, stale = script.run(engine, tmp_path)
    assert lost == pytest.approx(12 * BLOCK, abs=0.04 * 16_000) and stale == 0
    times = [time_s for time_s, _ in events]
    assert times == [pytest.approx(0.9, abs=SLACK_S), pytest.approx(5.0, abs=SLACK_S + 0.04)]


def test_opened_again_after_a_pause(engine: JavaEngine, tmp_path: Path) -> None:
    # The word would be cut in two: what comes after the pause is heard after silence.
    script = Script(bursts((1.0, 6.0), 8.0))
    script.give(50)
    script.lose(50)
    script.lines.append("open")
    script.give(80)
    events, lost, _ = script.run(engine, tmp_path)
    assert lost == pytest.approx(50 * BLOCK, abs=2)
    assert [time_s for time_s, _ in events] == [pytest.approx(1.0, abs=SLACK_S), pytest.approx(6.0, abs=SLACK_S)]


@pytest.mark.parametrize(("max_age_s", "n_told"), [(1.0, 0), (3.0, 1)])
def test_age_counts_from_when_it_was_heard(engine: JavaEngine, tmp_path: Path, max_age_s: float, n_told: int) -> None:
    script = Script(bursts((1.0,), 4.0))
    script.give(40, process=False)
    # The detector wakes up two seconds late.
    script.clock(script.now_s + 1.5)
    script.lines.append("process")
    events, _, stale = script.run(engine, tmp_path, max_age_s)
    assert len(events) == n_told and stale == 1 - n_told
    assert all(age_s == pytest.approx(2.1, abs=0.1) for _, age_s in events)


def test_the_own_chime_is_not_listened_to(engine: JavaEngine, tmp_path: Path) -> None:
    # The word at 1 s, the chime at 1.3 s, another word at 3.5 s.
    script = Script(bursts((1.0, 1.9, 3.5), 5.0))
    script.give(28)
    script.lines.append("mute 1.5")
    script.give(90)
    events, _, _ = script.run(engine, tmp_path)
    assert [time_s for time_s, _ in events] == [pytest.approx(1.0, abs=SLACK_S), pytest.approx(3.5, abs=SLACK_S)]


def test_bursts_are_heard_without_muting(engine: JavaEngine, tmp_path: Path) -> None:
    script = Script(bursts((1.0, 1.9, 3.5), 5.0))
    script.give(118)
    assert len(script.run(engine, tmp_path)[0]) == 3
