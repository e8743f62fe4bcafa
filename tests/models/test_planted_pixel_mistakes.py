"""Mistakes in a model of pixels that no gradient shows, planted into the text of a module: each is caught."""

from collections.abc import Callable

import pytest

from tests.models import test_image_gpt as of_model
from tests.ops import test_color_clusters as of_clusters
from tests.planted import Mistake, must_be_caught
from tests.tasks import test_next_pixel as of_task

BLOCK, MODEL, TASK, CLUSTERS = "layers.gpt_block", "models.image_gpt", "tasks.next_pixel", "ops.color_clusters"


def dense_sees_nothing_later() -> None:
    of_model.test_no_pixel_sees_itself_or_what_comes_later(None)


def chunked_sees_nothing_later() -> None:
    of_model.test_no_pixel_sees_itself_or_what_comes_later(4)


def keeps() -> None:
    of_model.test_kept_keys_and_values_give_the_same_logits(None, 2)


def shares() -> None:
    of_model.test_the_first_pixel_is_drawn_with_the_probabilities_of_the_model()


MISTAKES = {
    "a mask that lets a pixel see itself": Mistake(
        BLOCK, "np.tri(N, S, S - N,", "np.tri(N, S, S - N + 1,", dense_sees_nothing_later),
    "a mask that hides the pixel before": Mistake(
        BLOCK, "np.tri(N, S, S - N,", "np.tri(N, S, S - N - 1,", of_model.test_chunked_attention_is_the_same),
    "no mask in chunks": Mistake(BLOCK, "causal=True", "causal=False", chunked_sees_nothing_later),
    "the past behind what is new": Mistake(
        BLOCK, "((past.attention.k, k), (past.attention.v, v))", "((k, past.attention.k), (v, past.attention.v))",
        keeps),
    "the first place again for each pixel": Mistake(
        MODEL, "np.arange(first, first + N, like=tokens)", "np.arange(N, like=tokens)", keeps),
    "colours cut off at the other side": Mistake(MODEL, "<= rng.random", ">= rng.random", shares),
    "multiplied by the temperature": Mistake(MODEL, "/ temperature", "* temperature", of_model.test_drawing),
    "features of the last place": Mistake(
        MODEL, ".xhat.mean(1)", ".xhat[:, -1]", of_model.test_features_are_means_over_places),
    "shift of the inputs forgotten": Mistake(
        TASK, "return self.model.inputs_of(codes), codes", "return codes, codes",
        of_task.test_each_place_is_asked_for_its_own_pixel_and_shown_those_before),
    "inputs and targets both shifted": Mistake(
        TASK, "return self.model.inputs_of(codes), codes", "return (self.model.inputs_of(codes),) * 2",
        of_task.test_each_place_is_asked_for_its_own_pixel_and_shown_those_before),
    "a sum over pixels": Mistake(
        TASK, "return loss, NextPixelCache", "return loss * len(targets), NextPixelCache",
        of_task.test_the_loss_is_that_of_the_formula),
    "bits for nats": Mistake(TASK, "import log,", "import log2 as log,", of_task.test_the_loss_is_that_of_the_formula),
    "each colour counted once": Mistake(
        CLUSTERS, "times.astype(np.float64)", "np.ones(len(times))",
        of_clusters.test_each_cluster_is_the_mean_of_what_is_nearest_to_it),
    "the farthest cluster": Mistake(
        CLUSTERS, ".argmin(1)", ".argmax(1)",
        lambda: of_clusters.test_of_equally_near_clusters_the_first_is_taken()),
}  # fmt: skip


@pytest.mark.parametrize("what", MISTAKES)
def test_a_mistake_is_caught(what: str, monkeypatch: pytest.MonkeyPatch) -> None:
    must_be_caught(MISTAKES[what], monkeypatch)


@pytest.mark.parametrize("check", dict.fromkeys(mistake.caught_by for mistake in MISTAKES.values()))
def test_without_a_mistake_nothing_is_caught(check: Callable[[], None]) -> None:
    check()
