"""Mistakes in a model of pixels that no gradient shows, planted into the text of a module: each is caught."""

from collections.abc import Callable
from importlib import import_module
from typing import Any, NamedTuple

import pytest

from minivit.models import image_gpt
from tests.models import test_image_gpt as of_model
from tests.ops import test_color_clusters as of_clusters
from tests.tasks import test_next_pixel as of_task
from tests.train.test_planted_mistakes import with_mistake


class Mistake(NamedTuple):
    """In which module, what stands there, what in its place; who uses which of its things, and what is to fail then."""

    module: str
    right: str
    wrong: str
    user: Any
    name: str
    caught_by: Callable[[], None]


BLOCK = ("layers.gpt_block", image_gpt, "GPTBlock")
MODEL = ("models.image_gpt", of_model, "ImageGPT")
TASK = ("tasks.next_pixel", of_task, "NextPixel")


def mistake(where: tuple[str, Any, str], right: str, wrong: str, caught_by: Callable[[], None]) -> Mistake:
    module, user, name = where
    return Mistake(module, right, wrong, user, name, caught_by)


def dense_sees_nothing_later() -> None:
    of_model.test_no_pixel_sees_itself_or_what_comes_later(None)


def chunked_sees_nothing_later() -> None:
    of_model.test_no_pixel_sees_itself_or_what_comes_later(4)


def keeps() -> None:
    of_model.test_kept_keys_and_values_give_the_same_logits(None, 2)


def shares() -> None:
    of_model.test_the_first_pixel_is_drawn_with_the_probabilities_of_the_model()


MISTAKES = {
    "a mask that lets a pixel see itself": mistake(
        BLOCK, "np.tri(N, S, S - N,", "np.tri(N, S, S - N + 1,", dense_sees_nothing_later),
    "a mask that hides the pixel before": mistake(
        BLOCK, "np.tri(N, S, S - N,", "np.tri(N, S, S - N - 1,", of_model.test_chunked_attention_is_the_same),
    "no mask in chunks": mistake(BLOCK, "causal=True", "causal=False", chunked_sees_nothing_later),
    "the past behind what is new": mistake(
        BLOCK, "((past.attention.k, k), (past.attention.v, v))", "((k, past.attention.k), (v, past.attention.v))",
        keeps),
    "the first place again for each pixel": mistake(
        MODEL, "np.arange(first, first + N, like=tokens)", "np.arange(N, like=tokens)", keeps),
    "colours cut off at the other side": mistake(MODEL, "<= rng.random", ">= rng.random", shares),
    "multiplied by the temperature": mistake(MODEL, "/ temperature", "* temperature", of_model.test_drawing),
    "features of the last place": mistake(
        MODEL, ".xhat.mean(1)", ".xhat[:, -1]", of_model.test_features_are_means_over_places),
    "shift of the inputs forgotten": mistake(
        TASK, "return self.model.inputs_of(codes), codes", "return codes, codes",
        of_task.test_each_place_is_asked_for_its_own_pixel_and_shown_those_before),
    "inputs and targets both shifted": mistake(
        TASK, "return self.model.inputs_of(codes), codes", "return (self.model.inputs_of(codes),) * 2",
        of_task.test_each_place_is_asked_for_its_own_pixel_and_shown_those_before),
    "a sum over pixels": mistake(
        TASK, "return loss, NextPixelCache", "return loss * len(targets), NextPixelCache",
        of_task.test_the_loss_is_that_of_the_formula),
    "bits for nats": mistake(TASK, "import log,", "import log2 as log,", of_task.test_the_loss_is_that_of_the_formula),
    "each colour counted once": mistake(
        ("ops.color_clusters", of_clusters, "fit_clusters"), "times.astype(np.float64)", "np.ones(len(times))",
        of_clusters.test_each_cluster_is_the_mean_of_what_is_nearest_to_it),
    "the farthest cluster": mistake(
        ("ops.color_clusters", of_clusters, "nearest_clusters"), ".argmin(1)", ".argmax(1)",
        lambda: of_clusters.test_of_equally_near_clusters_the_first_is_taken()),
}  # fmt: skip


@pytest.mark.parametrize("what", MISTAKES)
def test_a_mistake_is_caught(what: str, monkeypatch: pytest.MonkeyPatch) -> None:
    it = MISTAKES[what]
    it.caught_by()  # as it is, there is nothing to be caught
    other = with_mistake(import_module(f"minivit.{it.module}"), it.right, it.wrong)
    monkeypatch.setattr(it.user, it.name, vars(other)[it.name])
    with pytest.raises(AssertionError):
        it.caught_by()
