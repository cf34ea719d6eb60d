"""Negatives made of fragments."""

import numpy as np

from kws.train.splices import fragment, join, near_words, spliced_words


def burst(hz: float, seconds: float = 0.5) -> np.ndarray:
    t = np.arange(round(seconds * 16_000)) / 16_000
    quiet = np.zeros(4000)
    return np.rint(np.concatenate([quiet, 9000 * np.sin(2 * np.pi * hz * t), quiet])).astype(np.int16)


def has_tone(clip: np.ndarray, hz: float) -> bool:
    spectrum = np.abs(np.fft.rfft(clip.astype(float)))
    place = round(hz * len(clip) / 16_000)
    return bool(spectrum[place - 3 : place + 4].max() > 0.2 * spectrum.max())


def test_fragments_are_short_pieces_of_the_active_part() -> None:
    rng = np.random.default_rng(0)
    for _ in range(20):
        piece = fragment([burst(1000)], rng)
        assert 0.11 <= len(piece) / 16_000 <= 0.46
        assert np.sqrt(np.mean(piece**2)) > 0.1


def test_joined_pieces_have_one_level_and_overlap_a_little() -> None:
    rng = np.random.default_rng(0)
    quiet, loud = (level * rng.standard_normal(3200).astype(np.float32) for level in (0.01, 0.3))
    joined = join([quiet, loud]) / 32768
    assert len(joined) == 2 * 3200 - 200
    first, second = joined[:3000], joined[3400:]
    assert 0.9 < np.sqrt(np.mean(first**2)) / np.sqrt(np.mean(second**2)) < 1.1


def test_near_words_begin_or_end_like_the_word_and_are_something_else() -> None:
    found = near_words([burst(1000)], [burst(3000)], 4, np.random.default_rng(0))
    assert len(found) == 4
    assert all(has_tone(clip, 1000) and has_tone(clip, 3000) for clip in found)
    starts = [has_tone(clip[:1500], 1000) for clip in found]
    assert starts == [True, False, True, False]


def test_spliced_words_are_many_and_repeatable() -> None:
    speech = [burst(500), burst(2500)]
    first = spliced_words(speech, 10, np.random.default_rng(1))
    again = spliced_words(speech, 10, np.random.default_rng(1))
    assert len(first) == 10
    assert all(np.array_equal(a, b) for a, b in zip(first, again, strict=True))
    assert all(0.2 < len(clip) / 16_000 < 5.5 for clip in first)
