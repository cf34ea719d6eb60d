"""Far field: impulse responses of rooms, recorded or simulated, and words said in them."""

from __future__ import annotations

import math
import sys
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

import numpy as np
import numpy.typing as npt

from kws.audio import FloatArray
from kws.config import SAMPLE_RATE_HZ
from kws.errors import AudioError
from kws.packages import import_package

Point = npt.NDArray[np.float64]

DISTANCES_M = (1.0, 2.0, 3.0, 5.0)
_RT60_S = (0.2, 0.6)
_SMALLEST_ROOM_M, _LARGEST_ROOM_M = (4.0, 3.5, 2.4), (8.0, 6.0, 3.0)
_ONSET = 10 ** (-20 / 20)
_MAX_TRIES = 1000


@dataclass(frozen=True, eq=False)
class Room:
    """A path from a mouth to a microphone.

    Parameters
    ----------
    name : str
    response : array of float32, shape (L,)
        Impulse response, 16 kHz.
    attributes : mapping of str to str
        ``distance_m``, ``rt60_s`` where they are known.
    """

    name: str
    response: FloatArray = field(repr=False)
    attributes: Mapping[str, str] = field(default_factory=dict)

    @property
    def onset(self) -> int:
        """Sample at which the direct sound arrives: the first within 20 dB of the highest.

        References
        ----------
        ISO 3382-1:2009, 5.3: the start of an impulse response.
        """
        level = np.abs(self.response)
        return int(np.argmax(level >= _ONSET * level.max()))

    def play(self, samples: FloatArray) -> FloatArray:
        """Return what the microphone hears of ``(N,)``: delayed by the direct path, cut after N samples.

        Raises
        ------
        AudioError
            If the response is silent.
        """
        if not self.response.any():
            raise AudioError(f"{self.name}: the impulse response is silent")
        n = len(samples) + len(self.response) - 1
        size = 1 << (n - 1).bit_length()
        heard = np.fft.irfft(np.fft.rfft(samples, size) * np.fft.rfft(self.response, size), size)
        return heard[: len(samples)].astype(np.float32)


def simulate_rooms(n_rooms: int, rng: np.random.Generator) -> list[Room]:
    """Draw rooms that echo for 0.2 to 0.6 s, with a talker at 1, 2, 3 and 5 m in turn.

    Raises
    ------
    MissingPackageError
        If pyroomacoustics is not installed.

    References
    ----------
    Allen and Berkley, "Image method for efficiently simulating small-room acoustics", JASA 65 (1979), as
    pyroomacoustics computes it.
    """
    pra = _open_simulator()
    return [_simulate(pra, index, DISTANCES_M[index % len(DISTANCES_M)], rng) for index in range(n_rooms)]


def _open_simulator() -> Any:
    """Import pyroomacoustics without sounddevice, which it would take along.

    That one opens the sound system at its import: devices that come later are not seen by this process any more.
    """
    is_new = "sounddevice" not in sys.modules
    if is_new:
        sys.modules["sounddevice"] = None  # type: ignore[assignment]
    try:
        return import_package("pyroomacoustics", "pyroomacoustics", "dev", "simulate rooms")
    finally:
        if is_new:
            del sys.modules["sounddevice"]


def _simulate(pra: Any, index: int, distance_m: float, rng: np.random.Generator) -> Room:
    while True:
        size = draw_size(rng)
        rt60_s = rng.uniform(*_RT60_S)
        microphone = draw_microphone(size, rng)
        talker = draw_place(size, microphone, distance_m, distance_m, rng)
        # In a small room there may be no place as far away as that: another one is drawn.
        if talker is not None:
            break
    room = shoebox(pra, size, rt60_s)
    room.add_microphone(microphone)
    room.add_source(talker)
    room.compute_rir()
    response = np.asarray(room.rir[0][0], np.float32)
    return Room(f"room {index + 1:02d}", response, {"distance_m": f"{distance_m:g}", "rt60_s": f"{rt60_s:.1f}"})


def draw_size(rng: np.random.Generator) -> Point:
    """Draw width, depth and height of a room in metres."""
    return rng.uniform(_SMALLEST_ROOM_M, _LARGEST_ROOM_M)


def draw_microphone(size: Point, rng: np.random.Generator) -> Point:
    """Draw the place of a device on furniture, 0.6 m from the walls or more."""
    return rng.uniform((0.6, 0.6, 0.7), (size[0] - 0.6, size[1] - 0.6, 1.2))


def draw_place(size: Point, middle: Point, near_m: float, far_m: float, rng: np.random.Generator) -> Point | None:
    """Draw a mouth in a room: first its distance, then a direction in which it stays inside; None if there is none."""
    for _ in range(_MAX_TRIES):
        distance_m, angle = rng.uniform(near_m, far_m), rng.uniform(0, 2 * np.pi)
        height_m = rng.uniform(1.1, 1.8)
        flat_m = math.sqrt(max(0.0, distance_m**2 - (height_m - middle[2]) ** 2))
        point = np.array([middle[0] + flat_m * np.cos(angle), middle[1] + flat_m * np.sin(angle), height_m])
        if np.all(point > 0.3) and np.all(point < size - 0.3):
            return point
    return None


def shoebox(pra: Any, size: Point, rt60_s: float) -> Any:
    """Return a room of pyroomacoustics whose walls give a reverberation time."""
    try:
        absorption, order = pra.inverse_sabine(rt60_s, size)
    except ValueError:  # Walls that swallow everything still leave more echo than that.
        absorption, order = 0.99, 3
    return pra.ShoeBox(size, fs=SAMPLE_RATE_HZ, materials=pra.Material(absorption), max_order=order)
