"""Hostile `.kws` files: mutants of a good one, mostly with a right checksum, so that they get past it."""

from __future__ import annotations

import struct
import zlib

import numpy as np

from kws.graph.layout import HEADER

HEADER_BYTES = struct.calcsize(HEADER)
_NUMBERS = (0, 1, 2, 3, 7, 127, 255, 4096, 65_535, 65_536, 2**20, 2**24, 2**31 - 1, 2**31, 2**32 - 1)
# NaN, infinity, the largest and the smallest float.
_FLOATS = (0x7FC00000, 0x7F800000, 0xFF800000, 0x7F7FFFFF, 0x00000001)


def resealed(data: bytes) -> bytes:
    """Return a file with its size and checksum made right."""
    data = data[:12] + struct.pack("<I", len(data)) + data[16:-4]
    return data + struct.pack("<I", zlib.crc32(data))


def mutants(data: bytes, count: int, seed: int) -> list[bytes]:
    """Return mutants of a file: numbers replaced, bytes flipped, parts cut out, doubled and moved."""
    rng = np.random.default_rng(seed)
    return [_mutant(data, rng) for _ in range(count)]


def _mutant(data: bytes, rng: np.random.Generator) -> bytes:
    changed = bytearray(data)
    for _ in range(int(rng.integers(1, 4))):
        kind = int(rng.integers(0, 6))
        # The sizes are in the first bytes of the operations, the header and the spec; weights are most of the file.
        place = int(rng.integers(8, max(9, len(changed) - 8)))
        if kind <= 1:
            place -= place % 4
            struct.pack_into("<I", changed, place, int(rng.choice(_NUMBERS if kind == 0 else _FLOATS)))
        elif kind == 2:
            changed[place] ^= 1 << int(rng.integers(0, 8))
        elif kind == 3:
            del changed[place : place + int(rng.integers(1, 200))]
        elif kind == 4:
            changed[place:place] = changed[place : place + int(rng.integers(1, 200))]
        else:
            digits = [i for i in range(HEADER_BYTES, min(len(changed), 2000)) if 48 <= changed[i] <= 57]
            if digits:
                changed[int(rng.choice(digits))] = int(rng.integers(48, 58))
    if len(changed) < HEADER_BYTES + 4 or rng.random() < 0.1:
        return bytes(changed[: int(rng.integers(0, len(changed) + 1))])
    return resealed(bytes(changed))
