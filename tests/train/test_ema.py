"""The average of the weights: what it is after some steps, and that running averages are in it."""

import numpy as np
import pytest

from minivit.models import ResNet
from minivit.train import ema
from tests.train.small import small_model


def walk(model, decay: float, steps: int = 6):
    """An average, and what it should be, after the weights have been numbers that are easy to tell apart."""
    average = ema.WeightAverage(model, decay=decay)
    expected = {name: param.value.astype(float) for name, param in model.named_state().items()}
    for step in range(1, steps + 1):
        for i, param in enumerate(model.named_state().values()):
            param.value = np.full(param.shape, 10.0 * i + step**2)
        average.update(model, step)
        keeps = min(decay, (1 + step) / (10 + step))
        for i, name in enumerate(expected):
            expected[name] = keeps * expected[name] + (1 - keeps) * (10.0 * i + step**2)
    return average, expected


def the_average_is_what_the_formula_says() -> None:
    for decay in (0.0, 0.3, 0.999):
        model = small_model(dtype="float64")
        average, expected = walk(model, decay)
        for name, param in average.model.named_state().items():
            np.testing.assert_allclose(param.value, expected[name], rtol=1e-12)


def test_the_average_is_what_the_formula_says() -> None:
    the_average_is_what_the_formula_says()


def running_averages_are_averaged() -> None:
    model = ResNet(layers=(1, 1), channels=(4, 4), stem="3x3", stem_chans=4, num_classes=3, dtype="float64")
    average, expected = walk(model, 0.5, steps=3)
    running = [name for name, param in model.named_state().items() if not param.learned]
    assert running
    for name in running:
        np.testing.assert_allclose(average.model.named_state()[name].value, expected[name], rtol=1e-12)


def test_running_averages_are_averaged() -> None:
    running_averages_are_averaged()


@pytest.mark.parametrize("decay", [0.0, 0.3, 0.999])
@pytest.mark.parametrize("dtype", ["float32", "float64"])
def test_the_average_of_equal_numbers_is_that_number(dtype: str, decay: float) -> None:
    """So what is not trained, such as a frozen body, stays bit for bit."""
    model = small_model(dtype=dtype)
    before = model.state_dict()
    average = ema.WeightAverage(model, decay=decay)
    for step in range(1, 40):
        average.update(model, step)
    for name, value in average.model.state_dict().items():
        np.testing.assert_array_equal(value, before[name])


def the_first_steps_are_soon_forgotten() -> None:
    assert [ema.ema_decay(step, 0.999) for step in (1, 8, 90)] == [2 / 11, 9 / 18, 91 / 100]
    assert ema.ema_decay(10**6, 0.999) == 0.999
    assert ema.ema_decay(90, 0.5) == 0.5


def test_the_first_steps_are_soon_forgotten() -> None:
    the_first_steps_are_soon_forgotten()


def test_the_average_is_a_model_of_its_own() -> None:
    model = small_model()
    average = ema.WeightAverage(model, decay=0.9)
    before = average.model.state_dict()
    for name, value in before.items():
        np.testing.assert_array_equal(value, model.state_dict()[name])
    for param in model.params:
        param.value = param.value + 1
    for name, value in average.model.state_dict().items():
        np.testing.assert_array_equal(value, before[name])


@pytest.mark.parametrize("decay", [-0.1, 1.0, float("nan")])
def test_a_decay_that_is_none(decay: float) -> None:
    with pytest.raises(ValueError, match=f"decay is {decay}; expected at least 0 and below 1"):
        ema.WeightAverage(small_model(), decay=decay)
