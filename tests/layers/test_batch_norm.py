"""Batch statistics: PyTorch's numbers, averages that do not depend on threads, and what inference makes of them."""

from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest

import minivit as mv
from minivit.check import check_layer
from minivit.layers import BatchNorm, Block, Checkpoint, Layer, Linear, Mlp, Param, frozen, run, run_backward
from minivit.layers.initial import ones
from minivit.models.model import Model
from minivit.tasks import Classification
from minivit.train import SGD, AdamW, predict, training_step

RNG = np.random.default_rng(0)
X = RNG.standard_normal((7, 3, 5))

NUMBERS = np.array([[1.0, 2.0, -1.0], [3.0, 2.5, 0.0], [-2.0, 4.0, 1.0], [0.5, 0.0, 6.0]])
PYTORCH = {  # torch.nn.BatchNorm1d(3).double() of these numbers, version 2.13
    "train": [
        [0.21055838998863707, -1.1747403844859883, 2.535761974721415],
        [1.3335364699280348, -0.4757788465420355, 2.721457184832849],
        [-1.4739087299204596, 1.6211057672898228, 2.907152394944283],
        [-0.07018612999621238, -3.9705865362617994, 3.8356284455014524],
    ],
    "running_mean": [0.0625, 0.2125, 0.15],
    "running_var": [1.3229166666666667, 1.1729166666666666, 1.8666666666666667],
    "eval": [
        [0.8150859198686202, 2.3009626932884455, 2.579144220831701],
        [2.55393588225501, 3.2243089012012978, 2.9451057679345696],
        [-1.7931890237109644, 5.994347524939854, 3.3110673150374383],
        [0.3803734292720228, -1.392422138362962, 5.140875050551782],
    ],
}
WEIGHT, BIAS = np.array([1.0, 2.0, 0.5]), np.array([0.0, -1.0, 3.0])


class Net(Model):
    """Two linear maps with batch normalisation between, one of them in a list, one checkpointed."""

    def __init__(self, *, width: int = 6, checkpoint: bool = False, seed: int = 0, dtype: str = "float32") -> None:
        norms = [BatchNorm(width), BatchNorm(width)]
        self.fc1 = Linear(12, width)
        self.norms: list[Layer] = [norms[0], Checkpoint(norms[1]) if checkpoint else norms[1]]
        self.head = Linear(width, 4)
        self.init(seed, dtype)

    def forward(self, images, *, rng=None):
        x, c_fc1 = self.fc1.forward(images.reshape(len(images), -1))
        x, c_norms = run(self.norms, x)
        y, c_head = self.head.forward(x)
        return y, NetCache(c_fc1, c_norms, c_head, images.shape)

    def backward(self, dy, cache):
        dx = run_backward(self.norms, self.head.backward(dy, cache.head), cache.norms)
        return self.fc1.backward(dx, cache.fc1).reshape(cache.shape)


class NetCache:
    def __init__(self, fc1, norms, head, shape):
        self.fc1, self.norms, self.head, self.shape = fc1, norms, head, shape


IMAGES, LABELS = RNG.standard_normal((41, 2, 2, 3)).astype(np.float32), RNG.integers(0, 4, 41)


def trained(steps: int = 3, threads: int | None = 1, **options: Any) -> Net:
    net = Net(**options)
    optimizer = AdamW(net, lr=1e-2)
    for _ in range(steps):
        training_step(net, IMAGES, LABELS, optimizer=optimizer, threads=threads)
    return net


def averages(net: Layer) -> dict[str, np.ndarray]:
    return {name: param.value.copy() for name, param in net.named_state().items() if not param.learned}


def test_gradients():
    check_layer(BatchNorm(5).init(), X)


def test_what_is_learned_and_what_is_only_kept():
    norm = BatchNorm(5).init()
    assert list(norm.named_params()) == ["weight", "bias"]
    assert norm.num_params == 10
    assert list(norm.state_dict()) == ["weight", "bias", "running_mean", "running_var"]
    assert list(SGD(norm).params) == ["weight", "bias"]


def test_pytorchs_numbers():
    norm = BatchNorm(3).init(0, "float64")
    norm.weight.value, norm.bias.value = WEIGHT, BIAS
    y, cache = norm.forward(NUMBERS)
    np.testing.assert_allclose(y, PYTORCH["train"], rtol=1e-12)
    norm.absorb(cache)
    np.testing.assert_allclose(norm.running_mean.value, PYTORCH["running_mean"], rtol=1e-12)
    np.testing.assert_allclose(norm.running_var.value, PYTORCH["running_var"], rtol=1e-12)
    np.testing.assert_allclose(frozen(norm).forward(NUMBERS)[0], PYTORCH["eval"], rtol=1e-12)


def test_gradients_with_running_averages():
    """As PyTorch's in ``eval()``: scale and shift of the norm learn on, the averages are what they are."""
    norm = BatchNorm(5).init(0, "float64")
    for param in norm.named_state().values():
        param.value = RNG.uniform(0.5, 2, 5)
    check_layer(frozen(norm), X)


@pytest.mark.parametrize("checkpoint", [False, True])
def test_the_same_averages_from_any_number_of_threads(checkpoint):
    one = trained(threads=1, checkpoint=checkpoint)
    for threads in (2, 4):
        other = trained(threads=threads, checkpoint=checkpoint)
        for name, value in one.state_dict().items():
            np.testing.assert_array_equal(other.state_dict()[name], value)
    assert all(value.any() for value in averages(one).values())
    assert averages(one).keys() == averages(trained(checkpoint=not checkpoint)).keys()
    for name, value in averages(trained(checkpoint=not checkpoint)).items():
        np.testing.assert_array_equal(averages(one)[name], value)


def test_averages_are_saved_and_a_training_goes_on_with_them(tmp_path, monkeypatch):
    whole, half = trained(steps=4), trained(steps=2)
    mv.save(half, tmp_path / "net.safetensors")
    again = mv.load(tmp_path / "net.safetensors")
    assert type(again) is Net
    for name, value in averages(half).items():
        np.testing.assert_array_equal(averages(again)[name], value)
    assert not np.array_equal(averages(whole)["norms.0.running_mean"], averages(half)["norms.0.running_mean"])


@pytest.mark.parametrize("ratio", [1, 1e2, 1e4])
def test_a_frozen_weight_keeps_the_digits_of_its_gradient(ratio):
    """Of what lies far from zero, in float32: a sum of dy * x less mean * sum(dy) would leave none at 1e4."""
    rng = np.random.default_rng(0)
    x = (rng.standard_normal((64, 64, 5)) + ratio).astype(np.float32)
    dy = (1 + rng.standard_normal(x.shape)).astype(np.float32)
    grads = []
    for dtype in (np.float32, np.float64):
        norm = BatchNorm(5).init(0, dtype)
        norm.running_mean.value[...] = ratio
        layer = frozen(norm)
        layer.backward(dy.astype(dtype), layer.forward(x.astype(dtype))[1])
        grads.append(layer.named_params()["weight"].grad)
    np.testing.assert_allclose(grads[0], grads[1], rtol=1e-5)


def test_inference_is_frozen():
    net = trained()
    alone = np.concatenate([predict(net, image[None]) for image in IMAGES])
    np.testing.assert_allclose(alone, predict(net, IMAGES), atol=1e-5)  # no image depends on its neighbours
    before = averages(net)
    predict(net, IMAGES)
    net.forward(IMAGES)
    for name, value in averages(net).items():
        np.testing.assert_array_equal(value, before[name])
    assert list(frozen(net).state_dict()) == list(net.state_dict())


def test_frozen_reaches_blocks_and_leaves_the_model_alone():
    net = Net(checkpoint=True)
    twin = frozen(net)
    assert not any(isinstance(layer, BatchNorm) for layer in twin.norms)
    assert isinstance(net.norms[0], BatchNorm)
    assert frozen(Block(6, 3).init()).num_params == Block(6, 3).num_params


def test_what_is_frozen_can_be_frozen_again():
    """As ``predict`` does, whatever model it is given."""
    twin = frozen(trained())
    np.testing.assert_array_equal(frozen(twin).forward(IMAGES)[0], twin.forward(IMAGES)[0])
    np.testing.assert_array_equal(predict(twin, IMAGES), predict(trained(), IMAGES))


def test_a_step_that_fails_changes_no_average():
    net = Net()
    images = IMAGES.copy()
    images[-1] = np.nan
    before = net.state_dict()
    with pytest.raises(FloatingPointError):
        training_step(net, images, LABELS, optimizer=SGD(net), task=Classification())
    for name, value in net.state_dict().items():
        np.testing.assert_array_equal(value, before[name])


def test_one_number_per_channel_cannot_be_normalised():
    with pytest.raises(ValueError, match=r"batch_norm: x has shape \(1, 5\); expected at least two numbers"):
        BatchNorm(5).init(0, "float64").forward(X[:1, 0])


class Forgetful(Layer):
    """Its cache does not bear the names of its layers."""

    def __init__(self) -> None:
        self.norms = {"first": BatchNorm(5)}
        self.plain = Linear(5, 5)

    def forward(self, x, *, rng=None):
        return self.norms["first"].forward(x)


def test_statistics_that_would_not_be_found_are_told():
    """They would silently stay what they were, and inference would be wrong."""
    layer = Forgetful().init(0, "float64")
    _, cache = layer.forward(X)
    with pytest.raises(TypeError, match=r"Forgetful.norms keeps statistics .*; expected a field 'norms' in the cache"):
        layer.absorb(cache)


class NormAndMlp(Layer):
    """Beside a norm a layer that keeps nothing, whose activation is a pair of functions and its cache one array."""

    def __init__(self) -> None:
        self.norm, self.mlp = BatchNorm(5), Mlp(5, 6, act_layer="relu")

    def forward(self, x, *, rng=None):
        h, c_norm = self.norm.forward(x)
        y, c_mlp = self.mlp.forward(h)
        return y, SimpleNamespace(norm=c_norm, mlp=c_mlp)


def test_what_keeps_no_statistics_is_not_asked():
    layer = NormAndMlp().init(0, "float64")
    _, cache = layer.forward(X)
    layer.absorb(cache)
    assert np.abs(layer.norm.running_mean.value).max() > 0


@pytest.mark.parametrize("inside", [lambda norm: [norm], lambda norm: (norm,), lambda norm: {"norm": norm}])
def test_frozen_finds_every_norm(inside):
    layer: Any = Forgetful()
    layer.norms = {"first": BatchNorm(5), "others": inside(Checkpoint(BatchNorm(5)))}
    frozen(layer.init()).forward(X.astype(np.float32))
    assert not [part for part in vars(frozen(layer))["norms"].values() if isinstance(part, BatchNorm)]
    assert isinstance(layer.norms["first"], BatchNorm)


class RootMeanSquare(Layer):
    """A layer with statistics of its own."""

    def __init__(self) -> None:
        self.running = Param((5,), "out", ones, learned=False)

    def forward(self, x, *, rng=None):
        square = np.square(x).reshape(-1, 5).mean(0)
        return x / np.sqrt(square), square

    def absorb(self, cache):
        self.running.value = cache


class Frozen(RootMeanSquare):
    def __init__(self, running: Param) -> None:
        self.running = running

    def forward(self, x, *, rng=None):
        return x / np.sqrt(self.running.value), None


def test_frozen_takes_layers_with_statistics_of_their_own(monkeypatch):
    layer: Any = Forgetful()
    layer.norms = {"first": BatchNorm(5), "others": [RootMeanSquare()]}
    own = layer.init(0, "float64").norms["others"][0]
    own.absorb(np.full(5, 4.0))
    with pytest.raises(
        TypeError, match=r"^RootMeanSquare moves running, but has no method frozen, to compute with it$"
    ):
        frozen(layer)
    monkeypatch.setattr(RootMeanSquare, "frozen", lambda self: Frozen(self.running), raising=False)
    np.testing.assert_array_equal(frozen(layer).norms["others"][0].forward(X)[0], X / 2)
    assert type(layer.norms["others"][0]) is RootMeanSquare


def test_a_table_that_nothing_moves_is_left_as_it_is():
    layer = Linear(5, 5).init()
    vars(layer)["positions"] = Param((5,), "position", ones, learned=False)
    assert type(frozen(layer.init())) is Linear
