"""Streams: measured ratios and levels, labels from the word's end, deterministic by seed."""

from __future__ import annotations

import pickle

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from data_tools.synthesize import NEGATIVE, Segment, Stream, StreamSynthesizer, SynthesisConfig
from data_tools.synthesize.mixing import rms
from kws.audio import to_pcm16
from kws.errors import AudioError, ConfigError, DataError, NoRoomError

SECOND = 16_000
QUIET = dict(speech_probability=0.0)


def noise(n_samples: int, level: float, seed: int = 0) -> np.ndarray:
    return (np.random.default_rng(seed).standard_normal(n_samples) * level).astype(np.float32)


def word(n_samples: int = SECOND, start: int = 4000, end: int = 8000, seed: int = 0) -> np.ndarray:
    clip = np.zeros(n_samples, dtype=np.float32)
    clip[start:end] = noise(end - start, 0.1, seed)
    return clip


def tone(n_samples: int, frequency_hz: float) -> np.ndarray:
    return (0.3 * np.sin(2 * np.pi * frequency_hz * np.arange(n_samples) / SECOND)).astype(np.float32)


def band_rms(samples: np.ndarray, frequency_hz: float) -> float:
    """Root mean square of a tone inside other sound."""
    angle = 2 * np.pi * frequency_hz * np.arange(len(samples)) / SECOND
    return float(np.sqrt(2) * np.hypot(np.mean(samples * np.cos(angle)), np.mean(samples * np.sin(angle))))


def synthesizer(**changes) -> StreamSynthesizer:
    config = SynthesisConfig(
        **{
            "duration_s": 3.0,
            "keywords_per_stream": (1, 1),
            "negatives_per_stream": (1, 1),
            **changes.pop("config", {}),
        }
    )
    arguments = dict(
        keywords={"computer": [word(seed=i) for i in range(3)]},
        negatives=[word(8000, 1000, 6000, seed=9)],
        backgrounds=[noise(5 * SECOND, 0.01, seed=11)],
        speech=[noise(4 * SECOND, 0.05, seed=12)],
        config=config,
    )
    return StreamSynthesizer(**(arguments | changes))


def test_a_stream_has_its_length_its_words_and_no_overlap():
    made = synthesizer(config=dict(keywords_per_stream=(1, 2), negatives_per_stream=(0, 2), min_gap_s=0.1))
    for seed in range(200):
        stream = made.stream(np.random.default_rng(seed))
        assert stream.samples.shape == (3 * SECOND,) and stream.samples.dtype == np.float32
        assert list(stream.segments) == sorted(stream.segments)
        for before, after in zip(stream.segments, stream.segments[1:], strict=False):
            assert after.start - before.end >= 1600
        assert 1 <= sum(segment.label == "computer" for segment in stream.segments) <= 2
        assert all(s.start < s.word_end <= s.end <= 3 * SECOND for s in stream.segments)


def test_the_word_ends_where_its_energy_ends_not_where_the_file_does():
    made = synthesizer(negatives=[], config=QUIET)
    for seed in range(20):
        (segment,) = made.stream(np.random.default_rng(seed)).segments
        assert segment.end - segment.start == SECOND
        assert segment.word_end - segment.start == pytest.approx(8000, abs=160)


@pytest.mark.parametrize("stored", ["float32", "int16"])
@pytest.mark.parametrize("snr_db", [0.0, 17.0])
def test_the_ratio_over_the_active_part_is_the_one_that_was_asked_for(snr_db, stored):
    # A tone as the word: what lies at its frequency in the stream is the word, the rest is noise.
    clip = np.zeros(SECOND, dtype=np.float32)
    clip[3200:11_200] = tone(8000, 1000.0)
    hiss = noise(20 * SECOND, 0.02, seed=3) * np.repeat(np.linspace(0.2, 3.0, 20), SECOND).astype(np.float32)
    if stored == "int16":
        clip, hiss = to_pcm16(clip), to_pcm16(hiss)
    made = synthesizer(
        keywords={"computer": [clip]}, negatives=[], backgrounds=[hiss], config=dict(snr_db=(snr_db, snr_db), **QUIET)
    )
    measured_db = []
    for seed in range(30):
        stream = made.stream(np.random.default_rng(seed))
        part = stream.samples[stream.segments[0].start + 3200 : stream.segments[0].start + 11_200]
        signal = band_rms(part, 1000.0)
        measured_db.append(20 * np.log10(signal / np.sqrt(rms(part) ** 2 - signal**2)))
    assert np.mean(measured_db) == pytest.approx(snr_db, abs=0.2)
    assert np.std(measured_db) < 0.6


def test_the_talker_is_as_far_below_the_keyword_as_asked_for():
    clip = np.zeros(SECOND, dtype=np.float32)
    clip[3200:11_200] = tone(8000, 1000.0)
    made = synthesizer(
        keywords={"computer": [clip]},
        negatives=[],
        backgrounds=[noise(5 * SECOND, 1e-4)],
        speech=[tone(6 * SECOND, 2000.0)],
        config=dict(snr_db=(60.0, 60.0), speech_probability=1.0, speech_snr_db=(10.0, 10.0)),
    )
    for seed in range(10):
        stream = made.stream(np.random.default_rng(seed))
        part = stream.samples[stream.segments[0].start + 3200 : stream.segments[0].start + 11_200]
        assert 20 * np.log10(band_rms(part, 1000.0) / band_rms(part, 2000.0)) == pytest.approx(10.0, abs=0.2)
        # The talker is under the whole stream, not under the word alone.
        assert band_rms(stream.samples[:1600], 2000.0) > 0.0


def test_a_talker_comes_in_the_asked_share_of_the_streams():
    made = synthesizer(
        speech=[tone(6 * SECOND, 2000.0)],
        config=dict(speech_probability=0.25, speech_snr_db=(0.0, 0.0), level_dbfs=(-30.0, -30.0)),
    )
    heard = [band_rms(made.stream(np.random.default_rng(i)).samples, 2000.0) > 1e-3 for i in range(400)]
    assert np.mean(heard) == pytest.approx(0.25, abs=0.07)


@pytest.mark.parametrize("level_dbfs", [-45.0, -25.0])
def test_the_level_is_the_one_that_was_asked_for(level_dbfs):
    made = synthesizer(config=dict(level_dbfs=(level_dbfs, level_dbfs)))
    for seed in range(10):
        stream = made.stream(np.random.default_rng(seed))
        assert 20 * np.log10(rms(stream.samples)) == pytest.approx(level_dbfs, abs=0.2)


def test_full_scale_is_kept_without_a_clipped_sample():
    made = synthesizer(config=dict(level_dbfs=(0.0, 0.0), snr_db=(30.0, 30.0), speech_probability=0.5))
    quiet = synthesizer(config=dict(level_dbfs=(-60.0, -60.0), snr_db=(30.0, 30.0), speech_probability=0.5))
    for seed in range(50):
        loud = made.stream(np.random.default_rng(seed)).samples
        assert 0.99 < np.abs(loud).max() <= 32767 / 32768
        # The same stream at another level, sample by sample: nothing was cut off.
        soft = quiet.stream(np.random.default_rng(seed)).samples
        np.testing.assert_allclose(loud, soft * (np.abs(loud).max() / np.abs(soft).max()), atol=1e-5)


def test_without_noise_clips_keep_their_levels_in_digital_silence():
    made = synthesizer(backgrounds=[], config=QUIET)
    stream = made.stream(np.random.default_rng(0))
    outside = np.ones(len(stream.samples), dtype=bool)
    for segment in stream.segments:
        outside[segment.start : segment.end] = False
    assert not stream.samples[outside].any() and stream.samples.any()


def test_a_stream_of_nothing_is_silent():
    made = synthesizer(keywords={}, negatives=[], backgrounds=[], speech=[])
    stream = made.stream(np.random.default_rng(0))
    assert stream.segments == () and not stream.samples.any()
    assert stream.step_labels(["computer"], 160, 0.4).shape == (300, 1)


def test_a_word_over_a_hole_in_the_noise_is_still_heard():
    hiss = noise(3 * SECOND, 0.05)
    hiss[SECOND : 2 * SECOND] *= 1e-6
    made = synthesizer(backgrounds=[hiss], negatives=[], config=dict(snr_db=(20.0, 20.0), **QUIET))
    for seed in range(20):
        stream = made.stream(np.random.default_rng(seed))
        start = stream.segments[0].start
        assert rms(stream.samples[start + 4200 : start + 7800]) > 0.1 * rms(stream.samples)


def test_the_same_generator_state_gives_the_same_stream():
    made, again = synthesizer(), pickle.loads(pickle.dumps(synthesizer()))
    for seed in range(10):
        a, b = made.stream(np.random.default_rng(seed)), again.stream(np.random.default_rng(seed))
        np.testing.assert_array_equal(a.samples, b.samples)
        assert a.segments == b.segments
    other = made.stream(np.random.default_rng(99))
    assert not np.array_equal(a.samples, other.samples)


def test_what_was_drawn_before_changes_nothing():
    made, fresh = synthesizer(), synthesizer()
    for seed in range(20):
        made.stream(np.random.default_rng(seed))
    np.testing.assert_array_equal(
        made.stream(np.random.default_rng(5)).samples, fresh.stream(np.random.default_rng(5)).samples
    )


def test_stored_clips_and_recordings_are_never_changed():
    clip, hiss = word(), noise(5 * SECOND, 0.01)
    before = clip.copy(), hiss.copy()

    def overwrite(samples, label, rng):
        samples[:] *= 0.0
        samples[100:2000] = 0.1
        return samples

    made = synthesizer(
        keywords={"computer": [clip]}, negatives=[clip], backgrounds=[hiss], speech=[hiss], clip_transform=overwrite
    )
    for seed in range(5):
        made.stream(np.random.default_rng(seed))
    np.testing.assert_array_equal(clip, before[0])
    np.testing.assert_array_equal(hiss, before[1])


def test_a_transform_sees_each_drawn_clip_and_its_label_and_may_change_its_length():
    seen = []

    def double(samples, label, rng):
        seen.append(label)
        rng.random()
        return np.repeat(samples, 2)

    stream = synthesizer(clip_transform=double, config=dict(duration_s=5.0)).stream(np.random.default_rng(0))
    assert sorted(seen) == [NEGATIVE, "computer"]
    keyword = next(s for s in stream.segments if s.label == "computer")
    assert keyword.end - keyword.start == 2 * SECOND
    assert keyword.word_end - keyword.start == pytest.approx(16_000, abs=320)


@pytest.mark.parametrize("bad", [lambda c, *_: c[:0], lambda c, *_: np.stack([c, c]), lambda c, *_: c * np.nan])
def test_a_transform_that_gives_no_audio_is_one_clear_error(bad):
    with pytest.raises(AudioError, match="accepted"):
        synthesizer(clip_transform=bad).stream(np.random.default_rng(0))


def test_keywords_are_never_cropped_and_those_without_room_are_left_out():
    made = synthesizer(
        keywords={"computer": [word(20_000), word(40_000), word(60_000)]},
        config=dict(keywords_per_stream=(1, 3), negatives_per_stream=(0, 0)),
    )
    counts = set()
    for seed in range(100):
        segments = made.stream(np.random.default_rng(seed)).segments
        assert all(s.end - s.start in (20_000, 40_000) for s in segments)
        counts.add(len(segments))
    assert counts == {0, 1, 2}


def test_long_negatives_give_random_pieces_and_leave_the_keyword_room_to_move():
    made = synthesizer(negatives=[noise(20 * SECOND, 0.1)], config=QUIET)
    lengths, starts = set(), []
    for seed in range(300):
        segments = made.stream(np.random.default_rng(seed)).segments
        keyword = next(s for s in segments if s.label)
        negative = next(s for s in segments if not s.label)
        assert keyword.end - keyword.start == SECOND
        lengths.add(negative.end - negative.start)
        starts.append(keyword.start)
    assert len(lengths) > 200 and max(lengths) <= 2 * SECOND - 1600
    assert len(set(starts)) > 200


@given(
    duration_s=st.floats(0.3, 4.0),
    keyword_lengths=st.lists(st.integers(400, 40_000), min_size=1, max_size=4),
    negative_lengths=st.lists(st.integers(1, 90_000), max_size=4),
    min_gap_s=st.floats(0.0, 0.5),
    seed=st.integers(0, 2**32),
)
@settings(max_examples=100, deadline=None)
def test_any_lengths_give_a_stream_or_one_error_at_the_start(
    duration_s, keyword_lengths, negative_lengths, min_gap_s, seed
):
    config = dict(duration_s=duration_s, keywords_per_stream=(1, 3), negatives_per_stream=(0, 3), min_gap_s=min_gap_s)
    arguments = dict(
        keywords={"computer": [noise(n, 0.1) for n in keyword_lengths]},
        negatives=[noise(n, 0.1) for n in negative_lengths],
        config=config,
    )
    if min(keyword_lengths) > round(duration_s * SECOND):
        with pytest.raises(NoRoomError):
            synthesizer(**arguments)
        return
    stream = synthesizer(**arguments).stream(np.random.default_rng(seed))
    assert len(stream.samples) == round(duration_s * SECOND)
    assert np.abs(stream.samples).max() < 1.0
    for before, after in zip(stream.segments, stream.segments[1:], strict=False):
        assert after.start - before.end >= round(min_gap_s * SECOND)


def test_more_keywords_than_can_ever_fit_are_refused_when_the_synthesizer_is_made():
    with pytest.raises(NoRoomError) as error:
        synthesizer(config=dict(keywords_per_stream=(3, 3)))
    assert error.value.clip_samples == 3 * SECOND + 2 * 1600
    assert error.value.free_samples == 3 * SECOND


@pytest.mark.parametrize(
    ("changes", "error"),
    [
        (dict(keywords={"computer": []}), DataError),
        (dict(keywords={"": [word()]}), ConfigError),
        (dict(keywords={"computer": [np.zeros(100)]}), DataError),
        (dict(negatives=[np.zeros((2, 100))]), AudioError),
        (dict(backgrounds=[np.full(100, np.nan)]), AudioError),
        (dict(speech=[np.zeros(0)]), AudioError),
    ],
)
def test_material_that_cannot_be_used_is_refused_when_the_synthesizer_is_made(changes, error):
    with pytest.raises(error, match="accepted"):
        synthesizer(**changes)


def labelled(*segments: Segment, n_samples: int = 16_000) -> Stream:
    return Stream(np.zeros(n_samples, dtype=np.float32), segments)


def test_step_labels_are_one_for_a_set_time_after_the_words_end():
    stream = labelled(Segment(1000, 9000, 4800, "up"), Segment(9000, 12_000, 11_000, NEGATIVE))
    labels = stream.step_labels(["down", "up"], 320, 0.1)
    assert labels.shape == (50, 2) and labels.dtype == np.float32
    # Step 14 ends at 4800, the word's end; 0.1 s are five steps of 20 ms.
    assert np.flatnonzero(labels[:, 1]).tolist() == [14, 15, 16, 17, 18]
    assert not labels[:, 0].any()


def test_labels_of_single_samples_and_at_the_edges():
    stream = labelled(Segment(0, 50, 10, "up"), Segment(60, 100, 98, "up"), n_samples=100)
    labels = stream.step_labels(["up"], 1, 5 / 16_000)
    assert np.flatnonzero(labels[:, 0]).tolist() == [9, 10, 11, 12, 13, 97, 98, 99]
    assert labelled(Segment(0, 99, 99, "up"), n_samples=100).step_labels(["up"], 40, 0.01).tolist() == [[0.0], [0.0]]
    # A step that ends inside the time after the word is one, however short that time is.
    assert labelled(Segment(0, 50, 41, "up"), n_samples=100).step_labels(["up"], 50, 0.001).tolist() == [[1.0], [0.0]]


@pytest.mark.parametrize(("step_samples", "label_s"), [(0, 0.1), (-1, 0.1), (160, 0.0), (160, float("nan"))])
def test_impossible_labels_are_refused(step_samples, label_s):
    with pytest.raises(ConfigError, match="accepted"):
        labelled().step_labels(["up"], step_samples, label_s)


def test_the_fingerprint_follows_everything_a_stream_depends_on():
    same = synthesizer().fingerprint()
    assert same == synthesizer().fingerprint()
    others = [
        synthesizer(config=dict(duration_s=3.5)),
        synthesizer(keywords={"computer": [word(seed=5)]}),
        synthesizer(keywords={"computers": [word(seed=i) for i in range(3)]}),
        synthesizer(negatives=[word(8000, 1000, 6001, seed=9)]),
        synthesizer(backgrounds=[]),
        synthesizer(speech=[]),
        synthesizer(clip_transform=lambda clip, label, rng: clip),
    ]
    assert len({same, *(other.fingerprint() for other in others)}) == len(others) + 1
