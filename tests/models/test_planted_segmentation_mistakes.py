"""Mistakes in decoders of segmentation, their task and scores, planted into the text of a module: each is caught."""

from collections.abc import Callable
from functools import partial

import pytest

from tests import test_parity_segmentation as parity
from tests.ops import test_confusion as of_scores
from tests.planted import Mistake, must_be_caught
from tests.tasks import test_segment as of_task


def like(name: str) -> Callable[[], None]:
    return partial(parity.test_transformers, name, False)


HEAD, MODEL, WINDOWS, LINEAR = "layers.upernet_head", "models.upernet", "layers.swin_stage", "layers.linear_decoder"
TASK, SCORES = "tasks.segment", "ops.confusion"
UPERNET, SMALL, TRAINED, SEGFORMER = map(like, ("hf_upernet", "hf_upernet_small", "hf_upernet_train", "hf_segformer"))
MISTAKES = {
    "a branch of the pyramid pooling without its gradient": Mistake(
        HEAD, "(self.psp_modules, dpooled, cache.psp_modules)",
        "(self.psp_modules[1:], dpooled[1:], cache.psp_modules[1:])", UPERNET),
    "pooled maps in front of the map": Mistake(
        HEAD, "np.concatenate((last, *pooled), axis=-1)",
        "np.concatenate((*pooled, last), axis=-1)", UPERNET),
    "corners of pooled maps held to those of the map": Mistake(
        HEAD, "resize_forward(h, size=x.shape[1:3])",
        "resize_forward(h, size=x.shape[1:3], align_corners=True)", UPERNET),
    "nothing comes down from the map above": Mistake(
        HEAD, "lateral + above", "lateral", UPERNET),
    "nothing goes back up to the map above": Mistake(
        HEAD, "dlaterals[i + 1] + above", "dlaterals[i + 1]", UPERNET),
    "nothing goes back up to the coarsest map": Mistake(HEAD, "dtop + above", "dtop", UPERNET),
    "the laterals convolved, not what came down to them": Mistake(
        HEAD, "(self.fpn_convs, tops[:-1])", "(self.fpn_convs, laterals)", UPERNET),
    "maps from the coarsest to the finest": Mistake(
        HEAD, "np.concatenate(h, axis=-1)", "np.concatenate(h[::-1], axis=-1)", UPERNET),
    "windows that never move": Mistake(WINDOWS, "(M // 2, L // 2)", "(0, 0)", UPERNET),
    "no moving where one window holds a map": Mistake(
        WINDOWS, "(M // 2, L // 2)", "(M // 2, L // 2) if min(map_size) > M else (0, 0)", SMALL),
    "the decoder's gradient lost beside the other head's": Mistake(
        MODEL, "dmaps[-2] + self.auxiliary_head", "self.auxiliary_head", TRAINED),
    "maps as they come, not normalised": Mistake(
        MODEL, "maps, c_norms = run_beside", "_, c_norms = run_beside", UPERNET),
    "a map's gradient forgotten where it went on": Mistake(
        "layers.sequence", "layer.backward(dy + dx, cache)", "layer.backward(dy, cache)",
        SEGFORMER),
    "SegFormer's finest map first": Mistake(
        LINEAR, "np.concatenate(h[::-1], axis=-1)", "np.concatenate(h, axis=-1)", SEGFORMER),
    "gradients of SegFormer's maps in the other order": Mistake(
        LINEAR, "axis=-1)[::-1]", "axis=-1)", SEGFORMER),
    "a mean over all pixels": Mistake(
        TASK, "weight * of_head",
        "weight * of_head * counted.mean()", of_task.the_loss_is_a_mean_over_pixels_that_count),
    "a mean over images": Mistake(
        TASK, "int((targets != IGNORED).sum())", "len(targets)",
        of_task.the_loss_is_a_mean_over_pixels_that_count),
    "pixels that do not count have a gradient": Mistake(
        TASK, "np.zeros_like(dcounted,", "np.ones_like(dcounted,",
        of_task.the_loss_is_a_mean_over_pixels_that_count),
    "both heads alike": Mistake(
        TASK, "weight * of_head", "of_head", of_task.the_second_head_counts_for_two_fifths),
    "both heads alike on the way back": Mistake(TASK, "dloss * weight", "dloss", TRAINED),
    "logits made smaller by leaving pixels out": Mistake(
        TASK, "resize_backward(dlogits, c_resize).x",
        "dlogits[:, :: 2, :: 2][:, : len(c_resize.rows.T), : len(c_resize.columns.T)]", SEGFORMER),
    "the image moved, and not its map": Mistake(
        TASK, "moved[..., -1] + np.uint8(IGNORED)", "maps", of_task.a_map_moves_as_its_image_does),
    "background comes in from outside": Mistake(
        TASK, "maps[..., None] - np.uint8(IGNORED)", "maps[..., None] + np.uint8(IGNORED)",
        of_task.a_map_moves_as_its_image_does),
    "the score of the other head": Mistake(
        TASK, "logits, *_ = heads_of", "*_, logits = heads_of",
        of_task.the_score_is_of_all_images_together),
    "rows for columns": Mistake(
        SCORES, "rows * num_classes + columns", "columns * num_classes + rows",
        of_scores.test_counts_are_of_what_is_true_in_rows),
    "what is in both counted twice": Mistake(
        SCORES, "confusion.sum(1) - both", "confusion.sum(1)",
        of_scores.test_overlaps_are_those_of_sets_of_pixels),
    "a class that is nowhere is found nowhere": Mistake(
        SCORES, "np.nan)", "0.0)", of_scores.test_overlaps_are_those_of_sets_of_pixels),
    "objects for the background": Mistake(
        SCORES, "0 if background else 1", "1 if background else 0",
        of_scores.test_overlaps_are_those_of_sets_of_pixels),
}  # fmt: skip


@pytest.mark.parametrize("what", MISTAKES)
def test_a_mistake_is_caught(what: str, monkeypatch: pytest.MonkeyPatch) -> None:
    must_be_caught(MISTAKES[what], monkeypatch)


@pytest.mark.parametrize("check", dict.fromkeys(mistake.caught_by for mistake in MISTAKES.values()))
def test_without_a_mistake_nothing_is_caught(check: Callable[[], None]) -> None:
    check()
