"""The parts of the benchmarks that need no other library: statistics, costs, and what is recorded."""

# pyright: reportMissingImports=false

import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest

from tests.sampled import REST
from tests.unchecked import without_annotations

BENCHMARKS = Path(__file__).parents[1] / "benchmarks"


@pytest.fixture(autouse=True)
def on_path(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.syspath_prepend(str(BENCHMARKS))


@pytest.mark.parametrize("name", ["run.py", "audio.py"])
def test_help_needs_no_other_library(name: str) -> None:
    program = [sys.executable, "-S", str(BENCHMARKS / name), "--help"]  # -S: no installed packages at all
    assert "TRAINING" not in subprocess.run(program, check=True, capture_output=True, text=True).stdout


def test_spread_leaves_a_tenth_out_at_each_end() -> None:
    from measure import spread

    assert spread([3.0, 1.0, 7.5, 2.0, 11.0, 5.0]) == pytest.approx((1.5, 4.0, 9.25))
    assert spread([2.0]) == (2.0, 2.0, 2.0)


def test_pairs_alternate_and_ratios_are_above_one_where_minivit_is_faster() -> None:
    from measure import alternate, speed_ratios

    order: list[str] = []
    times = alternate(lambda: order.append("a") or 1.0, lambda: order.append("b") or 3.0, 3)
    assert order == ["a", "b", "b", "a", "a", "b"]
    assert speed_ratios(times) == [3.0, 3.0, 3.0]


@pytest.mark.sampled(every=4)
@pytest.mark.parametrize(
    "label", ["vit_micro_patch4_32:avg", "vit_micro_patch4_32:token", "swin_tiny_patch2_32", "mixer_tiny_patch4_32"]
)
@pytest.mark.parametrize("size", [pytest.param(1, marks=REST), 3])
@without_annotations
def test_recorded_products_are_all_there_are(label: str, size: int) -> None:
    from limit import operand_pairs, products_of_shard
    from workload import macs, make_workload

    config = make_workload(label, None).config
    products = products_of_shard(config, size)  # raises where one is missing
    assert sum(product.macs for product in products) == 3 * size * macs(config)
    for product, (a, b) in zip(products, operand_pairs(products), strict=True):
        assert (a.shape, a.strides, b.shape, b.strides) == (*product.inputs[0][:2], *product.inputs[1][:2])
        assert (a @ b).shape == product.output.shape


def test_an_operation_is_recorded_with_its_flops_and_bytes() -> None:
    from recording import Operation, record

    log: list[Operation] = []
    x = record(np.ones((2, 3), np.float32), log)
    x += 1
    _ = x @ np.ones((3, 5), np.float32)
    assert [(op.name, op.flops, op.nbytes) for op in log] == [("add", 6, 48), ("matmul", 60, 24 + 60 + 40)]


@REST
@without_annotations
def test_batches_shrink_with_the_model() -> None:
    from workload import make_workload

    names = ("vit_tiny_patch4_32", "vit_small_patch16_224", "vit_base_patch16_224", "vit_gigantic_patch14_224")
    sizes = [make_workload(name, None).batch_size for name in names]
    assert sizes[0] == 128
    assert sizes == sorted(sizes, reverse=True)
    assert sizes[-1] == 1


def test_an_error_in_a_fresh_process_is_told() -> None:
    from measure import ChildError, in_child

    assert in_child("machine.cores_available", cores=1) == 1 if sys.platform == "linux" else True
    with pytest.raises(ChildError, match="no attribute"):
        in_child("machine.nothing")


@REST
def test_a_worker_times_its_own_process_and_says_when_it_has_ended(capfd: pytest.CaptureFixture[str]) -> None:
    from measure import ChildError, Worker

    arguments = {"library": "minivit", "config": SMALL, "batch_size": 2, "threads": 1}
    with Worker("alone.build", **arguments) as step:
        assert 0 < step() < 60
    with pytest.raises(ChildError, match="exit code 1"):
        Worker("alone.build", **{**arguments, "batch_size": 0})
    assert "0 inputs" in capfd.readouterr().err


SMALL = {
    "family": "ViT",
    "img_size": 8,
    "patch_size": 4,
    "embed_dim": 12,
    "depth": 1,
    "num_heads": 2,
    "num_classes": 3,
    "in_chans": 3,
}
