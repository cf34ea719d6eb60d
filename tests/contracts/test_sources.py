"""What every registered source keeps to. A new source is tested once it has a line in `HARNESSES`."""

import io

import numpy as np
import pytest
import soundfile

from kws.errors import ConfigError
from kws.runtime.sources import SOURCES, SourceOptions
from kws.runtime.sources.microphone import MicrophoneSource
from kws.runtime.sources.stdin import StdinSource
from tests.fake_backend import FakeBackend, device

SAMPLES = (np.random.default_rng(0).integers(-20_000, 20_000, 5000)).astype(np.int16)


def open_file(tmp_path, options):
    path = tmp_path / "audio.wav"
    soundfile.write(path, SAMPLES, 16_000, subtype="PCM_16")
    return SOURCES["file"](str(path), options)


def open_stdin(tmp_path, options):
    return StdinSource("-", options, io.BytesIO(SAMPLES.tobytes()))


class EndingMicrophone(MicrophoneSource):
    """A microphone whose audio is over after the samples of this test."""

    def __iter__(self):
        for block in super().__iter__():
            if block.samples.shape[1]:
                yield block
                if block.start + block.samples.shape[1] == len(SAMPLES):
                    return


def open_microphone(tmp_path, options):
    backend = FakeBackend(device())
    source = EndingMicrophone("", options, backend)
    backend.play(SAMPLES)
    return source


HARNESSES = {"file": open_file, "stdin": open_stdin, "microphone": open_microphone}
# These give what has arrived, whatever its size.
LIVE = {"microphone"}


@pytest.fixture(params=sorted(SOURCES))
def open_source(request, tmp_path):
    assert request.param in HARNESSES, f"give the source {request.param!r} a line in HARNESSES"
    return lambda **options: HARNESSES[request.param](tmp_path, SourceOptions(**options))


@pytest.mark.parametrize("block_samples", [1, 7, 1280, 100_000])
def test_same_samples_for_any_block_size(open_source, block_samples):
    with open_source(block_samples=block_samples) as source:
        blocks = list(source)
    assert all(b.samples.dtype == np.float32 and b.samples.shape[0] == 1 for b in blocks)
    assert np.array_equal(np.concatenate([b.samples[0] for b in blocks]), SAMPLES.astype(np.float32) / 32768)


def test_blocks_say_where_they_start_and_what_was_lost(open_source):
    with open_source(block_samples=1280) as source:
        blocks = list(source)
    starts = np.cumsum([0] + [b.samples.shape[1] for b in blocks[:-1]])
    assert [b.start for b in blocks] == list(starts) and all(b.lost == 0 for b in blocks)


@pytest.mark.parametrize("name", sorted(SOURCES.keys() - LIVE))
def test_recorded_audio_comes_in_blocks_of_one_size_and_has_no_age(name, tmp_path):
    with HARNESSES[name](tmp_path, SourceOptions(block_samples=1280)) as source:
        blocks = list(source)
    assert [b.samples.shape[1] for b in blocks] == [1280, 1280, 1280, 1160]
    assert all(b.captured_s is None for b in blocks)


@pytest.mark.parametrize("name", sorted(LIVE))
def test_live_audio_says_when_it_was_captured(name, tmp_path):
    with HARNESSES[name](tmp_path, SourceOptions()) as source:
        assert all(b.captured_s is not None for b in source)


def test_close_twice(open_source):
    source = open_source()
    assert source.name
    source.close()
    source.close()


def test_options_are_checked():
    with pytest.raises(ConfigError, match="backend is 'jack'"):
        SourceOptions(backend="jack")
    with pytest.raises(ConfigError, match="rate"):
        SourceOptions(raw_rate_hz=0)
    with pytest.raises(ConfigError, match="n_channels"):
        SourceOptions(n_channels=0)
