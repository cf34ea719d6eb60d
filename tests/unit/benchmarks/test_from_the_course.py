"""The assignment's rules against its own sanity values and against the toolkit; the traps on inputs checked by hand."""

from pathlib import Path

import numpy as np
import pytest
import torch

from benchmarks import course_assignment as course
from benchmarks.course_pictures import smoothed
from benchmarks.course_runs import SMALL, STEP_S, Examples, batches, find, small_network, unweighted
from benchmarks.course_training import early_stop
from benchmarks.course_traps import (
    ORDERS,
    BatchAsTime,
    Reshaped,
    block_ages,
    memory_steps,
    reshaped,
    share_cut,
    stream_influence,
)
from benchmarks.from_the_course import drawn_clips_ms, left_out_later, parse, placed_at_once, same_but_one_step
from data_tools.synthesize import Segment, Stream, insert_clip
from kws.audio import write_audio
from kws.config import FrontEndConfig
from kws.errors import DataError
from kws.features import clip_features
from kws.models.conv_gru import CLASSIC, ConvGru
from kws.train.recipe import load_recipe
from kws.train.targets import frame_labels

ROOT = Path(__file__).parents[3]


def test_the_grid_of_the_assignment():
    assert course.n_frames(441_000) == 5511
    assert course.n_outputs(5511) == 1375
    assert course.heard_ms(0) == pytest.approx(1320 / 44.1)
    assert course.heard_ms(1374) == pytest.approx(10_000)


def test_the_labels_of_the_assignments_own_sanity_check():
    labels = course.insert_ones([9700, 4251], 1375)
    assert [labels[step] for step in (1333, 634, 635)] == [0.0, 1.0, 0.0]
    assert np.flatnonzero(labels).tolist() == [*range(585, 635), *range(1334, 1375)]


def test_both_label_functions_are_insert_ones_one_step_earlier_wherever_a_word_ends():
    assert all(same_but_one_step(end_ms, 1375) for end_ms in range(10_000))


def test_the_label_functions_differ_only_where_a_word_ends_with_a_step():
    n_steps, step, differing = 30, 40, []
    for end in range(1, 400):
        segment = Segment(0, end, end, "activate")
        frames = frame_labels([segment], ["activate"], n_steps, step, 5 * step / 16_000)[:, 0]
        stream = Stream(np.zeros(n_steps * step, np.float32), (segment,))
        if not np.array_equal(frames, stream.step_labels(["activate"], step, 5 * step / 16_000)[:, 0]):
            differing.append(end)
    assert set(differing) <= set(range(step, 400, step))


@pytest.mark.parametrize("name", ["classic", "from-the-course"])
def test_the_recipes_have_the_grid_and_the_network_of_the_assignment(name):
    recipe = load_recipe(ROOT / "recipes" / f"{name}.toml")
    features = clip_features(np.zeros(160_000, np.float32), recipe.front_end)
    # The toolkit starts from silence: six frames more than the assignment, those that reach before the recording.
    assert features.shape == (5517, 101)
    network = ConvGru(101, 1, CLASSIC).eval()
    with torch.no_grad():
        assert network(torch.from_numpy(features[6:])[None])[0].shape == (1, 1375, 1)
    # Keras counts one bias a gate and unit of a GRU where PyTorch has two; its 904 averages of norms are not trained.
    assert network.n_parameters == 522_561 - 904 + 2 * 3 * 128
    assert recipe.model.resolve().settings["n_filters"] == 196
    labels = frame_labels([Segment(0, 999, 999, "x")], ["x"], 1375, 116, recipe.training.loss.label_s)
    assert labels.sum() == 50


def test_a_clip_is_placed_where_no_other_is():
    rng = np.random.default_rng(0)
    previous = [(0, 2999), (4000, 6999)]
    for _ in range(50):
        place = course.insert_by_trial(900, previous, rng).place
        assert place is not None and place[1] - place[0] == 899
        assert all(place[0] > last or place[1] < first for first, last in previous)


def test_no_place_left_is_told_from_bad_luck():
    rng = np.random.default_rng(0)
    assert course.insert_by_trial(4000, [(3000, 6999)], rng, 100) == course.Insertion(100, None, True)
    # One start in 9000 is free: seven draws hardly ever find it.
    assert course.insert_by_trial(1000, [(1000, 9999)], rng, 7) == course.Insertion(7, None, False)


def test_the_loop_never_draws_the_last_start_and_the_toolkit_does():
    rng = np.random.default_rng(0)
    assert course.insert_by_trial(5000, [(0, 4999)], rng).is_stuck
    background, clip = np.zeros(160_000, np.float32), np.ones(80_000, np.float32)
    assert insert_clip(background, clip, [(0, 80_000)], rng)[1] == (80_000, 160_000)


def test_clips_that_find_no_place_are_left_out():
    rng = np.random.default_rng(0)
    outcomes, places = course.fill_by_trial([6000, 6000, 500], rng)
    assert [o.is_stuck for o in outcomes] == [False, True, False]
    assert [last - first + 1 for first, last in places] == [6000, 500]
    assert left_out_later([6000, 6000, 6000], rng) == 2


def test_what_the_toolkit_says_of_the_same_clips():
    rng = np.random.default_rng(0)
    assert placed_at_once([2500] * 4, rng) == "places all"
    assert "no room for 160016 samples" in placed_at_once([2500, 2500, 2500, 2501], rng)


def test_the_chime_of_the_assignment_repeats_while_the_score_stays_high():
    assert course.chimes([1.0] * 200) == [75, 151]
    assert course.chimes([0.0] * 100 + [0.5, 0.51] + [0.0] * 20) == [101]


def test_reshape_keeps_the_order_of_the_numbers_and_transpose_does_not():
    spectrogram = torch.tensor([[[1, 2, 3], [4, 5, 6]]])
    assert reshaped(spectrogram).tolist() == [[[1, 2], [3, 4], [5, 6]]]
    assert spectrogram.transpose(1, 2).tolist() == [[[1, 4], [2, 5], [3, 6]]]


def test_the_reshaped_network_sees_what_the_trap_makes():
    network = small_network(1).eval()
    x = torch.randn(2, 40, 40, generator=torch.Generator().manual_seed(0))
    spectrograms = x.transpose(1, 2)
    with torch.no_grad():
        assert torch.equal(Reshaped(network)(x)[0], network(spectrograms.reshape(2, 40, 40))[0])
        assert not torch.allclose(Reshaped(network)(x)[0], network(x)[0], atol=1e-3)


def test_without_batch_first_streams_move_each_other_and_time_is_not_remembered():
    x, other = torch.randn(2, 5, 80, 40, generator=torch.Generator().manual_seed(0)).unbind()
    right = stream_influence(small_network(1).eval(), x, other)
    wrong = stream_influence(BatchAsTime(small_network(1)).eval(), x, other)
    apart = ~np.eye(5, dtype=bool)
    assert right[apart].max() < 1e-6 and right.diagonal().min() > 1e-3
    # It runs forward over the batch: each stream moves those after it, none before it.
    assert wrong[np.triu_indices(5)].min() > 1e-6 and wrong[np.tril_indices(5, -1)].max() == 0
    # A frame reaches the outputs whose kernel of 15 frames holds it, at a stride of 4: four at most.
    assert memory_steps(BatchAsTime(small_network(1)).eval(), x[:1], 4) == 4
    assert memory_steps(small_network(1).eval(), x[:1], 4) > 4


@pytest.mark.parametrize(
    ("order", "expected"),
    [
        ("first in, first out", [(0.1, 0.3), (0.2, 0.25), (0.3, 0.2), (0.4, 0.15), (0.5, 0.1)]),
        ("last in, first out", [(0.3, 0.1), (0.4, 0.05), (0.2, 0.3), (0.5, 0.05), (0.1, 0.5)]),
    ],
)
def test_ages_of_blocks_after_a_stall(order, expected):
    # Blocks of 0.1 s, 0.05 s of work, a stall of 0.25 s as the first block is there.
    assert block_ages(5, 0.1, 0.05, [(0.1, 0.25)], ORDERS[order]) == [pytest.approx(pair) for pair in expected]


def test_without_a_stall_every_block_is_as_old_as_its_work():
    for pick in ORDERS.values():
        assert [age for _, age in block_ages(20, 0.08, 0.065, [], pick)] == pytest.approx([0.065] * 20)


def test_share_of_words_that_a_border_cuts():
    assert share_cut(0.7, 2.0) == pytest.approx(0.35)
    assert share_cut(3.0, 2.0) == 1.0


def tiny_examples(n: int = 4) -> Examples:
    generator = torch.Generator().manual_seed(0)
    labels = torch.zeros(n, 250, 1)
    labels[:, 100:109] = 1.0
    marks = labels.to(torch.int8)
    inputs = torch.randn(n, 1000, FrontEndConfig().n_bands, generator=generator).half()
    return Examples(inputs, labels, marks, ((101 * STEP_S,),) * n)


def test_events_are_counted_against_the_words():
    examples = tiny_examples()
    logits = torch.full((4, 250, 1), -9.0)
    logits[:3, 102] = 3.0  # three of four words
    logits[0, 30:32] = 1.0  # and a lower false one
    result = find(logits, examples, max_false_per_h=0.0)
    assert (result.counts.n_hits, result.counts.n_misses, result.counts.n_false_accepts) == (3, 1, 0)
    assert 1 / (1 + np.exp(-1.0)) < result.threshold <= 1 / (1 + np.exp(-3.0))


def test_always_no_has_the_accuracy_of_the_zeros_and_a_small_loss():
    examples = tiny_examples()
    share = 9 / 250
    assert float(examples.labels.mean()) == pytest.approx(share)
    always_no = torch.full((4, 250, 1), float(np.log(share / (1 - share))))
    entropy = -share * np.log(share) - (1 - share) * np.log(1 - share)
    assert float(unweighted(always_no, examples)) == pytest.approx(entropy, rel=1e-5)
    assert entropy < 0.16


def test_batches_pass_over_all_examples_and_repeat_by_seed():
    examples = tiny_examples(5)
    first, second = batches(examples, 2, 1), batches(examples, 2, 1)
    seen = [next(first) for _ in range(4)]
    assert all(torch.equal(a.inputs, next(second).inputs) for a in seen)
    assert all(batch.inputs.shape == (2, 1000, 40) and batch.inputs.dtype == torch.float32 for batch in seen)


def test_early_stopping_keeps_the_best_look_before_its_patience_ends():
    losses = [0.9, 0.5, 0.6, 0.7, 0.4, 0.6, 0.6, 0.3]
    assert [early_stop(losses, patience) for patience in (1, 2, 3, 4)] == [1, 1, 7, 7]
    assert early_stop([0.5, 0.5, 0.5], 2) == 0


def test_the_running_mean_starts_without_bias():
    assert smoothed([2.0, 2.0, 2.0]) == pytest.approx([2.0] * 3)
    assert smoothed([0.0, 1.0], 0.5) == pytest.approx([0.0, 2 / 3])


def test_the_network_of_the_runs_steps_by_40_ms():
    assert small_network(1).step_frames * 160 == round(STEP_S * 16_000) and SMALL.n_layers == 1


def test_dev_needs_clips_and_a_model(capsys):
    with pytest.raises(SystemExit) as error:
        parse(["dev"])
    assert error.value.code == 2
    assert "dev needs --clips and --model" in capsys.readouterr().err


def test_examples_draw_from_the_folders_and_missing_ones_are_named(tmp_path):
    for kind, seconds in (("activates", 0.5), ("negatives", 0.25)):
        (tmp_path / kind).mkdir()
        write_audio(tmp_path / kind / "1.wav", np.zeros(round(16_000 * seconds), np.float32))
    rng = np.random.default_rng(0)
    drawn = [drawn_clips_ms(tmp_path, rng) for _ in range(200)]
    assert {(clips.count(500), clips.count(250)) for clips in drawn} == {(a, n) for a in range(5) for n in range(3)}
    with pytest.raises(DataError, match="no such folder"):
        drawn_clips_ms(tmp_path / "nowhere", rng)
