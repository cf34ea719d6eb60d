"""Voice activity detectors for `kws record`: which finds spoken words, which starts at noise, and what takes lose.

    pip install --target /tmp/other --no-deps webrtcvad-wheels pymicro-vad
    PYTHONPATH=/tmp/other python benchmarks/vad.py --data ../shared/data --vads silero webrtc-3 micro

Each recording is heard alone, between two pauses of 1.5 s made of its own quietest 150 ms. Words: found in one piece,
in several, not at all. Noise: recordings in which something starts. The verdicts of `kws record` on what the first
of the detectors finds, and what its takes lose of the word: an energy reference, `kws.activity.active_region` of
the recording alone, against the ends of the take. In noise the energy is that of the noise: where a loss is claimed,
a second reference measures each band above its own noise (`region_above_noise`).
"""

from __future__ import annotations

import argparse
import sys
import time
from collections import Counter
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

ROOT = Path(__file__).resolve().parent.parent
sys.path.insert(0, str(ROOT))

from data_tools.record import Rejection, SileroVad, Stretch, TakeConfig, TakeDetector, Vad, judge  # noqa: E402
from data_tools.record.take import cut_take  # noqa: E402
from kws.activity import active_region  # noqa: E402
from kws.audio import FloatArray, read_audio, to_pcm16  # noqa: E402
from kws.config import SAMPLE_RATE_HZ  # noqa: E402

WORDS = ("wake_words/computer", "precise/athena")
NOISE = "noise/esc10"
PAUSE = round(1.5 * SAMPLE_RATE_HZ)
TONE = round(0.15 * SAMPLE_RATE_HZ)
ACCEPTED_LOSS_S = 0.03
NOISY_DB = 10.0
# The second reference: bands of 250 Hz from 220 to 6970 Hz, every 10 ms.
FRAME, WINDOW = SAMPLE_RATE_HZ // 100, SAMPLE_RATE_HZ // 40
FIRST_BIN, LAST_BIN, BINS_A_BAND = 7, 223, 8
CLEAR_DB, EXCESS_SHARE, GAP_FRAMES = 6.0, 0.15, 25


class WebRtc:
    """Gaussian mixtures on sub-bands, from WebRTC; it says yes or no."""

    chunk_samples = 320

    def __init__(self, mode: int) -> None:
        import webrtcvad

        self._vad: Any = webrtcvad.Vad(mode)

    def speech_probability(self, chunk: FloatArray) -> float:
        return float(self._vad.is_speech(to_pcm16(chunk).tobytes(), SAMPLE_RATE_HZ))

    def reset(self) -> None:
        pass


class Micro:
    """The network of microWakeWord's voice activity model."""

    chunk_samples = 160

    def __init__(self) -> None:
        from pymicro_vad import MicroVad

        self._vad: Any = MicroVad()

    def speech_probability(self, chunk: FloatArray) -> float:
        return float(self._vad.process_10ms(to_pcm16(chunk).tobytes()))

    def reset(self) -> None:
        self._vad.reset()


VADS: dict[str, Any] = {
    "silero": SileroVad,
    "webrtc-2": lambda: WebRtc(2),
    "webrtc-3": lambda: WebRtc(3),
    "micro": Micro,
}


@dataclass(frozen=True, eq=False)
class Heard:
    """A recording, and what was found in it; samples count from its first one."""

    name: str
    recording: FloatArray
    stretches: list[Stretch]


def room_tone(recording: FloatArray) -> FloatArray:
    """Return a pause made of the quietest stretch of a recording, forwards and backwards."""
    quietest = recording
    if len(recording) > TONE:
        energy = np.convolve(np.square(recording, dtype=np.float64), np.ones(TONE), "valid")[::80]
        start = int(energy.argmin()) * 80
        quietest = recording[start : start + TONE]
    both = np.concatenate([quietest, quietest[::-1]])
    return np.tile(both, PAUSE // len(both) + 1)[:PAUSE]


def hear(vad: Vad, path: Path) -> Heard:
    recording = read_audio(path)
    tone = room_tone(recording)
    samples = np.concatenate([tone, recording, tone])[None]
    detector = TakeDetector(vad)
    found = [s for at in range(0, samples.shape[1], 1280) for s in detector.process(samples[:, at : at + 1280])]
    return Heard(path.name, recording, found + detector.finish())


def hear_all(name: str, folder: Path) -> tuple[list[Heard], float]:
    """Return what a detector finds in all recordings, and its CPU seconds an hour of audio."""
    vad = VADS[name]()
    started_s = time.process_time()
    heard = [hear(vad, path) for path in sorted(folder.rglob("*.flac"))]
    cpu_s = time.process_time() - started_s
    audio_s = sum(len(h.recording) + 2 * PAUSE for h in heard) / SAMPLE_RATE_HZ
    return heard, cpu_s / audio_s * 3600


def show_words(name: str, heard: list[Heard], cpu_s: float, place: str) -> None:
    pieces = Counter(min(len(h.stretches), 2) for h in heard)
    endless = sum(any(s.is_too_long for s in h.stretches) for h in heard)
    print(
        f"{name:9} {place:20} {len(heard)} recordings: {pieces[1]} in one piece, {pieces[2]} in several, "
        f"{pieces[0]} not found; {endless} longer than a word; {cpu_s:.0f} CPU s/h",
        flush=True,
    )


def show_noise(name: str, heard: list[Heard]) -> None:
    started = sum(bool(h.stretches) for h in heard)
    kept = Counter(h.name.rsplit("_", 1)[0] for h in heard if any(is_take(s) for s in h.stretches))
    minutes = sum(len(h.recording) for h in heard) / SAMPLE_RATE_HZ / 60
    print(
        f"{name:9} {NOISE:20} {len(heard)} recordings, {minutes:.1f} min: something starts in {started}, "
        f"a take is kept in {sum(kept.values())}: {dict(kept)}",
        flush=True,
    )


def is_take(stretch: Stretch) -> bool:
    return not isinstance(judge(stretch, TakeConfig()), Rejection)


def show_verdicts(heard: list[Heard], place: str) -> None:
    verdicts = [judge(s, TakeConfig()) for h in heard for s in h.stretches]
    codes = Counter(v.code if isinstance(v, Rejection) else "take" for v in verdicts)
    print(f"verdicts  {place:20} {dict(codes)}")


def show_losses(heard: list[Heard], place: str, is_verbose: bool) -> None:
    """Compare takes with the energy reference, and where it claims a loss with that above each band's noise."""
    kinds: Counter[str] = Counter()
    for h in heard:
        lost_s, snr_db = loss(h, active_region(h.recording))
        above_s, _ = loss(h, region_above_noise(h.recording))
        if lost_s <= ACCEPTED_LOSS_S:
            kinds["within 30 ms"] += 1
            continue
        noisy = "noisy, " if snr_db < NOISY_DB else ""
        kind = "within 30 ms above the noise" if above_s <= ACCEPTED_LOSS_S else "more above the noise too"
        kinds["no take" if np.isinf(lost_s) else noisy + kind] += 1
        if is_verbose:
            lost = f"{1000 * lost_s:.0f} ms by energy, {1000 * above_s:.0f} ms above the noise"
            print(f"    {h.name}: {lost}, {snr_db:.0f} dB")
    print(f"losses    {place:20} {len(heard)} recordings: {dict(kinds)}")


def loss(heard: Heard, reference: tuple[int, int]) -> tuple[float, float]:
    """Return what the best take loses of a reference (s), and how far it is above the noise (dB)."""
    first, last = reference
    best = (np.inf, 0.0)
    for stretch in heard.stretches:
        if not stretch.is_too_long:
            take = cut_take(stretch, TakeConfig())
            start, end = take.start - PAUSE, take.start - PAUSE + len(take.samples)
            best = min(best, (max(start - first, last - end, 0) / SAMPLE_RATE_HZ, take.snr_db))
    return best


def region_above_noise(recording: FloatArray) -> tuple[int, int]:
    """Return first and last sample (half-open) of the sound that stands out most, each band measured by its own noise.

    Wind, a car or the mains are loud below a voice, and all energy together is theirs. Here a band of 250 Hz counts by
    how far it is above its own quiet tenth; of several stretches that with the most of it is taken, so that a click
    is not the word, however loud.
    """
    excess_db = _excess_db(recording)
    active = np.flatnonzero(excess_db >= EXCESS_SHARE * excess_db.max(initial=0.0))
    if not len(active):
        return 0, len(recording)
    breaks = np.flatnonzero(np.diff(active) > GAP_FRAMES)
    firsts, lasts = active[[0, *(breaks + 1)]], active[[*breaks, -1]]
    best = int(np.argmax([excess_db[a : b + 1].sum() for a, b in zip(firsts, lasts, strict=True)]))
    return int(firsts[best]) * FRAME, min((int(lasts[best]) + 1) * FRAME, len(recording))


def _excess_db(recording: FloatArray) -> FloatArray:
    """Return for each 10 ms by how much, in the mean of all bands, the sound is more than 6 dB above the noise."""
    n_frames = len(recording) // FRAME
    if not n_frames:
        return np.zeros(0)
    padded = np.pad(recording.astype(np.float64), (WINDOW - FRAME, 0))
    frames = np.lib.stride_tricks.sliding_window_view(padded, WINDOW)[::FRAME][:n_frames] * np.hanning(WINDOW)
    power = np.square(np.abs(np.fft.rfft(frames, 512))) + 1e-10
    bands = power[:, FIRST_BIN:LAST_BIN].reshape(n_frames, -1, BINS_A_BAND).mean(axis=2)
    smooth = np.apply_along_axis(lambda band: np.convolve(band, np.ones(5) / 5, "same"), 0, bands)
    above_db = 10.0 * np.log10(smooth / np.percentile(smooth, 10, axis=0))
    return np.clip(above_db - CLEAR_DB, 0.0, None).mean(axis=1)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--data", type=Path, required=True, help="folder with wake_words, precise and noise")
    parser.add_argument("--vads", nargs="+", choices=list(VADS), default=["silero"])
    parser.add_argument("--verbose", action="store_true", help="name each recording that loses more")
    options = parser.parse_args()
    for name in options.vads:
        for place in (*WORDS, NOISE):
            heard, cpu_s = hear_all(name, options.data / place)
            if place == NOISE:
                show_noise(name, heard)
                continue
            show_words(name, heard, cpu_s, place)
            if name == options.vads[0]:
                show_verdicts(heard, place)
                show_losses(heard, place, options.verbose)


if __name__ == "__main__":
    main()
