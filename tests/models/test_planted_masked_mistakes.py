"""Mistakes in masked prediction, planted into the text of the model and of its task: each is caught."""

from collections.abc import Callable
from functools import partial

import pytest

from tests.models import test_masked_vit as of_model
from tests.planted import Mistake, must_be_caught
from tests.tasks import test_masked_prediction as of_task

MODEL, TASK = "models.masked_vit", "tasks.masked_prediction"
GRADIENTS = partial(of_model.test_gradients, {})
MISTAKES = {
    "the mask token's gradient lost": Mistake(
        MODEL, "add_grad(dtable[0].copy())", "add_grad(0 * dtable[0])", GRADIENTS),
    "the first patch's gradient for the mask token's": Mistake(
        MODEL, "dtable[0].copy()", "dtable[1].copy()", GRADIENTS),
    "gradients of the patches before": Mistake(MODEL, "dtable[1:].reshape", "dtable[:-1].reshape", GRADIENTS),
    "patches of the first image for all": Mistake(
        MODEL, "1 + N * np.arange(B,", "1 + 0 * np.arange(B,", of_model.test_of_what_it_is_shown_it_is_a_vit),
    "the mask token is the first patch": Mistake(
        MODEL, "1 + N * np.arange(B,", "N * np.arange(B,", of_model.test_of_what_it_is_shown_it_is_a_vit),
    "the first patch, where there should be the mask token": Mistake(
        MODEL, "np.where(shown == MASK, 0,", "np.where(shown == MASK, 1,",
        of_model.test_the_gradient_of_the_mask_token_is_that_of_all_hidden_places),
    "a token for each place that is masked, and none left or exchanged": Mistake(
        TASK, "np.where(fate < 0.8,", "np.where(fate < 1.0,", of_task.test_how_patches_are_hidden),
    "never another patch": Mistake(
        TASK, "np.where(fate < 0.9,", "np.where(fate < 0.8,", of_task.test_how_patches_are_hidden),
    "the same patch as another one": Mistake(
        TASK, "rng.integers(1, max(N, 2), (B, N))", "rng.integers(0, 2, (B, N))", of_task.test_how_patches_are_hidden),
    "half of all patches of the batch, not of each image": Mistake(
        TASK, ".argsort(axis=1).argsort(axis=1)", ".argsort(axis=0).argsort(axis=0)",
        of_task.test_how_patches_are_hidden),
    "what is shown is asked for, too": Mistake(
        TASK, "said, true = outputs[asked], answers[asked]",
        "said, true = outputs.reshape(-1, outputs.shape[-1]), answers.reshape(-1, *answers.shape[2:])",
        of_task.test_only_what_is_asked_for_counts),
    "pixels of the image as it is": Mistake(
        TASK, "patchify_forward(images, patch_size", "patchify_forward(1.0 * pixels, patch_size",
        of_task.test_what_is_asked),
    "the code of the mean, from means of codes": Mistake(
        TASK, "color_codes(tiles.mean((2, 3)))", "color_codes(tiles).mean((2, 3))", of_task.test_what_is_asked),
    "a sum over images": Mistake(
        TASK, "int(targets.asked.sum())", "len(targets.asked)",
        of_task.test_the_loss_is_a_mean_over_what_is_asked_for),
}  # fmt: skip


@pytest.mark.parametrize("what", MISTAKES)
def test_a_mistake_is_caught(what: str, monkeypatch: pytest.MonkeyPatch) -> None:
    must_be_caught(MISTAKES[what], monkeypatch)


@pytest.mark.parametrize("check", dict.fromkeys(mistake.caught_by for mistake in MISTAKES.values()))
def test_without_a_mistake_nothing_is_caught(check: Callable[[], None]) -> None:
    check()
