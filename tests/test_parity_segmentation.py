"""UPerNet on Swin and SegFormer: the same numbers as transformers, by tools/_segmentation.py."""

from typing import Any

import numpy as np
import pytest
from numpy import ndarray

from minivit.layers import frozen
from minivit.models import SegFormer, UPerNet
from minivit.models.upernet import Segmented
from minivit.tasks import Segment
from minivit.weights import load_hf
from tests.test_parity import Case, assert_gradient, assert_output, assert_parameters, channels_last

KINDS = {"hf_upernet": UPerNet, "hf_upernet_small": UPerNet, "hf_upernet_train": UPerNet}
KINDS |= {"hf_segformer": SegFormer, "hf_segformer_train": SegFormer}


def weights(case: Case) -> dict[str, ndarray]:
    """Parameters and running averages."""
    buffers = {key: array for key, array in case.part("const").items() if key.startswith("buffer/")}
    return case.part("param") | {key.removeprefix("buffer/"): array for key, array in buffers.items()}


def with_weights(case: Case, name: str, **options: Any) -> tuple[Any, Any]:
    """A model with the weights of transformers, as it infers or trains, and one with their gradients for weights."""
    ours, theirs = (KINDS[name](**{**case.meta["config"], **options}, dtype="float64") for _ in range(2))
    arrays = weights(case)
    load_hf(ours, arrays)
    load_hf(theirs, {**arrays, **case.part("gparam")})
    return ours if name.endswith("train") else frozen(ours), theirs


def of_pixels(case: Case, name: str) -> Any:
    """The cotangent of the logits."""
    logits = channels_last(case["cot/logits"])
    return Segmented(logits, channels_last(case["cot/auxiliary"])) if KINDS[name] is UPerNet else logits


def added(a: Any, b: Any) -> Any:
    return type(a)(*map(np.add, a, b)) if isinstance(a, tuple) else a + b


@pytest.mark.parametrize("grad_checkpointing", [False, True])
@pytest.mark.parametrize("name", KINDS)
def test_transformers(name: str, grad_checkpointing: bool) -> None:
    """Logits, and the loss of labels of which some do not count, in which the auxiliary head counts for 0.4."""
    case = Case(name)
    ours, theirs = with_weights(case, name, grad_checkpointing=grad_checkpointing)
    y, cache = ours.forward(channels_last(case["in/x"]))
    logits, *auxiliary = y if isinstance(y, tuple) else (y,)
    assert_output(logits, channels_last(case["out/logits"]))
    if auxiliary:
        assert_output(auxiliary[0], channels_last(case["out/auxiliary"]))
    loss, c_loss = Segment().forward(y, case["const/labels"].astype(np.uint8))
    assert_output(loss, case["out/loss"])
    dy = added(of_pixels(case, name), Segment().backward(case["cot/loss"], c_loss))
    assert_gradient(ours.backward(dy, cache), channels_last(case["gin/x"]))
    assert_parameters(ours, theirs)
