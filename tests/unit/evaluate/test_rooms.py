"""Rooms: when the direct sound arrives, and what a simulated one is like."""

import subprocess
import sys

import numpy as np
import pytest

from kws.errors import AudioError
from kws.evaluate.rooms import DISTANCES_M, Room, draw_place, simulate_rooms


def test_direct_sound_is_the_first_within_20_db_of_the_highest():
    response = np.zeros(1000, np.float32)
    # A pre-echo 26 dB below, the direct path 14 dB below a later reflection that is the loudest.
    response[[100, 250, 600]] = [0.05, 0.2, 1.0]
    assert Room("r", response).onset == 250


def test_playing_is_convolution():
    rng = np.random.default_rng(0)
    samples, response = rng.standard_normal(500).astype(np.float32), rng.standard_normal(80).astype(np.float32)
    expected = np.convolve(samples, response)[:500]
    assert Room("r", response).play(samples) == pytest.approx(expected, abs=1e-4)


def test_silent_response_is_an_error():
    with pytest.raises(AudioError, match="attic: the impulse response is silent"):
        Room("attic", np.zeros(10, np.float32)).play(np.ones(10, np.float32))


@pytest.fixture(scope="module")
def rooms() -> list[Room]:
    return simulate_rooms(5, np.random.default_rng(4))


def test_simulated_sound_travels_its_distance(rooms):
    assert [room.attributes["distance_m"] for room in rooms] == ["1", "2", "3", "5", "1"]
    for room in rooms:
        # pyroomacoustics puts half of its interpolation filter, 40 samples, before everything.
        flight = float(room.attributes["distance_m"]) / 343 * 16_000 + 40
        assert room.onset == pytest.approx(flight, abs=8)


def test_simulated_rooms_echo_as_long_as_they_say(rooms):
    for room in rooms:
        energy = np.cumsum(room.response[::-1].astype(np.float64) ** 2)[::-1]
        decay_db = 10 * np.log10(energy / energy[0])
        # From -5 to -25 dB, times three.
        seconds = 3 * (np.argmax(decay_db < -25) - np.argmax(decay_db < -5)) / 16_000
        assert seconds == pytest.approx(float(room.attributes["rt60_s"]), rel=0.6)


def test_same_seed_same_rooms(rooms):
    again = simulate_rooms(2, np.random.default_rng(4))
    assert all(np.array_equal(a.response, b.response) for a, b in zip(rooms, again, strict=False))


def test_places_are_as_far_as_asked_and_inside():
    rng, size, middle = np.random.default_rng(1), np.array([5.0, 4.0, 2.5]), np.array([2.5, 2.0, 1.0])
    for _ in range(50):
        place = draw_place(size, middle, 1.0, 2.0, rng)
        assert 1.0 <= np.linalg.norm(place - middle) <= 2.0
        assert np.all(place > 0.3) and np.all(place < size - 0.3)
    # The corner is nearer than that.
    assert draw_place(size, middle, max(DISTANCES_M), 6.0, rng) is None


def test_simulating_rooms_leaves_the_sound_system_alone() -> None:
    code = (
        "import sys, numpy; from kws.evaluate.rooms import simulate_rooms;"
        "simulate_rooms(1, numpy.random.default_rng(0));"
        "print([n for n in sys.modules if 'sounddevice' in n])"
    )
    finished = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert finished.stdout.strip() == "[]"
