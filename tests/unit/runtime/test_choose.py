"""Which device, how many channels, which rate."""

import pytest

from kws.errors import SourceError
from kws.runtime.devices.choose import choose_rate, default_channels, find_input
from tests.fake_backend import FakeBackend, device

BOTH = (device(0, "HDA Intel", 2), device(3, "ReSpeaker 4 Mic Array", 4), device(4, "ReSpeaker 6 Mic Array", 6))


@pytest.mark.parametrize(("wanted", "index"), [("", 0), ("3", 3), ("hda", 0), ("4 mic", 3), ("HDA Intel", 0)])
def test_found_by_index_or_a_part_of_the_name(wanted, index):
    assert find_input(FakeBackend(*BOTH), wanted).index == index


def test_an_exact_name_wins():
    backend = FakeBackend(device(0, "USB"), device(1, "USB Audio"))
    assert find_input(backend, "USB").index == 0


def test_without_a_default_the_first():
    assert find_input(FakeBackend(device(2, "a"), device(5, "b"))).index == 2


@pytest.mark.parametrize(
    ("wanted", "expected"),
    [
        ("99", r"--device '99' is no input device; accepted are .* 0 \(HDA Intel\), 3 "),
        ("-1", "is no input device"),
        ("yeti", "is no input device"),
        ("respeaker", r"fits several devices; accepted are .*: 3 \(ReSpeaker 4 Mic Array\), 4 \("),
    ],
)
def test_what_is_not_there(wanted, expected):
    with pytest.raises(SourceError, match=expected):
        find_input(FakeBackend(*BOTH), wanted)


def test_no_microphone():
    # An index that is no input must not reach PortAudio either.
    for backend in (FakeBackend(), FakeBackend(device(0, "speaker", n_inputs=0))):
        with pytest.raises(SourceError, match="no microphone was found"):
            find_input(backend, "0")


@pytest.mark.parametrize(("claimed", "opened"), [(1, 1), (2, 2), (8, 8), (16, 16), (32, 2), (128, 2)])
def test_channels_that_are_opened_unasked(claimed, opened):
    assert default_channels(device(0, "x", claimed)) == opened


def test_rates():
    mic = device(0, "x", 2, 48_000)
    assert choose_rate(FakeBackend(mic, rates_hz=(48_000, 16_000)), mic, 1) == 16_000
    assert choose_rate(FakeBackend(mic, rates_hz=(44_100, 48_000)), mic, 2) == 48_000
    assert choose_rate(FakeBackend(mic, rates_hz=(44_100,)), mic, 2) == 44_100
    with pytest.raises(SourceError, match="x has 2 channels, 4 are asked for"):
        choose_rate(FakeBackend(mic), mic, 4)
    with pytest.raises(SourceError, match="cannot be opened with 1 channels"):
        choose_rate(FakeBackend(mic, rates_hz=()), mic, 1)
