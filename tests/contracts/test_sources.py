"""What every registered source keeps to. A new source is tested once it has a line in `HARNESSES`."""

import io

import numpy as np
import pytest
import soundfile

from kws.errors import ConfigError, KwsError, MissingPackageError, SourceError
from kws.runtime.sources import SOURCES, SourceOptions
from kws.runtime.sources.stdin import StdinSource

SAMPLES = (np.random.default_rng(0).integers(-20_000, 20_000, 5000)).astype(np.int16)


def open_file(tmp_path, options):
    path = tmp_path / "audio.wav"
    soundfile.write(path, SAMPLES, 16_000, subtype="PCM_16")
    return SOURCES["file"](str(path), options)


def open_stdin(tmp_path, options):
    return StdinSource("-", options, io.BytesIO(SAMPLES.tobytes()))


HARNESSES = {"file": open_file, "stdin": open_stdin}
# Sources that this version has in name only: opening them ends in one line of ours.
NOT_YET = {"microphone"}


@pytest.fixture(params=sorted(SOURCES.keys() - NOT_YET))
def open_source(request, tmp_path):
    assert request.param in HARNESSES, f"give the source {request.param!r} a line in HARNESSES"
    return lambda **options: HARNESSES[request.param](tmp_path, SourceOptions(**options))


@pytest.mark.parametrize("name", sorted(NOT_YET))
def test_not_yet_is_said_in_one_line(name):
    with pytest.raises((SourceError, MissingPackageError)) as error:
        SOURCES[name]("", SourceOptions())
    assert isinstance(error.value, KwsError) and "\n" not in str(error.value)


@pytest.mark.parametrize("block_samples", [1, 7, 1280, 100_000])
def test_same_samples_for_any_block_size(open_source, block_samples):
    with open_source(block_samples=block_samples) as source:
        blocks = list(source)
    assert np.array_equal(np.concatenate([b.samples for b in blocks]), SAMPLES.astype(np.float32) / 32768)
    assert all(len(b.samples) == block_samples for b in blocks[:-1])


def test_blocks_say_where_they_start_and_what_was_lost(open_source):
    with open_source(block_samples=1280) as source:
        blocks = list(source)
    assert [b.start for b in blocks] == [0, 1280, 2560, 3840]
    assert all(b.lost == 0 and b.samples.dtype == np.float32 for b in blocks)


def test_all_channels(open_source):
    with open_source(channels="all") as source:
        assert next(iter(source)).samples.shape == (1, 1280)


def test_close_twice(open_source):
    source = open_source()
    assert source.name
    source.close()
    source.close()


def test_options_are_checked():
    with pytest.raises(ConfigError, match="channels is 'stereo'"):
        SourceOptions(channels="stereo")
    with pytest.raises(ConfigError, match="rate"):
        SourceOptions(raw_rate_hz=0)
