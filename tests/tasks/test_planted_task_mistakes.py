"""Mistakes in what models of scenes are trained for, and of restoration, planted into the text: each is caught."""

from collections.abc import Callable
from functools import partial

import pytest

from tests import test_parity_detr as parity
from tests.planted import Mistake, must_be_caught
from tests.tasks import test_detect as of_detect
from tests.tasks import test_match as of_match
from tests.tasks import test_prompt as of_prompt
from tests.tasks import test_restoration as of_restoration
from tests.unchecked import without_annotations

DETECT, PROMPT, MATCH, RESTORE = "tasks.detect", "tasks.prompt", "tasks.match", "tasks.restoration"
GRADIENT = partial(of_prompt.test_gradient, False, (5, 7), False)
MISTAKES = {
    "no object weighs as much as an object": Mistake(
        DETECT, "np.full(logits.shape[:3], self.no_object_weight, logits.dtype)",
        "np.ones(logits.shape[:3], logits.dtype)",
        parity.test_the_loss),
    "the matching of the first block for all": Mistake(
        DETECT, "match(np.nan_to_num(cost))", "match(np.nan_to_num(costs[0]))",
        of_detect.test_each_block_is_matched_anew),
    "objects of each image counted from 0": Mistake(
        DETECT, "rows, columns + before", "rows, columns", parity.test_the_loss),
    "a mean over blocks": Mistake(
        DETECT, "return losses * blocks,", "return losses,",
        of_detect.test_images_without_objects_have_a_loss_of_classes_alone),
    "a mean over blocks on the way back": Mistake(
        DETECT, "np.asarray(dloss) * blocks", "np.asarray(dloss)", parity.test_the_loss),
    "images mirrored and boxes not": Mistake(
        DETECT, "mirror(its) if flip else its", "its", of_detect.test_boxes_are_mirrored_with_their_images),
    "objects counted for which there is no query": Mistake(
        DETECT, "min(len(labels), self.num_queries)", "len(labels)", of_detect.test_more_objects_than_queries),
    "queries of one image for all": Mistake(
        DETECT, "len(targets.labels) * self.num_queries - matched", "self.num_queries - matched",
        of_detect.test_more_objects_than_queries),
    "what the first block says": Mistake(
        DETECT, "softmax_forward(outputs.logits[:, -1])", "softmax_forward(outputs.logits[:, 0])",
        of_detect.test_the_score_of_boxes_that_are_right),
    "no object is a class": Mistake(
        DETECT, "probabilities[..., :-1]", "probabilities", of_detect.test_the_score_of_boxes_that_are_right),
    "the far corner for the size": Mistake(
        DETECT, "(first + second) / 2, second - first", "(first + second) / 2, second",
        of_detect.test_boxes_are_mirrored_with_their_images),
    "sides exchanged": Mistake(
        DETECT, "np.array((X, Y, X, Y), images.dtype)", "np.array((Y, X, Y, X), images.dtype)",
        of_detect.test_boxes_are_shares_of_the_sides),
    "gradients of the last block in the first": Mistake(
        DETECT, "doutputs.boxes[:, -1:]", "doutputs.boxes[:, :1]",
        of_detect.test_without_auxiliary_losses_the_last_block_alone_has_one),
    "the matching by classes alone": Mistake(
        DETECT, "boxes.astype(probs.dtype),", "0 * boxes.astype(probs.dtype) + 0.5,",
        of_detect.test_where_classes_are_alike_boxes_decide_and_the_other_way_round),
    "the best is what the model says is best": Mistake(
        PROMPT, "best = losses.argmin(1)", "best = np.where(some, outputs.iou_scores[b, p], -np.inf).argmax(1)",
        of_prompt.test_the_best_mask_alone_learns_and_what_is_best_is_the_loss_not_the_score),
    "prompts that are none have a loss": Mistake(
        PROMPT, "b, p = np.nonzero(targets.valid)\n        if",
        "b, p = np.nonzero(np.ones_like(targets.valid))\n        if",
        of_prompt.test_an_image_without_objects_has_no_say),
    "a mean over all prompts": Mistake(
        PROMPT, "return int(targets.valid.sum())", "return targets.valid.size",
        of_prompt.test_an_image_without_objects_has_no_say),
    "focal loss weighs as much as dice": Mistake(
        PROMPT, "self.focal_weight * focal + dice", "focal + dice", of_prompt.test_the_loss_by_hand),
    "focal loss weighs as much as dice on the way back": Mistake(
        PROMPT, "sigmoid_focal_loss_backward(self.focal_weight * dlosses", "sigmoid_focal_loss_backward(dlosses",
        GRADIENT),
    "every click is on the object": Mistake(
        PROMPT, "POSITIVE if on_it else NEGATIVE", "POSITIVE",
        of_prompt.test_each_click_that_follows_is_a_mistake_of_the_mask_before),
    "the gradient of the chosen masks in the first": Mistake(
        PROMPT, "dmasks[cache.best] = dchosen", "dmasks[cache.best[0], cache.best[1], 0] = dchosen",
        of_prompt.test_the_best_mask_alone_learns_and_what_is_best_is_the_loss_not_the_score),
    "a sum over prompts": Mistake(
        PROMPT, "of_masks.sum() / len(b)", "of_masks.sum()", of_prompt.test_the_loss_is_a_mean_over_prompts),
    "dice lost on the way back": Mistake(
        PROMPT, "dchosen = dchosen + dice_loss_backward(dlosses, cache.dice).logits", "pass", GRADIENT),
    "scores of prompts that are none": Mistake(
        PROMPT, "[1][targets.valid]", "[1].ravel()", of_prompt.test_the_score_goes_by_what_the_model_says),
    "the box of the whole image": Mistake(
        PROMPT, "boxes[b, p] = inexact_box(masks[b, p], rng)", "pass",
        of_prompt.test_a_prompt_in_training_may_be_a_box_around_its_object),
    "the first mask, whatever is said": Mistake(
        PROMPT, "np.where(some, outputs.iou_scores, -np.inf).argmax(-1)",
        "np.zeros_like(outputs.iou_scores[..., 0], int)",
        of_prompt.test_the_score_goes_by_what_the_model_says),
    "images and texts in one direction": Mistake(
        MATCH, "np.mean(retrieval(outputs.image[first], outputs.text[first]))",
        "retrieval(outputs.image[first], outputs.text[first])[0]",
        of_match.test_the_score_counts_both_directions_among_different_captions),
    "the same caption twice": Mistake(
        MATCH, "first = different_captions(targets)", "first = np.arange(len(targets))[:CANDIDATES]",
        of_match.test_the_score_counts_both_directions_among_different_captions),
    "moved in the test, too": Mistake(
        MATCH, "examples.images if rng is None or self.augment is None else self.augment(examples.images, rng)",
        "examples.images if self.augment is None else self.augment(examples.images, rng or np.random.default_rng(0))",
        of_match.test_images_are_moved_in_training_only_and_never_turned_round),
    "the end of a text somewhere else": Mistake(
        MATCH, '"eos_token_id": END', '"eos_token_id": 0', of_match.test_scenes_get_their_captions_as_tokens),
    "turned for the test, too": Mistake(
        RESTORE, "pixels if rng is None else turned(pixels, rng)", "turned(pixels, rng or np.random.default_rng(1))",
        of_restoration.test_rows_that_make_no_pixel_are_cut_off),
    "other noise for each test": Mistake(
        RESTORE, "np.random.default_rng(0) if rng is None else rng", "np.random.default_rng() if rng is None else rng",
        of_restoration.test_the_noise_is_what_was_asked_for_and_the_same_in_every_test),
    "never across": Mistake(
        RESTORE, "if Y == X else pixels", "if Y > X else pixels", of_restoration.test_images_lie_in_all_ways_alike),
    "better is what is left, not what is gone": Mistake(
        RESTORE, "1 - left / was", "left / was",
        of_restoration.test_a_score_says_by_how_many_decibels_a_model_is_better),
    "numbers beyond white count": Mistake(
        RESTORE, "made.clip(0, 1) - images", "made - images",
        of_restoration.test_a_score_says_by_how_many_decibels_a_model_is_better),
    "rows cut off at the other side": Mistake(
        RESTORE, "pixels[:, :rows, :columns]", "pixels[:, -rows:, -columns:]",
        of_restoration.test_rows_that_make_no_pixel_are_cut_off),
    "grey levels cut off, not rounded": Mistake(
        RESTORE, "np.round(255 * images)", "np.floor(255 * images)",
        of_restoration.test_grey_levels_are_rounded_and_end_at_black_and_white),
    "sides after enlarging": Mistake(
        RESTORE, '"img_size": (Y // self.upscale, X // self.upscale)', '"img_size": (Y, X)',
        of_restoration.test_what_a_training_gets_where_nothing_else_is_said),
}  # fmt: skip


@pytest.mark.parametrize("what", MISTAKES)
def test_a_mistake_is_caught(what: str, monkeypatch: pytest.MonkeyPatch) -> None:
    must_be_caught(MISTAKES[what], monkeypatch)


@pytest.mark.parametrize("check", dict.fromkeys(mistake.caught_by for mistake in MISTAKES.values()))
def test_without_a_mistake_nothing_is_caught(check: Callable[[], None]) -> None:
    without_annotations(check)()
