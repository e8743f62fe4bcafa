"""The largest batch: it fits, and one sample more does not."""

from typing import Any

import pytest

import minivit as mv
from minivit.cost.budget import bytes_of, largest
from minivit.models import Transformer, ViT
from tests.sampled import REST

VIT = ViT(img_size=(8, 12), patch_size=4, embed_dim=8, depth=1, num_heads=2, num_classes=5)
TRANSFORMER = Transformer(vocab_size=11, embed_dim=8, encoder_depth=1, decoder_depth=1, num_heads=2)


@REST
@pytest.mark.parametrize(
    ("model", "budget", "options"),
    [
        (VIT, 70_000, {"recompute": "blocks", "optimizer": "sgd"}),
        (VIT, "0.3MB", {"threads": 3, "img_size": (8, 4)}),
        (TRANSFORMER, 50_000, {"length": 3}),
    ],
)
def test_it_fits_and_one_more_does_not(model, budget: int | str, options: dict[str, Any]) -> None:
    found = mv.cost.largest_batch(model, budget, **options)
    size = bytes_of(budget) if isinstance(budget, str) else budget
    for batch, peak, figure in (
        (found.in_shards, found.peak_in_shards, "peak_training_bytes"),
        (found.at_once, found.peak_at_once, "peak_whole_batch_bytes"),
    ):
        fits, more = (getattr(mv.cost.estimate(model, batch=n, **options), figure) for n in (batch, batch + 1))
        assert fits == peak <= size < more


@REST
def test_a_preset() -> None:
    """The docstring's number, which is also on the page about costs."""
    fits, more = (mv.cost.estimate("vit_base_patch16_224", batch=batch).peak_whole_batch_bytes for batch in (105, 106))
    assert fits <= 2**34 < more


def test_peaks_grow_with_the_batch() -> None:
    """On which the search rests, but for batches that leave one over; from three shards on, only their rest changes."""
    model = ViT(img_size=4, patch_size=2, embed_dim=4, depth=1, num_heads=2, num_classes=3)
    batches = (1, 2, 3, 15, 16, 31, 32, 47, 48, 63, 64)
    estimates = [mv.cost.estimate(model, batch=batch) for batch in batches]
    for figure in ("peak_training_bytes", "peak_whole_batch_bytes"):
        peaks = [getattr(estimate, figure) for estimate in estimates]
        assert peaks == sorted(set(peaks))


@REST
@pytest.mark.parametrize("more", [-1, 0, 1])
def test_a_shard_of_seventeen_needs_more_than_those_of_a_larger_batch(more: int) -> None:
    """Where a single image is left over. The search ends all the same at one that fits while one more does not."""
    model = ViT(img_size=4, patch_size=2, embed_dim=4, depth=1, num_heads=2, num_classes=3)
    for batch in (17, 33, 49, 81):
        peak = mv.cost.estimate(model, batch=batch).peak_training_bytes
        assert peak > mv.cost.estimate(model, batch=batch + 1).peak_training_bytes
        found = mv.cost.largest_batch(model, peak + more)
        fits, too_many = (
            mv.cost.estimate(model, batch=n).peak_training_bytes for n in (found.in_shards, found.in_shards + 1)
        )
        assert fits == found.peak_in_shards <= peak + more < too_many


def test_what_may_let_a_larger_batch_fit() -> None:
    """With no memory at all, each choice is told with what one sample needs."""
    otherwise = mv.cost.largest_otherwise(VIT, 0, dtype="float64")
    assert [*otherwise] == ["recompute=blocks", "optimizer=sgd", "dtype=float32"]  # 4 x 6 is no whole patches
    for choice, found in otherwise.items():
        name, _, value = choice.partition("=")
        one = mv.cost.estimate(VIT, **{"dtype": "float64", name: value})  # type: ignore[arg-type]
        assert found == (0, 0, one.peak_training_bytes, one.peak_whole_batch_bytes)


def test_half_the_side_and_what_is_chosen_already() -> None:
    frugal = {"recompute": "blocks", "optimizer": "sgd", "img_size": (16, 8)}
    otherwise = mv.cost.largest_otherwise(VIT, 0, **frugal)
    one = mv.cost.estimate(VIT, **{**frugal, "img_size": (8, 4)})  # type: ignore[arg-type]
    assert otherwise == {"img_size=8x4": (0, 0, one.peak_training_bytes, one.peak_whole_batch_bytes)}  # no dtype
    assert "img_size=16x16" in mv.cost.largest_otherwise("vit_micro_patch4_32", 0, depth=1)
    assert [*mv.cost.largest_otherwise(TRANSFORMER, 0)] == ["recompute=blocks", "optimizer=sgd"]


def test_where_not_even_one_fits() -> None:
    needed = mv.cost.estimate(VIT).peak_training_bytes
    assert mv.cost.largest_batch(VIT, needed).in_shards == 1
    says = (
        rf"a training step of ViT with a single sample takes {needed:,} bytes \(0.0 MiB\), more than .* {needed - 1:,}"
    )
    with pytest.raises(ValueError, match=says):
        mv.cost.largest_batch(VIT, needed - 1)
    at_once = mv.cost.estimate(VIT).peak_whole_batch_bytes
    if at_once > needed:
        assert mv.cost.largest_batch(VIT, needed)[1:] == (0, needed, at_once)


@pytest.mark.parametrize(
    ("text", "size"),
    [
        ("7B", 7),
        ("16kB", 16_000),
        ("2 MB", 2_000_000),
        ("16GB", 16 * 10**9),
        ("1KiB", 1024),
        ("0.5MiB", 2**19),
        ("16GiB", 2**34),
        ("0.0001KiB", 0),
        ("1.1GiB", 1181116006),
    ],
)
def test_sizes_of_memory(text: str, size: int) -> None:
    assert bytes_of(text) == size


@pytest.mark.parametrize(
    "text", ["", "16", "GiB", "16Gb", "16gib", "16KB", "16TiB", "-1GiB", "1e3MB", "nanGB", "١GiB", "1 GiB "]
)
def test_what_is_no_size(text: str) -> None:
    with pytest.raises(
        ValueError, match=r"is no size of memory; expected a number and one of B, kB, .*GiB, as in 16GiB"
    ):
        bytes_of(text)


def test_the_batch_is_no_option() -> None:
    for find in (mv.cost.largest_batch, mv.cost.largest_otherwise):
        with pytest.raises(TypeError, match=r"^the batch is what is looked for; leave it out$"):
            find(VIT, "1GiB", batch=3)


@pytest.mark.parametrize("budget", [-1, 2**50 + 1, "9999999GiB"])
def test_budgets_out_of_range(budget: int | str) -> None:
    with pytest.raises(ValueError, match=r"budget is .*; expected at least 0 and at most 1125899906842624"):
        mv.cost.largest_batch(VIT, budget)


def test_the_search() -> None:
    """Exact for whatever grows, and few calls where it is straight, or made of straight pieces."""
    asked: list[int] = []

    def seen(needs):
        def ask(n: int) -> int:
            asked.append(n)
            return needs(n)

        return ask

    for needs, most in (
        (lambda n: 10 + 3 * n, 5),
        (lambda n: max(5000 + n, 100 + 40 * n), 8),
        (lambda n: min(100 + 149 * n, 7000 + 3 * n), 8),
        (lambda n: n**2, 25),
    ):
        for budget in (0, 13, 14, 148, 5_001, 5_002, 10**5, 10**9):
            asked.clear()
            n, need = largest(needs(1), seen(needs), budget, (48, 64))
            assert need == needs(max(n, 1))
            assert n == 0 or needs(n) <= budget
            assert needs(n + 1) > budget
            assert len(asked) <= most
