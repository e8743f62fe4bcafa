from typing import Any

import numpy as np
import pytest

from minivit.check import check_layer
from minivit.layers.initial import normal
from minivit.layers.non_local import NonLocal, SAGANAttention, non_local_in_loops
from minivit.models.non_local import FORMS

RNG = np.random.default_rng(0)
MAPS = RNG.standard_normal((2, 5, 4, 8))


def random(layer: Any) -> Any:
    """With no zeros at its end, which hide the rest."""
    layer.init(0, "float64")
    for name, param in layer.named_params().items():
        param.value = normal(0.5)(np.random.default_rng(len(name)), param)
    return layer


@pytest.mark.parametrize("options", [{}, {"sub_sample": False, "norm": False}], ids=str)
@pytest.mark.parametrize("form", [form for form in FORMS if form != "sagan"])
def test_gradients(form, options):
    check_layer(random(FORMS[form](8, 3, **options)), MAPS)


def test_gradients_of_sagan():
    check_layer(random(SAGANAttention(8)), MAPS)


def test_it_is_what_the_loops_say():
    layer = random(NonLocal(8, 3, sub_sample=False, norm=False))
    y, _ = layer.forward(MAPS)
    for image, out in zip(MAPS, y, strict=True):
        np.testing.assert_allclose(out - image, non_local_in_loops(layer, image), rtol=1e-11, atol=1e-12)


@pytest.mark.parametrize("form", FORMS)
def test_a_new_block_changes_nothing(form):
    layer = FORMS[form](8).init(0, "float64")
    y, _ = layer.forward(MAPS)
    np.testing.assert_array_equal(y, MAPS)


def test_half_of_the_channels_look():
    assert NonLocal(10).init().g.weight.shape == (1, 1, 10, 5)
    assert NonLocal(1).init().g.weight.shape == (1, 1, 1, 1)


def test_every_place_looks_at_every_pooled_one():
    _, cache = random(NonLocal(8)).forward(MAPS)
    assert cache.attention.weights.shape == (2, 5 * 4, 2 * 2)
    np.testing.assert_allclose(cache.attention.weights.sum(-1), 1, rtol=1e-12)


def test_queries_and_keys_without_a_channel():
    with pytest.raises(ValueError, match=r"^inter_dim is 0; expected at least 1$"):
        NonLocal(6, 0)


def test_too_few_channels_for_an_eighth():
    with pytest.raises(ValueError, match="dim is 7; queries and keys have an eighth of the channels, so expected 8"):
        SAGANAttention(7)
