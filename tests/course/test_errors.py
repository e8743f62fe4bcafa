"""Errors that docstrings promise are asked for, and no others."""

import re

import numpy as np
import pytest

from minivit.course.errors import promised, refused_calls
from minivit.course.exercises import EXERCISES
from minivit.course.trial import our_answer

TASKS = {task.name: task for exercise in EXERCISES.values() for task in exercise.tasks}
PROMISED = {
    "additive_attention_forward": ["ValueError", "TypeError"],
    "gru_forward": ["ValueError"],
    "cross_entropy_forward": ["ValueError", "TypeError"],
    "attention_forward": ["ValueError", "TypeError"],
    "linear_forward": ["ValueError"],
    "split_heads_forward": ["ValueError"],
    "patchify_forward": ["ValueError"],
    "prepend_token_forward": ["ValueError"],
    "add_positions_forward": ["ValueError"],
    "mean_pool_forward": ["ValueError"],
    "first_token_forward": ["ValueError"],
    "num_tokens": ["ValueError"],
    "window_attention_entries": ["ValueError"],
    "conv_params": ["ValueError"],
    "window_partition_forward": ["ValueError"],
    "window_reverse_forward": ["ValueError"],
    "relative_position_bias_forward": ["ValueError"],
    "dft_matrix": ["ValueError"],
    "dft": ["ValueError"],
    "get_window": ["ValueError"],
    "frame_forward": ["ValueError"],
    "overlap_add_forward": ["ValueError"],
    "stft_forward": ["ValueError"],
    "istft_forward": ["ValueError"],
    "hz_to_mel": ["ValueError", "TypeError"],
    "mel_to_hz": ["ValueError", "TypeError"],
    "triangular_filters": ["ValueError"],
    "mel_filterbank": ["ValueError"],
    "log_floor_forward": ["ValueError"],
    "delta_forward": ["ValueError"],
    "other_frames": ["ValueError", "TypeError"],
    "future_logits_forward": ["ValueError", "TypeError"],
    "binary_cross_entropy_forward": ["ValueError"],
    "batch_norm_forward": ["ValueError"],
    "running_averages": ["ValueError"],
    "fixed_scale_and_shift": ["ValueError"],
    "resize_matrix": ["ValueError"],
    "resize_forward": ["ValueError"],
    "resample_abs_pos_embed": ["ValueError"],
    "one_hot": ["TypeError", "ValueError"],
    "smoothed": ["ValueError"],
    "mixup": ["ValueError"],
    "cutmix": ["ValueError"],
    "mix": ["ValueError"],
    "distillation_forward": ["ValueError"],
    "label_weights": ["ValueError", "TypeError"],
    "taught_forward": ["ValueError"],
    "concatenation_mean_forward": ["ValueError"],
    "dot_product_mean_forward": ["ValueError"],
    "local_attention_forward": ["ValueError"],
    "relative_logits_forward": ["ValueError", "TypeError"],
    "spatial_gating_forward": ["ValueError"],
    "shift_channels_forward": ["ValueError", "TypeError"],
    "matching_cost": ["ValueError"],
    "match": ["ValueError"],
    "matched_boxes_forward": ["ValueError"],
    "box_iou_forward": ["ValueError"],
    "giou_forward": ["ValueError"],
    "scaled_similarities_forward": ["ValueError"],
    "symmetric_cross_entropy_forward": ["ValueError"],
    "pixel_shuffle_forward": ["ValueError"],
    "charbonnier_forward": ["ValueError"],
}


def test_what_stands_under_raises():
    assert {name: promised(task) for name, task in TASKS.items() if promised(task)} == PROMISED


ASKED = {
    "cross_entropy_forward": {
        "targets with -1 in it": "ValueError",
        "targets with a number that is too large": "ValueError",
        "targets of bool": "TypeError",
        "label_smoothing=1.5": "ValueError",
        "label_smoothing=-0.5": "ValueError",
        "no rows": "ValueError",
    },
    "attention_forward": {"mask of integers": "TypeError", "k whose last axis is too long": "ValueError"},
    "split_heads_forward": {"x whose last axis is too long": "ValueError", "num_heads=0": "ValueError"},
    "patchify_forward": {"x whose axis 1 is too long": "ValueError"},
    "linear_forward": {
        "bias whose last axis is too long": "ValueError",
        "x whose last axis is twice as long": "ValueError",
        "bias whose last axis has length 1": "ValueError",
    },
    "prepend_token_forward": {"token whose last axis has length 1": "ValueError"},
    "add_positions_forward": {"positions whose axis 0 has length 1": "ValueError"},
    "window_reverse_forward": {
        "x whose axis 1 is too long": "ValueError",
        "x whose axis 2 is too long": "ValueError",
        "the axes 1 and 2 of x exchanged": "ValueError",
    },
    "relative_position_bias_forward": {"table whose axis 0 is twice as long": "ValueError"},
    "dft_matrix": {"N=0": "ValueError"},
    "get_window": {"window='no_such_name'": "ValueError", "window whose last axis is too long": "ValueError"},
    "frame_forward": {"y whose last axis is empty": "ValueError"},
    "stft_forward": {"y whose last axis is empty": "ValueError", "pad_mode='no_such_name'": "ValueError"},
    "istft_forward": {"stft_matrix whose axis 1 is too long": "ValueError", "window='no_such_name'": "ValueError"},
    "hz_to_mel": {
        "frequencies=-0.5": "ValueError",
        "frequencies with -1 in it": "ValueError",
        "frequencies with nan in it": "ValueError",
    },
    "mel_to_hz": {"mels=-0.5": "ValueError", "mels with nan in it": "ValueError"},
    "triangular_filters": {
        "edges whose last axis is too long": "ValueError",
        "edges whose first two are equal": "ValueError",
    },
    "mel_filterbank": {
        "norm='no_such_name'": "ValueError",
        "triangles='no_such_name'": "ValueError",
        "sr=-0.5": "ValueError",
        "fmin=-0.5": "ValueError",
        "fmax=1.5": "ValueError",
    },
    "delta_forward": {"width=1": "ValueError", "width=6": "ValueError", "mode='no_such_name'": "ValueError"},
    "batch_norm_forward": {"no rows": "ValueError", "eps=-0.5": "ValueError"},
    "running_averages": {"count=1": "ValueError", "momentum=1.5": "ValueError"},
    "resize_matrix": {"new=0": "ValueError", "mode='no_such_name'": "ValueError", "antialias=True": "ValueError"},
    "resample_abs_pos_embed": {
        "posemb whose axis 1 is too long": "ValueError",
        "new_size=0": "ValueError",
        "num_prefix_tokens=-3": "ValueError",
        "interpolation='no_such_name'": "ValueError",
    },
    "cutmix": {"targets whose axis 0 is too long": "ValueError", "images whose axis 1 is empty": "ValueError"},
    "distillation_forward": {
        "temperature=0.0": "ValueError",
        "temperature=inf": "ValueError",
        "temperature=nan": "ValueError",
        "no rows": "ValueError",
    },
    "concatenation_mean_forward": {
        "vector whose last axis is too long": "ValueError",
        "k whose last axis is too long": "ValueError",
    },
    "local_attention_forward": {
        "q whose axis 1 is too long": "ValueError",
        "relative whose axis 1 is too long": "ValueError",
        "bias whose last axis is too long": "ValueError",
    },
    "relative_logits_forward": {
        "q whose axis 1 is too long": "ValueError",
        "row_index with -1 in it": "ValueError",
        "column_index with a number that is too large": "ValueError",
        "row_index of bool": "TypeError",
    },
    "spatial_gating_forward": {
        "v whose last axis has length 1": "ValueError",
        "weight whose axis 0 is too long": "ValueError",
        "bias whose last axis has length 1": "ValueError",
    },
    "shift_channels_forward": {
        "x whose last axis is too long": "ValueError",
        "offsets whose axis 0 has length 1": "ValueError",
        "offsets of bool": "TypeError",
    },
    "taught_forward": {"alpha=1.5": "ValueError", "temperature=0.0": "ValueError"},
    "future_logits_forward": {
        "distractors with -1 in it": "ValueError",
        "distractors of bool": "TypeError",
    },
}


@pytest.mark.parametrize("name", ASKED)
def test_calls_that_must_fail(name):
    """Each with what ours says of it."""
    calls = {
        wrong.words: (wrong.kinds[0], ours) for wrong, ours in refused_calls(TASKS[name], np.random.default_rng(0))
    }
    for words, kind in ASKED[name].items():
        assert calls[words][0] == kind
        assert calls[words][1]


def test_the_first_number_beyond_the_last_is_refused_and_nan_where_the_docstring_says_so():
    rng = np.random.default_rng(0)
    assert any(
        re.fullmatch(r"drawn with \d+ in it", wrong.words) for wrong, _ in refused_calls(TASKS["other_frames"], rng)
    )
    words = {wrong.words for wrong, _ in refused_calls(TASKS["triangular_filters"], rng)}
    assert "edges with nan in it" not in words  # who asks for a difference of 0 or less lets it through


def test_what_is_not_finite_is_refused_where_the_docstring_says_so():
    words = {wrong.words for wrong, _ in refused_calls(TASKS["batch_norm_forward"], np.random.default_rng(0))}
    assert "eps=-0.5" in words
    assert words.isdisjoint({"eps=inf", "eps=nan"})


def test_a_number_in_a_named_tuple_is_changed_in_one():
    words = {wrong.words: wrong for wrong, _ in refused_calls(TASKS["cutmix"], np.random.default_rng(0))}
    negative = [wrong for text, wrong in words.items() if text.startswith("box=Box(top=-")]
    assert negative
    assert all(wrong.args[2].top < 0 for wrong in negative)


def test_each_of_several_calls_that_draw_draws_the_same():
    """What the reference refuses after a draw, a solution refuses, too."""
    for wrong, _ in refused_calls(TASKS["mix"], np.random.default_rng(0)):
        for _ in range(2):
            with pytest.raises((ValueError, TypeError)):
                our_answer(TASKS["mix"], wrong.args, wrong.kwargs)


def test_what_would_do_no_harm_is_not_asked_for():
    """Of an empty axis everything can be computed, save a mean over it."""
    words = {wrong.words for wrong, _ in refused_calls(TASKS["attention_forward"], np.random.default_rng(0))}
    assert "v whose last axis is too long" not in words  # a width of its own
    assert "v whose last axis is empty" not in words
    assert "k whose axis 2 is empty" in words
    words = {wrong.words for wrong, _ in refused_calls(TASKS["mix"], np.random.default_rng(0))}
    assert "inputs whose last axis is empty" not in words  # which cutmix refuses, if mix calls it
    assert "inputs whose axis 1 is empty" not in words  # of which NumPy draws no row
    words = {wrong.words for wrong, _ in refused_calls(TASKS["mean_pool_forward"], np.random.default_rng(0))}
    assert any("empty" in word for word in words)
