import numpy as np
import pytest

from minivit.check import check_layer
from minivit.layers import Layer, Linear, Param
from minivit.layers.initial import normal, ones, xavier_uniform

RNG = np.random.default_rng(0)
X = RNG.standard_normal((3, 5))


class Twice(Layer):
    """One Linear used twice."""

    def __init__(self):
        self.linear = Linear(5, 5)

    def forward(self, x):
        h, c_first = self.linear.forward(x)
        y, c_second = self.linear.forward(h)
        return y, (c_first, c_second)

    def backward(self, dy, cache):
        return self.linear.backward(self.linear.backward(dy, cache[1]), cache[0])


class Tied(Layer):
    """Two Linears with one weight, in a list."""

    def __init__(self):
        self.layers = [Linear(5, 5), Linear(5, 5, bias=False)]
        self.layers[1].weight = self.layers[0].weight

    def forward(self, x):
        h, c_first = self.layers[0].forward(x)
        y, c_second = self.layers[1].forward(h)
        return y, [c_first, c_second]

    def backward(self, dy, cache):
        return self.layers[0].backward(self.layers[1].backward(dy, cache[1]), cache[0])


def test_layer_used_twice_sums_its_gradients():
    check_layer(Twice().init(), X)


def test_the_first_gradient_is_taken_over_and_the_next_added():
    param = Param((2,), "out", ones)
    param.init([0], np.dtype("float64"))
    first = np.array([1.0, 2.0])
    param.add_grad(first)
    assert param.grad is first
    param.add_grad(np.array([10.0, 20.0]))
    np.testing.assert_array_equal(param.grad, [11, 22])
    with pytest.raises(ValueError, match=r"shape \(2,\) cannot take a gradient of shape \(3,\)"):
        Param((2,), "out", ones).add_grad(np.zeros(3))


def test_tied_parameter_is_one():
    layer = Tied().init()
    assert list(layer.named_params()) == ["layers.0.weight", "layers.0.bias"]
    assert layer.num_params == 5 * 5 + 5
    check_layer(layer, X)


def test_replica_shares_values_and_owns_gradients():
    layer = Tied().init(dtype="float64")
    twin = layer.replica()
    assert list(twin.named_params()) == list(layer.named_params())
    assert twin.layers[1].weight is twin.layers[0].weight
    assert twin.layers[0].weight.value is layer.layers[0].weight.value
    y, cache = twin.forward(X)
    twin.backward(np.ones_like(y), cache)
    assert twin.layers[0].weight.grad.any()
    assert not layer.layers[0].weight.grad.any()
    layer.layers[0].weight.value = np.ones((5, 5))
    assert (twin.layers[1].weight.value == 1).all()


def test_gradients_accumulate_until_zero_grad():
    layer = Linear(5, 7).init(dtype="float64")
    y, cache = layer.forward(X)
    layer.backward(y, cache)
    once = layer.weight.grad.copy()
    layer.backward(y, cache)
    np.testing.assert_array_equal(layer.weight.grad, 2 * once)
    layer.zero_grad()
    assert not layer.weight.grad.any()


def test_values_do_not_depend_on_the_order_of_use():
    first, second = Tied().init(seed=3), Tied().init(seed=3)
    there, back = first.named_params(), second.named_params()
    values = [param.value for param in there.values()]
    for value, param in zip(reversed(values), reversed(back.values()), strict=True):
        np.testing.assert_array_equal(param.value, value)


def test_seed_and_name_decide_the_values():
    values = [Linear(5, 7).init(seed).weight.value for seed in (0, 0, 1)]
    np.testing.assert_array_equal(values[0], values[1])
    assert not np.array_equal(values[0], values[2])
    twice = Twice().init(0).linear.weight.value
    assert not np.array_equal(twice, Linear(5, 5).init(0).weight.value)


def test_precisions_start_alike():
    in_32, in_64 = (Linear(5, 7).init(0, dtype).weight.value for dtype in ("float32", "float64"))
    assert (in_32.dtype, in_64.dtype) == (np.float32, np.float64)
    np.testing.assert_array_equal(in_32, in_64.astype(np.float32))


def test_init_forgets_value_and_gradient():
    layer = Linear(5, 7).init(0)
    first = layer.weight.value.copy()
    layer.weight.value = np.ones((5, 7))
    layer.weight.grad += 1
    layer.init(0)
    np.testing.assert_array_equal(layer.weight.value, first)
    assert not layer.weight.grad.any()


def test_dtype_must_be_single_or_double():
    with pytest.raises(TypeError, match="dtype is float16; expected float32"):
        Linear(5, 7).init(0, "float16")


def test_value_before_init():
    with pytest.raises(RuntimeError, match=r"call init\(seed\) on the layer"):
        _ = Linear(5, 7).weight.value


def test_param_rejects_other_shapes():
    param = Param((2, 3), "in out", ones)
    with pytest.raises(ValueError, match=r"shape \(2, 3\) cannot take a value of shape \(3, 2\)"):
        param.value = np.ones((3, 2))
    with pytest.raises(ValueError, match=r"shape \(2, 3\) cannot take a gradient of shape \(2,\)"):
        param.grad = np.ones(2)


@pytest.mark.parametrize("new", [np.full((2, 3), "1.5"), np.full((2, 3), None), np.ones((2, 3)) * 1j])
def test_param_takes_real_numbers_only(new):
    param = Linear(2, 3).init().weight
    before = param.value.copy()
    with pytest.raises(ValueError, match=r"the value of a parameter has dtype .*; expected real numbers"):
        param.value = new
    with pytest.raises(ValueError, match=r"the gradient of a parameter has dtype .*; expected real numbers"):
        param.grad = new
    np.testing.assert_array_equal(param.value, before)


def test_sides_of_a_parameter_are_positive():
    for side in (0, -3):
        with pytest.raises(
            ValueError, match=rf"^a parameter cannot have shape \(5, {side}\); every side is at least 1"
        ):
            Linear(5, side)
    with pytest.raises(TypeError, match=r"^shape is \(5, True\); expected"):
        Linear(5, True)


def test_assigning_copies_and_keeps_the_dtype():
    param, new = Param((2, 3), "in out", normal(1.0)), np.ones((2, 3))
    param.value = new
    value = param.value
    param.value = 2 * new
    assert value is param.value
    assert value.dtype == np.float32
    assert (new == 1).all()
    assert repr(param) == "Param(shape=(2, 3), axes='in out', dtype=float32)"


def test_state_dict_round_trip():
    layer, other = Linear(5, 7).init(0), Linear(5, 7).init(1)
    arrays = layer.state_dict()
    other.load_state_dict(arrays)
    np.testing.assert_array_equal(other.weight.value, layer.weight.value)
    arrays["weight"][...] = 0
    assert layer.weight.value.any()


@pytest.mark.parametrize(
    ("change", "error", "message"),
    [
        (lambda a: a.pop("bias"), KeyError, "array 'bias' is missing: these are not the weights"),
        (lambda a: a.clear(), KeyError, r"array 'weight' is missing \(and 1 more\)"),
        (lambda a: a.update(gamma=1), KeyError, "array 'gamma' has no place in this model"),
        (
            lambda a: a.update(gamma=a.pop("bias"), beta=1),
            KeyError,
            r"array 'bias' is missing and array 'gamma' \(and 1 more\) has no place in this model: these are not the ",
        ),
        (lambda a: a.update(bias=np.ones(5)), ValueError, r"array 'bias' has shape \(5,\); this model expects \(7,\)"),
        (lambda a: a.update(bias=np.full(7, "text")), ValueError, "'bias' has dtype <U4; expected real numbers"),
    ],
)
def test_load_state_dict_changes_nothing_if_something_does_not_fit(change, error, message):
    layer = Linear(5, 7).init(0)
    before = layer.state_dict()
    arrays = {name: value + 1 for name, value in before.items()}
    change(arrays)
    with pytest.raises(error, match=message):
        layer.load_state_dict(arrays)
    np.testing.assert_array_equal(layer.weight.value, before["weight"])


def test_a_value_that_cannot_be_assigned_leaves_the_initial_one():
    layer = Linear(5, 7).init(0)
    with pytest.raises(ValueError, match="a parameter has dtype <U4; expected real numbers"):
        layer.weight.value = np.full((5, 7), "text")
    np.testing.assert_array_equal(layer.weight.value, Linear(5, 7).init(0).weight.value)


def test_taking_a_value_is_assigning_it():
    """Before the first use the memory itself is taken over, afterwards replicas see the change."""
    for used in (False, True):
        param = Linear(5, 7).init(0).weight
        before, twin = (param.value, param.replica()) if used else (None, None)
        value = param.empty()
        value[...] = 3
        param.take(value)
        assert (param.value == 3).all()
        assert param.value is (before if used else value)
        assert twin is None or (twin.value == 3).all()


def test_axes_decide_what_is_a_linear_map_and_its_fans():
    kernel = Param((3, 3, 64, 128), "row column in out", ones)
    assert kernel.is_linear_map
    assert kernel.fans == (9 * 64, 9 * 128)
    assert Param((5, 7), "in out", ones).fans == (5, 7)
    assert not Param((169, 4), "offset head", ones).is_linear_map  # a table of two axes is no matrix
    assert not Param((64,), "out", ones).is_linear_map


def test_a_kernel_is_drawn_by_its_fans():
    kernel = Param((3, 3, 64, 64), "row column in out", xavier_uniform)
    kernel.init([0], np.dtype("float32"))
    assert np.abs(kernel.value).max() == pytest.approx(0.0721687, abs=1e-5)  # sqrt(6 / (576 + 576))


def test_each_axis_has_a_name():
    with pytest.raises(ValueError, match=r"axes are 'in out'; expected a name for each axis of \(3, 3, 2, 2\)"):
        Param((3, 3, 2, 2), "in out", ones)


def test_a_table_knows_its_grid():
    assert Param((1, 7, 5), "batch position width", ones).grid is None
    table = Param((1, 7, 5), "batch position width", ones, grid=(2, 3))
    table.init([0], np.dtype("float32"))
    assert table.replica().grid == table.grid == (2, 3)
    for grid in [(2, 4), (0, 3), (-2, -3)]:
        with pytest.raises(ValueError, match=r"shape \(1, 7, 5\) has no entries for a grid of \(-?\d, -?\d\)"):
            Param((1, 7, 5), "batch position width", ones, grid=grid)


class Nest(Layer):
    """Layers in lists, tuples and dicts, and in each other's."""

    def __init__(self):
        self.stages = [(Linear(5, 5), {"deep": [Linear(5, 5, bias=False)]}), []]
        self.scales = {"gamma": Param((5,), "out", ones), "size": 3}

    def forward(self, x):
        (first, inner), _ = self.stages
        h, c_first = first.forward(x * self.scales["gamma"].value)
        y, c_deep = inner["deep"][0].forward(h)
        return y, (x, c_first, c_deep)

    def backward(self, dy, cache):
        x, c_first, c_deep = cache
        (first, inner), _ = self.stages
        dh = first.backward(inner["deep"][0].backward(dy, c_deep), c_first)
        self.scales["gamma"].add_grad((dh * x).sum(0))
        return dh * self.scales["gamma"].value


def test_layers_in_lists_tuples_and_dicts_are_found_trained_and_replicated():
    layer = Nest().init()
    names = ["stages.0.0.weight", "stages.0.0.bias", "stages.0.1.deep.0.weight", "scales.gamma"]
    assert list(layer.named_params()) == names
    check_layer(layer, X)
    twin = layer.replica()
    assert [type(part) for part in twin.stages] == [tuple, list]
    for name, param in twin.named_params().items():
        assert param is not layer.named_params()[name]
        assert param.value is layer.named_params()[name].value


class Holder:
    def __init__(self, item):
        self.item = item


@pytest.mark.parametrize(
    "hide",
    [
        lambda linear: {linear},
        lambda linear: [{linear}],
        Holder,
        lambda linear: [Holder([linear])],
        lambda linear: linear.forward,
        lambda linear: lambda x: linear.forward(x)[0],
        lambda linear: iter([linear]),
        lambda linear: Holder(linear.weight),
    ],
)
def test_a_layer_that_would_not_be_found_is_refused(hide):
    """It would silently not be trained and not be saved."""
    outer = Twice()
    vars(outer.linear)["secret"] = hide(Linear(5, 5))
    with pytest.raises(TypeError, match=r"Linear\.secret hides a (Linear|Param); expected it in attributes, lists"):
        outer.init()


def test_options_hide_nothing():
    layer = Linear(5, 5)
    vars(layer)["options"] = {"rate": 0.1, "act": np.tanh, "rng": np.random.default_rng(), "dtype": np.dtype("float32")}
    vars(layer)["around"] = [np.ones(3), Linear.forward, print, Holder]
    assert layer.init().num_params == 30
