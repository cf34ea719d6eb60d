"""docs/model-format.md alone: a reader written from the page, without the toolkit's code, reads and runs files."""

from __future__ import annotations

import json
import math
import re
import struct
import zlib
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from export.graph_writer import to_kws
from kws.graph import run_graph, zero_states
from tests.graphs import every_operation, spec_of
from tests.kws_example import example_graph, example_spec

PAGE = Path(__file__).resolve().parents[3] / "docs" / "model-format.md"

Frames = list[list[float]]


class PageReader:
    """A file as the page describes it, and one step of its network, on plain lists of Python numbers."""

    def __init__(self, data: bytes) -> None:
        self.data, self.place = data, 32
        magic, version, size, n_spec, n_operations, self.output, zero = struct.unpack("<8s6I", data[:32])
        assert (magic.hex(" "), version, size, zero) == ("89 4b 57 53 0d 0a 1a 0a", 1, len(data), 0)
        assert struct.unpack("<I", data[-4:])[0] == zlib.crc32(data[:-4])
        self.spec = json.loads(self.take(n_spec).decode("utf-8"))
        self.align()
        self.front_end()
        self.operations = [self.operation() for _ in range(n_operations)]
        assert self.place == len(data) - 4
        self.states: dict[int, Any] = {}

    def take(self, n: int) -> bytes:
        self.place += n
        return self.data[self.place - n : self.place]

    def align(self) -> None:
        assert not any(self.take(-self.place % 4))

    def numbers(self, code: str, n: int) -> list[float]:
        return list(struct.unpack(f"<{n}{code}", self.take(n * struct.calcsize(code))))

    def tensor(self) -> tuple[list[int], list[float]]:
        kind, n_axes, n_scales = struct.unpack("<BBH", self.take(4))
        shape = [int(axis) for axis in self.numbers("I", n_axes)]
        scales = self.numbers("f", n_scales)
        values = self.numbers("fb"[kind], math.prod(shape))
        self.align()
        if kind == 1:
            per_scale = len(values) // len(scales)
            values = [scales[i // per_scale] * code for i, code in enumerate(values)]
        return shape, values

    def front_end(self) -> None:
        settings = self.spec["front_end"]
        self.window = self.tensor()[1]
        self.bands = [struct.unpack("<HH", self.take(4)) for _ in range(settings["n_bands"])]
        self.band_weights = self.tensor()[1]
        self.pcen = [self.tensor()[1] for _ in range(4)] if settings["compression"] == "pcen" else []
        self.smoothed = [0.0] * settings["n_bands"]

    def operation(self) -> tuple[int, list[int], list[int], list[tuple[list[int], list[float]]]]:
        (kind,) = struct.unpack("<I", self.take(4))
        n_read = 2 if kind in (8, 9) else 1
        n_settings = {1: 3, 2: 5, 4: 1, 7: 1, 9: 1}.get(kind, 0)
        n_tensors = {1: 2, 2: 2, 3: 2, 5: 2, 6: 4}.get(kind, 0)
        words = struct.unpack(f"<{n_read + n_settings}I", self.take(4 * (n_read + n_settings)))
        return kind, list(words[:n_read]), list(words[n_read:]), [self.tensor() for _ in range(n_tensors)]

    def features(self, frame: list[float]) -> list[float]:
        settings = self.spec["front_end"]
        n_fft = settings["n_fft"]
        windowed = [w * x for w, x in zip(self.window, frame, strict=True)]
        power = []
        for k in range(n_fft // 2 + 1):
            turn = [2 * math.pi * k * n / n_fft for n in range(len(windowed))]
            re_part = sum(v * math.cos(a) for v, a in zip(windowed, turn, strict=True))
            im_part = sum(v * math.sin(a) for v, a in zip(windowed, turn, strict=True))
            power.append(re_part**2 + im_part**2)
        place, result = 0, []
        for band, (first, count) in enumerate(self.bands):
            energy = sum(self.band_weights[place + j] * power[first + j] for j in range(count))
            place += count
            result.append(self.compressed(energy, band))
        return result

    def compressed(self, energy: float, band: int) -> float:
        settings = self.spec["front_end"]
        if not self.pcen:
            return math.log(energy / settings["floor"] + 1)
        alpha, delta, root, s = (parameter[band] for parameter in self.pcen)
        self.smoothed[band] = m = (1 - s) * self.smoothed[band] + s * energy
        return float((energy * (m + settings["pcen"]["eps"]) ** -alpha + delta) ** root - delta**root)

    def step(self, frames: Frames) -> list[float]:
        values: list[Frames] = [frames]
        for index, (kind, sources, settings, tensors) in enumerate(self.operations):
            run = getattr(self, f"kind_{kind}")
            values.append(run(index, [values[source] for source in sources], settings, tensors))
        return values[self.output][0]

    def context(self, index: int, x: Frames, n_frames: int) -> Frames:
        past = self.states.get(index, [[0.0] * len(x[0])] * n_frames)
        joined = past + x
        self.states[index] = joined[len(joined) - n_frames :]
        return joined

    def kind_1(self, index: int, x: list[Frames], settings: list[int], tensors: list[Any]) -> Frames:
        stride, dilation, groups = settings
        ((n_out, n_in, n_taps), weight), (_, bias) = tensors
        joined = self.context(index, x[0], dilation * (n_taps - 1) - (stride - 1))
        return [
            [
                bias[o]
                + sum(
                    weight[(o * n_in + i) * n_taps + tap]
                    * joined[t * stride + tap * dilation][o // (n_out // groups) * n_in + i]
                    for i in range(n_in)
                    for tap in range(n_taps)
                )
                for o in range(n_out)
            ]
            for t in range(len(x[0]) // stride)
        ]

    def kind_2(self, index: int, x: list[Frames], settings: list[int], tensors: list[Any]) -> Frames:
        n_bands, band_stride, padding, stride, groups = settings
        ((n_out, n_in, n_high, n_taps), weight), (_, bias) = tensors
        joined = self.context(index, x[0], n_taps - stride)
        n_bands_out = (n_bands + 2 * padding - n_high) // band_stride + 1

        def one(t: int, o: int, b: int) -> float:
            total = bias[o]
            for i in range(n_in):
                for v in range(n_high):
                    band = b * band_stride + v - padding
                    for tap in range(n_taps if 0 <= band < n_bands else 0):
                        feature = (o // (n_out // groups) * n_in + i) * n_bands + band
                        w = weight[((o * n_in + i) * n_high + v) * n_taps + tap]
                        total += w * joined[t * stride + tap][feature]
            return float(total)

        return [[one(t, o, b) for o in range(n_out) for b in range(n_bands_out)] for t in range(len(x[0]) // stride)]

    def kind_3(self, index: int, x: list[Frames], settings: list[int], tensors: list[Any]) -> Frames:
        (_, weight), (_, bias) = tensors
        return [[w * f + b for w, f, b in zip(weight, frame, bias, strict=True)] for frame in x[0]]

    def kind_4(self, index: int, x: list[Frames], settings: list[int], tensors: list[Any]) -> Frames:
        n = settings[0]
        return [[sum(frame[at : at + n]) / n for at in range(0, len(frame), n)] for frame in x[0]]

    def kind_5(self, index: int, x: list[Frames], settings: list[int], tensors: list[Any]) -> Frames:
        return [_product(*tensors, frame) for frame in x[0]]

    def kind_6(self, index: int, x: list[Frames], settings: list[int], tensors: list[Any]) -> Frames:
        weight_x, weight_h, bias_x, bias_h = tensors
        n = weight_h[0][1]
        h = self.states.get(index, [0.0] * n)
        result = []
        for frame in x[0]:
            a, b = _product(weight_x, bias_x, frame), _product(weight_h, bias_h, h)
            r = [_sigmoid(a[i] + b[i]) for i in range(n)]
            u = [_sigmoid(a[n + i] + b[n + i]) for i in range(n)]
            new = [math.tanh(a[2 * n + i] + r[i] * b[2 * n + i]) for i in range(n)]
            h = [(1 - u[i]) * new[i] + u[i] * h[i] for i in range(n)]
            result.append(h)
        self.states[index] = h
        return result

    def kind_7(self, index: int, x: list[Frames], settings: list[int], tensors: list[Any]) -> Frames:
        return [[max(0.0, f) if settings[0] == 1 else _sigmoid(f) for f in frame] for frame in x[0]]

    def kind_8(self, index: int, x: list[Frames], settings: list[int], tensors: list[Any]) -> Frames:
        return [[a + b for a, b in zip(*pair, strict=True)] for pair in zip(*x, strict=True)]

    def kind_9(self, index: int, x: list[Frames], settings: list[int], tensors: list[Any]) -> Frames:
        n = settings[0]
        return [[f + right[i // n] for i, f in enumerate(left)] for left, right in zip(*x, strict=True)]


def _product(weight: tuple[list[int], list[float]], bias: tuple[list[int], list[float]], x: list[float]) -> list[float]:
    (n_out, n_in), values = weight
    return [bias[1][o] + sum(values[o * n_in + i] * x[i] for i in range(n_in)) for o in range(n_out)]


def _sigmoid(x: float) -> float:
    return 1 / (1 + math.exp(-x))


def page_bytes() -> bytes:
    """Return the file that the page prints: its blocks of hexadecimal numbers, with the spec in its place."""
    text = PAGE.read_text(encoding="utf-8")
    spec = re.findall(r"```json\n(.*?)\n```", text, flags=re.S)[0]
    data = b""
    for number, block in enumerate(re.findall(r"```hex\n(.*?)```", text, flags=re.S)):
        if number == 1:
            data += spec.encode("ascii")
        for line in block.splitlines():
            offset, *values = line.split()
            assert int(offset, 16) == len(data), line
            data += bytes.fromhex("".join(values))
    return data


def test_the_example_of_the_page_is_what_the_writer_writes() -> None:
    assert page_bytes() == to_kws(example_spec(), example_graph())


def test_the_example_by_hand() -> None:
    reader = PageReader(page_bytes())
    assert reader.spec["keywords"] == ["go"]
    frame = [0.3 * math.sin(2 * math.pi * 3 * n / 16) for n in range(16)]
    a, b = reader.features(frame)
    # A sine of bin 3 in the second band alone, but for what the window lets through.
    assert b > a > 0
    assert reader.step([[a, b]])[0] == pytest.approx(_sigmoid(0.5 * a + 0.25 * b - 4), abs=1e-6)


@pytest.mark.parametrize("is_int8", [False, True])
@pytest.mark.parametrize("seed", range(3))
def test_every_operation(seed: int, is_int8: bool) -> None:
    graph = every_operation(seed)
    data = to_kws(spec_of(graph), graph, is_int8)
    reader = PageReader(data)
    inputs = np.random.default_rng(seed).normal(0, 2, (1, 5 * graph.step_frames, graph.n_features)).astype(np.float32)
    expected, _ = run_graph(graph, inputs, zero_states(graph))
    frames = inputs[0].tolist()
    steps = [frames[at : at + graph.step_frames] for at in range(0, len(frames), graph.step_frames)]
    found = np.array([reader.step(step) for step in steps])
    assert found.shape == expected[0].shape
    assert np.abs(found - expected[0]).max() <= (0.05 if is_int8 else 1e-5)
    # Random weights must not leave all scores alike.
    assert expected.std() > 0.01


@pytest.mark.parametrize("compression", ["log", "pcen"])
def test_front_end(compression: str) -> None:
    from kws.features import clip_features

    graph = every_operation(0)
    spec = spec_of(graph, compression=compression)
    config = spec.front_end
    samples = (0.1 * np.random.default_rng(1).standard_normal(4 * config.hop_samples)).astype(np.float32)
    reader = PageReader(to_kws(spec, graph))
    padded = [0.0] * (config.window_samples - config.hop_samples) + samples.tolist()
    for t, expected in enumerate(clip_features(samples, config)):
        frame = padded[t * config.hop_samples : t * config.hop_samples + config.window_samples]
        assert reader.features(frame) == pytest.approx(expected.tolist(), abs=1e-3)
